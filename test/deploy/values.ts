// Values with which the tests render the chart: every branch of every template is in one of them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';
import { renderChart } from '../../deploy/artifacts.ts';
import { readManifests, type Manifest } from './kubernetes-schema.ts';

const everyOption = {
  nameOverride: 'mirrors',
  fullnameOverride: 'mirrors',
  image: {
    repository: 'reg.example:5000/tools/registry-failover',
    tag: '1.2.3',
    digest: `sha256:${'a'.repeat(64)}`,
    pullPolicy: 'Always',
    pullSecrets: ['first', 'second'],
  },
  crds: { install: false },
  clusterName: 'fra-1',
  allowedEndpoints: ['*.ocir.io', 'registry.dc1.example:5000'],
  priorityClassName: 'platform-critical',
  tls: {
    secretName: 'own-tls',
    caBundle: 'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==',
    certManager: { enabled: false },
  },
  webhook: {
    replicas: 3,
    extraArgs: ['--budget', '1s'],
    resources: { requests: { cpu: 0.2, memory: '160Mi' }, limits: { memory: '256Mi' } },
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'infra', effect: 'NoSchedule' }],
    podAnnotations: { team: 'platform' },
  },
  controller: {
    replicas: 3,
    extraArgs: ['--log-level', 'debug'],
    resources: { requests: { cpu: 0.1 }, limits: { memory: '512Mi' } },
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'infra', effect: 'NoSchedule' }],
    podAnnotations: { team: 'platform' },
  },
  nodes: {
    enabled: true,
    containersFolder: '/opt/etc/containers',
    containerdFolder: '/opt/etc/containerd',
    crioAuthFile: '/etc/crio/registry-failover/auth.json',
    maxUnavailable: 5,
    opsAddress: 'Node',
    opsPort: 19442,
    extraArgs: ['--log-level=debug'],
    resources: { requests: { cpu: 0.01 }, limits: { memory: '128Mi' } },
    priorityClassName: 'platform-critical',
    nodeSelector: { pool: 'workers' },
    tolerations: [{ key: 'dedicated', operator: 'Exists' }],
    podAnnotations: { team: 'platform' },
    seLinuxType: '',
  },
  proxy: { httpsProxy: 'http://proxy.example:3128', noProxy: '10.0.0.0/8,.svc', secretName: '' },
  networkPolicy: {
    enabled: true,
    opsFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
    egressPorts: [443, 5000, 6443],
  },
  serviceMonitor: { enabled: true, labels: { release: 'prometheus' }, interval: '15s' },
};

/** Named sets of values. */
export const valueSets: Readonly<Record<string, unknown>> = {
  defaults: {},
  'every option': everyOption,
  'cert-manager': { tls: { certManager: { enabled: true } } },
  'cert-manager with an issuer of its own': {
    tls: {
      certManager: {
        enabled: true,
        issuerRef: { name: 'corp', kind: 'ClusterIssuer', group: 'cert-manager.io' },
      },
    },
  },
  'a proxy with a password': { proxy: { secretName: 'proxy' } },
  'an open network policy': { networkPolicy: { enabled: true, egressPorts: [] } },
  'a certificate of its own that the API server trusts anyway': { tls: { secretName: 'own-tls' } },
  'no priority class': { priorityClassName: '' },
  nodes: { nodes: { enabled: true } },
  'nodes with an auth file among the rest': {
    nodes: { enabled: true, crioAuthFile: '/etc/containers/auth.json', priorityClassName: '' },
  },
};

const folder = mkdtempSync(path.join(tmpdir(), 'chart-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The chart's objects with these values. Throws with helm's message when it refuses. */
export function renderWith(values: unknown, namespace = 'registry-failover'): readonly Manifest[] {
  const file = path.join(folder, `${crypto.randomUUID()}.json`);
  writeFileSync(file, JSON.stringify(values));
  return readManifests(renderChart(['--namespace', namespace, '--values', file]));
}

/** The components that run all the time. */
export const components = ['webhook', 'controller'] as const;
export type Component = (typeof components)[number];

/** The object of a kind that belongs to a component, by its name; fails when there is none. */
export function ofComponent(manifests: readonly Manifest[], kind: string, component: Component): Manifest {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name.endsWith(`-${component}`));
  if (found === undefined) throw new Error(`no ${kind} of the ${component}`);
  return found;
}

/** The pod template of a component's Deployment, and its one container. */
export function podOf(manifests: readonly Manifest[], component: Component) {
  const { template } = ofComponent(manifests, 'Deployment', component)['spec'];
  return { ...template, container: template.spec.containers[0] };
}
