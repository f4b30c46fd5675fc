// Services: one kube-proxy for the whole machine, since both nodes share its network.
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ApiUser } from './control-plane-files.ts';
import type { Journal } from './journal.ts';
import { PARK_NETWORK, readSysctl } from './network.ts';
import type { ProgramSpec } from './processes.ts';

/** The user that the API server's own roles give kube-proxy its rights by. */
export const PROXY: ApiUser = { name: 'system:kube-proxy', groups: [] };

/** What kube-proxy and the kubelets set on the machine they take for theirs. */
const SYSCTLS = [
  'net/ipv4/conf/all/route_localnet',
  'net/bridge/bridge-nf-call-iptables',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
  'net/netfilter/nf_conntrack_max',
  'net/netfilter/nf_conntrack_tcp_timeout_established',
  'net/netfilter/nf_conntrack_tcp_timeout_close_wait',
];

/** Writes down what the machine's settings are before kubelets and kube-proxy change them, and that there will be chains. */
export function journalKubernetesSettings(journal: Journal): void {
  for (const key of SYSCTLS)
    if (existsSync(`/proc/sys/${key}`)) journal.record({ kind: 'sysctl', key, before: readSysctl(key) });
  journal.record({ kind: 'kube-chains' });
}

export function prepareProxy(at: { folder: string; binary: string; kubeconfig: string }): ProgramSpec {
  const file = path.join(at.folder, 'kube-proxy.json');
  const configuration = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    clientConnection: { kubeconfig: at.kubeconfig },
    // It takes the node's address from this node; both nodes' addresses are this machine's.
    hostnameOverride: 'node1',
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
    nodePortAddresses: [PARK_NETWORK.subnet],
    // 0: leave the machine's own values.
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    // A pod that reaches another of its own bridge by a Service would be answered past the translation without it.
    iptables: { masqueradeAll: true, localhostNodePorts: false },
  };
  writeFileSync(file, JSON.stringify(configuration, null, 2));
  return { name: 'kube-proxy', command: [at.binary, 'kube-proxy', `--config=${file}`] };
}
