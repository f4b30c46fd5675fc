// What the rendered manifests promise of the pods: no privileges, found where they listen, spread, stopped in time.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { only, type Manifest } from './kubernetes-schema.ts';
import { components, ofComponent, podOf, renderWith, valueSets } from './values.ts';

const rendered = Object.entries(valueSets).map(
  ([name, values]) => [name, renderWith(values, 'install')] as const,
);
const withValues = (name: string): readonly Manifest[] => rendered.find(([each]) => each === name)![1];
const defaults = withValues('defaults');
const everyOption = withValues('every option');

/** The argument after a flag, for every time the flag is there. */
function valuesOf(args: readonly string[], flag: string): string[] {
  return args.flatMap((arg, index) => (arg === flag ? [args[index + 1] ?? ''] : []));
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
        {
          key: 'kubernetes.io/metadata.name',
          operator: 'NotIn',
          values: ['kube-system', 'kube-public', 'kube-node-lease', 'install'],
        },
      ],
    });
    expect(webhook).not.toHaveProperty('objectSelector');
    expect(webhook).not.toHaveProperty('matchConditions');
  });

  it('calls a Service that leads to the port on which the pods listen', () => {
    const service = ofComponent(manifests, 'Service', 'webhook');
    const { service: called } = webhook.clientConfig;
    expect(called).toMatchObject({
      name: service.metadata.name,
      namespace: 'install',
      path: '/mutate',
      port: 443,
    });
    const port = service['spec'].ports.find((one: { port: number }) => one.port === called.port);
    const { container } = podOf(manifests, 'webhook');
    const target = container.ports.find((one: { name: string }) => one.name === port.targetPort);
    expect(valuesOf(container.args, '--listen')).toEqual([`0.0.0.0:${target.containerPort}`]);
  });
});

const everyPod = rendered.flatMap(([name, manifests]) =>
  components.map((component) => ({ component, name, manifests })),
);

describe.each(everyPod)('the $component pod with $name', ({ component, manifests }) => {
  const { spec, container, metadata } = podOf(manifests, component);
  const deployment = ofComponent(manifests, 'Deployment', component)['spec'];
  const budget = ofComponent(manifests, 'PodDisruptionBudget', component)['spec'];
  const service = ofComponent(manifests, 'Service', component)['spec'];

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

  it('gets the token of its own account, which gives it to nobody else', () => {
    const account = ofComponent(manifests, 'ServiceAccount', component);
    expect(spec.serviceAccountName).toBe(account.metadata.name);
    expect([spec.automountServiceAccountToken, account['automountServiceAccountToken']]).toEqual([
      true,
      false,
    ]);
  });

  it('mounts nothing: declarations and certificates come from the API server', () => {
    expect(spec).not.toHaveProperty('volumes');
    expect(container).not.toHaveProperty('volumeMounts');
  });

  it('is probed on the port where operations are served, and found there by its Service', () => {
    const [address] = valuesOf(container.args, '--ops-listen');
    const port = container.ports.find((one: { name: string }) => one.name === 'ops');
    expect(address).toBe(`0.0.0.0:${port.containerPort}`);
    const asked = [container.startupProbe, container.livenessProbe, container.readinessProbe];
    expect(asked.map((probe) => probe.httpGet)).toEqual([
      { path: '/livez', port: 'ops' },
      { path: '/livez', port: 'ops' },
      { path: '/readyz', port: 'ops' },
    ]);
    expect(service.ports).toContainEqual({ name: 'ops', port: 8080, targetPort: 'ops' });
  });

  it('gets time to end, memory for its heap, and names without search domains', () => {
    expect(spec.terminationGracePeriodSeconds).toBe(30);
    expect(container.resources.limits).not.toHaveProperty('cpu');
    const heap = Number(/--max-old-space-size=(\d+)/.exec(container.command.join(' '))?.[1]);
    expect(Number.parseInt(container.resources.limits.memory, 10)).toBeGreaterThanOrEqual(1.7 * heap);
    expect(spec.dnsConfig.options).toEqual([{ name: 'ndots', value: '1' }]);
  });

  it('is spread over nodes and zones, and drained one at a time', () => {
    const constraints: Manifest[] = spec.topologySpreadConstraints;
    expect(constraints.map((one) => one['topologyKey'])).toEqual([
      'kubernetes.io/hostname',
      'topology.kubernetes.io/zone',
    ]);
    expect(budget).toMatchObject({ maxUnavailable: 1 });
    expect(deployment.strategy.rollingUpdate.maxUnavailable).toBe(0);
  });

  it('is the only one that its selectors find', () => {
    const constraints: Manifest[] = spec.topologySpreadConstraints;
    const selectors: Record<string, string>[] = [
      ...constraints.map((one) => one['labelSelector'].matchLabels),
      budget.selector.matchLabels,
      deployment.selector.matchLabels,
      service.selector,
    ];
    const labelsOfPods = manifests.flatMap((one): [string, Record<string, string>][] => {
      const pod = one.kind === 'Pod' ? one : one['spec']?.template;
      return pod === undefined ? [] : [[one.metadata.name, pod.metadata.labels]];
    });
    const agents = manifests.filter(({ kind }) => kind === 'DaemonSet').length;
    expect(labelsOfPods).toHaveLength(4 + agents);
    for (const selector of selectors) {
      const found = labelsOfPods.filter(([, labels]) =>
        Object.entries(selector).every(([key, value]) => labels[key] === value),
      );
      expect(found).toEqual([[expect.stringMatching(`-${component}$`), metadata.labels]]);
    }
  });
});

