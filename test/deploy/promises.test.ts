// What the rendered manifests promise: never in the way, no privileges, no secrets, and a process that is found where it listens.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { only, type Manifest } from './kubernetes-schema.ts';
import { renderWith, valueSets } from './values.ts';

const rendered = Object.entries(valueSets).map(
  ([name, values]) => [name, renderWith(values, 'install')] as const,
);
const defaults = rendered[0]![1];
const everyOption = rendered[1]![1];

/** The argument after a flag, for every time the flag is there. */
function valuesOf(args: readonly string[], flag: string): string[] {
  return args.flatMap((arg, index) => (arg === flag ? [args[index + 1] ?? ''] : []));
}

function podOf(manifests: readonly Manifest[]) {
  const { spec } = only(manifests, 'Deployment');
  return { ...spec.template, container: spec.template.spec.containers[0] };
}

describe.each(rendered)('the webhook configuration with %s', (_name, manifests) => {
  const [webhook, ...others] = only(manifests, 'MutatingWebhookConfiguration')['webhooks'];

  it('never stands in the way of a pod', () => {
    expect(others).toEqual([]);
    expect(webhook).toMatchObject({
      failurePolicy: 'Ignore',
      timeoutSeconds: 3,
      reinvocationPolicy: 'IfNeeded',
      sideEffects: 'None',
      matchPolicy: 'Equivalent',
      admissionReviewVersions: ['v1'],
    });
  });

  it('asks for pods that are made and for ephemeral containers that are added, and for nothing else', () => {
    const rule = (resource: string, operation: string) => ({
      apiGroups: [''],
      apiVersions: ['v1'],
      resources: [resource],
      operations: [operation],
      scope: 'Namespaced',
    });
    expect(webhook.rules).toEqual([rule('pods', 'CREATE'), rule('pods/ephemeralcontainers', 'UPDATE')]);
  });

  it('is called in opted-in namespaces only, never in kube-system and its own', () => {
    expect(webhook.namespaceSelector).toEqual({
      matchLabels: { 'registry-failover.io/enabled': 'true' },
      matchExpressions: [
        { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['kube-system', 'install'] },
      ],
    });
    expect(webhook).not.toHaveProperty('objectSelector');
    expect(webhook).not.toHaveProperty('matchConditions');
  });

  it('calls a Service that leads to the port on which the pods listen', () => {
    const service = only(manifests, 'Service');
    const { service: called } = webhook.clientConfig;
    expect(called).toMatchObject({
      name: service.metadata.name,
      namespace: 'install',
      path: '/mutate',
      port: 443,
    });
    const port = service['spec'].ports.find((one: { port: number }) => one.port === called.port);
    const { container, metadata } = podOf(manifests);
    const target = container.ports.find((one: { name: string }) => one.name === port.targetPort);
    expect(valuesOf(container.args, '--listen')).toEqual([`0.0.0.0:${target.containerPort}`]);
    expect(metadata.labels).toMatchObject(service['spec'].selector);
  });
});

