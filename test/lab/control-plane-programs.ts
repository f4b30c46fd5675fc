// The command lines of etcd, the API server, the controller manager and the scheduler.
import path from 'node:path';
import { CONTROLLER_MANAGER, kubeconfigFile, pkiFile, SCHEDULER } from './control-plane-files.ts';
import type { ControlPlaneFacts } from './control-plane-files.ts';
import { printFlags } from './flags.ts';
import type { ProgramSpec } from './processes.ts';

export interface ProgramsPlace {
  readonly folder: string;
  /** The combined binary. */
  readonly binary: string;
  readonly facts: ControlPlaneFacts;
}

/** Pods reach the API server at the first address of this range. */
export const SERVICE_RANGE = '10.96.0.0/16';

export function etcd({ folder, binary, facts }: ProgramsPlace): ProgramSpec {
  const client = `http://127.0.0.1:${facts.etcdPort}`;
  const peer = `http://127.0.0.1:${facts.etcdPeerPort}`;
  const flags = printFlags({
    name: 'lab',
    'data-dir': path.join(folder, 'etcd'),
    'log-level': 'warn',
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `lab=${peer}`,
    // Nothing in a lab is worth waiting for the disk.
    'unsafe-no-fsync': true,
  });
  return { name: 'etcd', command: [binary, 'etcd', ...flags] };
}

export function apiServer({ folder, binary, facts }: ProgramsPlace, extra: readonly string[]): ProgramSpec {
  const pki = (name: string): string => pkiFile(folder, name);
  const flags = printFlags({
    'etcd-servers': `http://127.0.0.1:${facts.etcdPort}`,
    'bind-address': facts.address,
    'secure-port': facts.port,
    // An address of loopback cannot be the endpoint of the Service `kubernetes`: nothing in a pod could dial it.
    ...(facts.address.startsWith('127.')
      ? { 'endpoint-reconciler-type': 'none' }
      : { 'advertise-address': facts.address }),
    'tls-cert-file': pki('apiserver.crt'),
    'tls-private-key-file': pki('apiserver.key'),
    'cert-dir': pki('generated'),
    'token-auth-file': pki('tokens.csv'),
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'allow-privileged': true,
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': pki('service-account.pub'),
    'service-account-signing-key-file': pki('service-account.key'),
    'service-cluster-ip-range': SERVICE_RANGE,
    'kubelet-preferred-address-types': 'InternalIP',
  });
  return { name: 'kube-apiserver', command: [binary, 'kube-apiserver', ...flags, ...extra] };
}

/** Without leader election (there is one of each) and without a port (nobody asks), and not held back by their own rate limits. */
const ALONE = { 'leader-elect': false, 'secure-port': 0, 'kube-api-qps': 200, 'kube-api-burst': 400 };

export function controllerManager({ folder, binary }: ProgramsPlace): ProgramSpec {
  const flags = printFlags({
    ...ALONE,
    kubeconfig: kubeconfigFile(folder, CONTROLLER_MANAGER),
    'service-account-private-key-file': pkiFile(folder, 'service-account.key'),
    'root-ca-file': pkiFile(folder, 'ca.pem'),
    'cert-dir': pkiFile(folder, 'generated'),
  });
  return { name: 'kube-controller-manager', command: [binary, 'kube-controller-manager', ...flags] };
}

export function scheduler({ folder, binary }: ProgramsPlace): ProgramSpec {
  const flags = printFlags({ ...ALONE, kubeconfig: kubeconfigFile(folder, SCHEDULER) });
  return { name: 'kube-scheduler', command: [binary, 'kube-scheduler', ...flags] };
}