describe.each(rendered)('the objects with %s', (_name, manifests) => {
  it('hold no Secret', () => {
    expect(manifests.filter(({ kind }) => kind === 'Secret')).toEqual([]);
  });

  it('are waited for by a clean-up that ends, as the controller’s account', () => {
    const { metadata, spec } = only(manifests, 'Job');
    expect(metadata['annotations']).toMatchObject({
      'helm.sh/hook': 'pre-delete',
      'helm.sh/hook-delete-policy': 'before-hook-creation,hook-succeeded',
    });
    // helm waits for five minutes.
    expect(spec.activeDeadlineSeconds).toBeLessThan(300);
    const controller = podOf(manifests, 'controller');
    const [container] = spec.template.spec.containers;
    expect(spec.template.spec.serviceAccountName).toBe(controller.spec.serviceAccountName);
    expect(container.securityContext).toEqual(controller.container.securityContext);
    expect(container.image).toBe(controller.container.image);
    expect(valuesOf(container.args, '--fullname')).toEqual(valuesOf(controller.container.args, '--fullname'));
  });
});

describe('the defaults', () => {
  it.each(components)('run two replicas of the %s', (component) => {
    expect(ofComponent(defaults, 'Deployment', component)['spec'].replicas).toBe(2);
  });

  it('pull the image of the chart’s version', () => {
    const { metadata, container } = podOf(defaults, 'webhook');
    const version = metadata.labels['app.kubernetes.io/version'];
    expect(container.image).toBe(`registry.invalid/registry-failover:${version}`);
  });

  it('bring the CustomResourceDefinitions, and keep them when the release goes', () => {
    const definitions = defaults.filter(({ kind }) => kind === 'CustomResourceDefinition');
    expect(definitions.map(({ metadata }) => metadata.name)).toEqual([
      'registrymirrorsets.registry-failover.io',
      'nodemirrorstates.registry-failover.io',
    ]);
    for (const { metadata } of definitions)
      expect(metadata['annotations']).toMatchObject({ 'helm.sh/resource-policy': 'keep' });
  });

  it('put the pods before those that wait for them, and bring the quota that some clusters ask for', () => {
    const quota = only(defaults, 'ResourceQuota');
    const [{ values }] = quota['spec'].scopeSelector.matchExpressions;
    expect(values).toEqual([podOf(defaults, 'controller').spec.priorityClassName]);
    const others = [everyOption, withValues('no priority class')].flat();
    expect(others.filter(({ kind }) => kind === 'ResourceQuota')).toEqual([]);
  });
});