describe.each(rendered)('the webhook pod with %s', (_name, manifests) => {
  const { spec, container, metadata } = podOf(manifests);

  it('has no privileges', () => {
    expect(spec.containers).toHaveLength(1);
    expect(spec.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      fsGroup: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(JSON.stringify(spec)).not.toMatch(/hostPath|hostNetwork|hostPID|hostIPC|hostPort/);
  });

  it('has no rights at the API server and no token', () => {
    expect(manifests.filter(({ kind }) => /Role/.test(kind))).toEqual([]);
    expect(spec.automountServiceAccountToken).toBe(false);
    const account = only(manifests, 'ServiceAccount');
    expect(account['automountServiceAccountToken']).toBe(false);
    expect(spec.serviceAccountName).toBe(account.metadata.name);
  });

  it('is probed on the port where operations are served', () => {
    const [address] = valuesOf(container.args, '--ops-listen');
    const port = container.ports.find((one: { name: string }) => one.name === 'ops');
    expect(address).toBe(`0.0.0.0:${port.containerPort}`);
    const asked = [container.startupProbe, container.livenessProbe, container.readinessProbe];
    expect(asked.map((probe) => probe.httpGet)).toEqual([
      { path: '/livez', port: 'ops' },
      { path: '/livez', port: 'ops' },
      { path: '/readyz', port: 'ops' },
    ]);
  });

  it('reads files only from where something is mounted', () => {
    const flags = ['--manifests', '--tls-cert', '--tls-key'];
    const files = flags.flatMap((flag) => valuesOf(container.args, flag));
    const mounts: { name: string; mountPath: string; readOnly: boolean }[] = container.volumeMounts;
    const volumes: { name: string }[] = spec.volumes;
    expect(
      files.filter((file) => !mounts.some(({ mountPath }) => `${file}/`.startsWith(`${mountPath}/`))),
    ).toEqual([]);
    expect(mounts.map(({ name }) => name)).toEqual(volumes.map(({ name }) => name));
    expect(mounts.every(({ readOnly }) => readOnly)).toBe(true);
  });

  it('keeps mounted secrets from everybody but its group', () => {
    const secrets = spec.volumes.filter((volume: Manifest) => 'secret' in volume);
    expect(secrets.map((volume: Manifest) => volume['secret'].defaultMode)).toEqual(secrets.map(() => 0o440));
  });

  it('gets time to drain, memory for its heap, and names without search domains', () => {
    expect(spec.terminationGracePeriodSeconds).toBe(30);
    expect(container.resources.limits).not.toHaveProperty('cpu');
    const heap = Number(/--max-old-space-size=(\d+)/.exec(container.command.join(' '))?.[1]);
    expect(Number.parseInt(container.resources.limits.memory, 10)).toBeGreaterThanOrEqual(2 * heap);
    expect(spec.dnsConfig.options).toEqual([{ name: 'ndots', value: '1' }]);
  });

  it('is spread over nodes and zones, and drained one at a time', () => {
    const constraints: Manifest[] = spec.topologySpreadConstraints;
    expect(constraints.map((one) => one['topologyKey'])).toEqual([
      'kubernetes.io/hostname',
      'topology.kubernetes.io/zone',
    ]);
    const selectors = constraints.map((one) => one['labelSelector'].matchLabels);
    const budget = only(manifests, 'PodDisruptionBudget')['spec'];
    const deployment = only(manifests, 'Deployment')['spec'];
    expect(budget).toMatchObject({ maxUnavailable: 1 });
    for (const selector of [...selectors, budget.selector.matchLabels, deployment.selector.matchLabels]) {
      expect(metadata.labels).toMatchObject(selector);
    }
    expect(deployment.strategy.rollingUpdate.maxUnavailable).toBe(0);
  });
});

describe.each(rendered)('the objects with %s', (_name, manifests) => {
  it('hold no Secret', () => {
    expect(manifests.filter(({ kind }) => kind === 'Secret')).toEqual([]);
  });
});

describe('the defaults', () => {
  it('run two replicas', () => {
    expect(only(defaults, 'Deployment')['spec'].replicas).toBe(2);
  });

  it('pull the image of the chart’s version', () => {
    const version = podOf(defaults).metadata.labels['app.kubernetes.io/version'];
    expect(podOf(defaults).container.image).toBe(`registry.invalid/registry-failover:${version}`);
  });

  it('bring the CustomResourceDefinition, and keep it when the release goes', () => {
    const { metadata } = only(defaults, 'CustomResourceDefinition');
    expect(metadata['annotations']).toMatchObject({ 'helm.sh/resource-policy': 'keep' });
  });
});

describe('the values', () => {
  it('become flags that the program has', () => {
    const main = path.resolve(import.meta.dirname, '../../src/main.ts');
    const help = execFileSync(process.execPath, [main, 'webhook', '--help'], { encoding: 'utf8' });
    const flags: string[] = podOf(everyOption).container.args.filter((arg: string) => arg.startsWith('--'));
    expect(flags.length).toBeGreaterThan(8);
    expect(flags.filter((flag) => !help.includes(`${flag} <`))).toEqual([]);
  });

  it('reach the command line', () => {
    const { args, env, image } = podOf(everyOption).container;
    expect(image).toBe(`reg.example:5000/tools/registry-failover@sha256:${'a'.repeat(64)}`);
    expect(valuesOf(args, '--manifests')).toHaveLength(2);
    expect(valuesOf(args, '--allowed-endpoint')).toEqual(['*.ocir.io', 'registry.dc1.example:5000']);
    expect(valuesOf(args, '--cluster-name')).toEqual(['fra-1']);
    expect(valuesOf(args, '--install-namespace')).toEqual(['install']);
    expect(args.slice(-2)).toEqual(['--budget', '1s']);
    expect(env).toEqual([
      { name: 'HTTPS_PROXY', value: 'http://proxy.example:3128' },
      { name: 'NO_PROXY', value: '10.0.0.0/8,.svc' },
    ]);
  });

  it('give the API server the bundle, or leave it to cert-manager', () => {
    const configured = (manifests: readonly Manifest[]) => only(manifests, 'MutatingWebhookConfiguration');
    expect(configured(everyOption)['webhooks'][0].clientConfig.caBundle).toMatch(/^LS0t/);
    const managed = rendered[2]![1];
    const certificates = managed.filter(({ kind }) => kind === 'Certificate');
    const serving = certificates.find((one) => one['spec'].isCA !== true)!;
    const { annotations } = configured(managed).metadata;
    expect(annotations).toEqual({ 'cert-manager.io/inject-ca-from': `install/${serving.metadata.name}` });
    const called = configured(managed)['webhooks'][0].clientConfig.service;
    expect(serving['spec'].dnsNames).toContain(`${called.name}.${called.namespace}.svc`);
    const mounted = podOf(managed).spec.volumes[0].secret.secretName;
    expect(serving['spec'].secretName).toBe(mounted);
  });

  it('take a proxy’s password from a Secret only', () => {
    expect(podOf(rendered[4]![1]).container.env).toEqual([
      { name: 'HTTPS_PROXY', valueFrom: { secretKeyRef: { name: 'proxy', key: 'HTTPS_PROXY' } } },
    ]);
  });
});
