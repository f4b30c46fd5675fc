// The kubelet of one node: its configuration and its command line.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { printFlags } from './flags.ts';
import { PARK_NETWORK } from './network.ts';
import { inNode } from './nodes.ts';
import type { LabNode } from './nodes.ts';
import type { ProgramSpec } from './processes.ts';

export interface KubeletOptions {
  readonly node: LabNode;
  /** The combined binary. */
  readonly binary: string;
  readonly kubeconfig: string;
}

/** Static pods are read from `<node's folder>/manifests`. */
export function prepareKubelet({ node, binary, kubeconfig }: KubeletOptions): ProgramSpec {
  const inFolder = (name: string): string => path.join(node.folder, name);
  for (const name of ['kubelet', 'manifests', 'pod-logs']) mkdirSync(inFolder(name), { recursive: true });
  writeFileSync(inFolder('resolv.conf'), `nameserver ${PARK_NETWORK.gateway}\n`);
  writeFileSync(inFolder('kubelet.json'), JSON.stringify(configuration(node), null, 2));
  const flags = printFlags({
    config: inFolder('kubelet.json'),
    kubeconfig,
    'hostname-override': node.name,
    'node-ip': node.network.gateway,
    'root-dir': inFolder('kubelet'),
    'cert-dir': inFolder('kubelet/pki'),
  });
  return { name: `kubelet-${node.name}`, command: inNode(node, [binary, 'kubelet', ...flags]) };
}

function configuration({ folder, socket, network, cgroup }: LabNode): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: `unix://${socket}`,
    // Each kubelet on its own bridge, so that two fit on one machine and no other network reaches them.
    address: network.gateway,
    healthzPort: 0,
    // The API server shows no certificate here, for `kubectl logs` and `exec`.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    clusterDomain: 'cluster.local',
    clusterDNS: [PARK_NETWORK.gateway],
    resolvConf: path.join(folder, 'resolv.conf'),
    staticPodPath: path.join(folder, 'manifests'),
    podLogsDir: path.join(folder, 'pod-logs'),
    volumePluginDir: path.join(folder, 'kubelet/volume-plugins'),
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    failCgroupV1: false,
    enforceNodeAllocatable: [],
    failSwapOn: false,
    localStorageCapacityIsolation: false,
    // Whatever the machine's disk looks like: nothing is evicted and no image is collected.
    evictionHard: {
      'memory.available': '0%',
      'nodefs.available': '0%',
      'imagefs.available': '0%',
      'nodefs.inodesFree': '0%',
    },
    imageGCHighThresholdPercent: 100,
    // Otherwise a chain KUBE-FIREWALL stays behind.
    makeIPTablesUtilChains: false,
    // The default is true: one pull that waits 30 s for a dead registry would hold up every other test on the node.
    serializeImagePulls: false,
    nodeStatusReportFrequency: '10s',
    // Secrets and ConfigMaps are watched, which is the default.
  };
}
