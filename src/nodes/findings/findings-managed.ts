// Findings, managed: does the node's system own the runtime's files? By traces on the node; pure.
import { managedNode } from '../../domain/managed-node.ts';
import type { ManagedSystem } from '../../domain/managed-node.ts';
import { finding } from './finding.ts';
import type { Finding } from './finding.ts';
import type { Found } from '../looking/found.ts';

/** The value of a key of os-release(5), without its quotes. */
function osField({ osRelease }: Found, key: string): string {
  const line = (osRelease ?? '').split('\n').find((each) => each.startsWith(`${key}=`));
  return (line ?? '')
    .slice(key.length + 1)
    .trim()
    .replaceAll(/^["']|["']$/g, '');
}

type Sign = readonly [ManagedSystem, (found: Found) => boolean];

function runs({ processes }: Found, ...names: readonly string[]): boolean {
  return processes.some(({ comm }) => names.includes(comm));
}

/** A containerd that was started with a configuration below this folder. */
function containerdOf({ processes }: Found, folder: string): boolean {
  return processes.some(
    ({ comm, cmdline }) => comm === 'containerd' && cmdline.some((word) => word.includes(folder)),
  );
}

// Folders that an uninstalled system leaves behind (/etc/rancher, /var/lib/rancher) are no sign.
const SIGNS: readonly Sign[] = [
  [
    'OpenShift',
    (found) =>
      found.traces.includes('/etc/machine-config-daemon') ||
      runs(found, 'machine-config-') ||
      ['rhcos', 'scos'].includes(osField(found, 'ID')) ||
      osField(found, 'OPENSHIFT_VERSION') !== '',
  ],
  ['Talos', (found) => osField(found, 'ID') === 'talos' || found.traces.includes('/system/state')],
  ['GKE', (found) => osField(found, 'ID') === 'cos' || found.traces.includes('/home/kubernetes/bin')],
  ['k3s', (found) => runs(found, 'k3s', 'k3s-server', 'k3s-agent') || containerdOf(found, '/rancher/k3s/')],
  [
    'RKE2',
    (found) => runs(found, 'rke2', 'rke2-server', 'rke2-agent') || containerdOf(found, '/rancher/rke2/'),
  ],
  [
    'Bottlerocket',
    (found) =>
      osField(found, 'ID') === 'bottlerocket' ||
      found.traces.includes('/usr/share/bottlerocket') ||
      found.traces.includes('/.bottlerocket'),
  ],
  ['MicroK8s', (found) => containerdOf(found, '/snap/microk8s/')],
];

/** On such a node nothing is written. */
export function managedFindings(found: Found): Finding[] {
  const sign = SIGNS.find(([, shows]) => shows(found));
  if (sign === undefined) return [];
  const { message, fix } = managedNode(sign[0]);
  return [finding('ManagedNode', 'error', message, fix)];
}