describe('the values', () => {
  it.each<[string, string[]]>([
    ['webhook', podOf(everyOption, 'webhook').container.args],
    ['controller', podOf(everyOption, 'controller').container.args],
    ['cleanup', only(everyOption, 'Job')['spec'].template.spec.containers[0].args],
  ])('become flags that the program has: %s', (command, args) => {
    const main = path.resolve(import.meta.dirname, '../../src/main.ts');
    const help = execFileSync(process.execPath, [main, command, '--help'], { encoding: 'utf8' });
    const flags = args.filter((arg) => arg.startsWith('--')).map((arg) => arg.replace(/=.*/, ''));
    expect([args[0], flags.length > 1]).toEqual([command, true]);
    expect(flags.filter((flag) => !help.includes(`${flag} `))).toEqual([]);
  });

  it('reach the command lines', () => {
    const { args, env, image } = podOf(everyOption, 'webhook').container;
    const controller = podOf(everyOption, 'controller').container;
    expect(image).toBe(`reg.example:5000/tools/registry-failover@sha256:${'a'.repeat(64)}`);
    expect(valuesOf(args, '--tls-secret')).toEqual(['own-tls']);
    for (const each of [args, controller.args]) {
      expect(valuesOf(each, '--allowed-endpoint')).toEqual(['*.ocir.io', 'registry.dc1.example:5000']);
      expect(valuesOf(each, '--cluster-name')).toEqual(['fra-1']);
      expect(valuesOf(each, '--install-namespace')).toEqual(['install']);
    }
    expect(args.slice(-2)).toEqual(['--budget', '1s']);
    expect(controller.args.slice(-2)).toEqual(['--log-level', 'debug']);
    expect(env).toEqual([
      { name: 'HTTPS_PROXY', value: 'http://proxy.example:3128' },
      { name: 'NO_PROXY', value: '10.0.0.0/8,.svc' },
    ]);
    expect(controller.env).toEqual(env);
  });

  it('take a proxy’s password from a Secret only', () => {
    for (const component of components) {
      expect(podOf(withValues('a proxy with a password'), component).container.env).toEqual([
        { name: 'HTTPS_PROXY', valueFrom: { secretKeyRef: { name: 'proxy', key: 'HTTPS_PROXY' } } },
      ]);
    }
  });

  it('let metrics be read by whom they name, and by the release’s own test', () => {
    const policy = ofComponent(everyOption, 'NetworkPolicy', 'controller')['spec'];
    const test = only(everyOption, 'Pod').metadata['labels'];
    expect(policy.ingress[0].from).toHaveLength(2);
    expect(test).toMatchObject(policy.ingress[0].from[0].podSelector.matchLabels);
    const open = ofComponent(withValues('an open network policy'), 'NetworkPolicy', 'controller')['spec'];
    expect(open.ingress).toEqual([{ ports: [{ port: 'ops', protocol: 'TCP' }] }]);
    expect(open.policyTypes).toEqual(['Ingress']);
  });
});

describe('the certificate', () => {
  const configured = (manifests: readonly Manifest[]) => only(manifests, 'MutatingWebhookConfiguration');
  const flagsOf = (manifests: readonly Manifest[]): string[] => podOf(manifests, 'controller').container.args;

  it('is made by the controller, which then keeps the bundle too', () => {
    expect(configured(defaults)['webhooks'][0].clientConfig).not.toHaveProperty('caBundle');
    expect(flagsOf(defaults)).not.toContain('--certificates=false');
    // src/domain/certificate-plan.ts: the names in the certificate follow from the full name.
    const [fullname] = valuesOf(flagsOf(defaults), '--fullname');
    expect(configured(defaults)['webhooks'][0].clientConfig.service.name).toBe(`${fullname ?? ''}-webhook`);
    const [secret] = valuesOf(podOf(defaults, 'webhook').container.args, '--tls-secret');
    expect(secret).toBe('registry-failover-webhook-tls');
  });

  it('is one of your own, with its bundle', () => {
    expect(configured(everyOption)['webhooks'][0].clientConfig.caBundle).toMatch(/^LS0t/);
    expect(flagsOf(everyOption)).toContain('--certificates=false');
  });

  it('is cert-manager’s, which writes the bundle', () => {
    const managed = withValues('cert-manager');
    const certificates = managed.filter(({ kind }) => kind === 'Certificate');
    const serving = certificates.find((one) => one['spec'].isCA !== true)!;
    const { annotations } = configured(managed).metadata;
    expect(annotations).toEqual({ 'cert-manager.io/inject-ca-from': `install/${serving.metadata.name}` });
    const called = configured(managed)['webhooks'][0].clientConfig.service;
    expect(serving['spec'].dnsNames).toContain(`${called.name}.${called.namespace}.svc`);
    const [secret] = valuesOf(podOf(managed, 'webhook').container.args, '--tls-secret');
    expect(serving['spec'].secretName).toBe(secret);
    expect(flagsOf(managed)).toContain('--certificates=false');
  });
});
