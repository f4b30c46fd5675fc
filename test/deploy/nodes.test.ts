// What the chart gives the agents on nodes: nothing while nodes are off, and then exactly the rights that the design lists.
import { describe, expect, it } from 'vitest';
import { parseAgentArguments } from '../../src/agent/arguments.ts';
import { DEFAULT_LAYOUT } from '../../src/nodes/node-file.ts';
import { only, type Manifest } from './kubernetes-schema.ts';
import { podOf, renderWith, valueSets } from './values.ts';

const rendered = (name: string): readonly Manifest[] => renderWith(valueSets[name], 'install');
const defaults = rendered('defaults');
const nodes = rendered('nodes');
const everyOption = rendered('every option');
const authAmongTheRest = rendered('nodes with an auth file among the rest');
const withAgents: readonly (readonly [string, readonly Manifest[]])[] = [
  ['nodes', nodes],
  ['every option', everyOption],
  ['an auth file among the rest', authAmongTheRest],
];

const keyOf = ({ kind, metadata }: Manifest): string => `${kind}/${metadata.name}`;

function agentPod(manifests: readonly Manifest[]) {
  const { spec, metadata } = only(manifests, 'DaemonSet')['spec'].template;
  expect(spec.containers).toHaveLength(1);
  return { spec, metadata, container: spec.containers[0] };
}

describe('with nodes off', () => {
  it('nothing of it is there but the CRD', () => {
    const added = nodes.map(keyOf).filter((key) => !defaults.map(keyOf).includes(key));
    expect(added.sort()).toEqual([
      'DaemonSet/registry-failover-agent',
      'Role/registry-failover-install-agent',
      'RoleBinding/registry-failover-install-agent',
      'ServiceAccount/registry-failover-agent',
      'ValidatingAdmissionPolicy/registry-failover-agents',
      'ValidatingAdmissionPolicy/registry-failover-nodemirrorstates',
      'ValidatingAdmissionPolicyBinding/registry-failover-agents',
      'ValidatingAdmissionPolicyBinding/registry-failover-nodemirrorstates',
    ]);
    const others = defaults.filter(({ kind }) => kind !== 'CustomResourceDefinition');
    expect(JSON.stringify(others)).not.toMatch(/nodemirrorstate|--nodes|node-auth|canary/i);
  });
});

describe.each(withAgents)('the agent with %s', (_name, manifests) => {
  const { spec, container } = agentPod(manifests);

  it('has these rights on its node and no other', () => {
    const hosted = Object.entries(spec).filter(([key]) => key.startsWith('host'));
    expect(Object.fromEntries(hosted)).toEqual({ hostNetwork: true, hostPID: true });
    expect(spec.dnsPolicy).toBe('Default');
    expect(spec.securityContext).toEqual({
      runAsUser: 0,
      runAsGroup: 0,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['KILL'] },
      appArmorProfile: { type: 'Unconfined' },
    });
    expect(JSON.stringify(spec)).not.toMatch(/\.sock|serviceAccountToken|subPath/);
  });

  it('writes in its folders alone, at the paths that they have on the node', () => {
    const writable = container.volumeMounts.filter((mount: Manifest) => mount['readOnly'] !== true);
    const paths = writable.map(({ name, mountPath }: { name: string; mountPath: string }) => {
      const volume = spec.volumes.find((one: { name: string }) => one.name === name);
      expect(volume.hostPath).toEqual({ path: mountPath, type: 'DirectoryOrCreate' });
      return mountPath;
    });
    expect(spec.volumes.filter((volume: Manifest) => 'hostPath' in volume)).toHaveLength(paths.length);
    const { layout } = settings(container.args);
    const { containersFolder, containerdFolder, authFile } = layout;
    const folders = [containersFolder, containerdFolder];
    const auth = authFile?.replace(/\/[^/]*$/, '');
    expect(paths).toEqual([...folders, ...(auth === undefined || folders.includes(auth) ? [] : [auth])]);
  });

  it('has a command line that the agent takes, with what the controller is told too', () => {
    const { node, owner, namespace, allowedEndpoints, nodeAuth, ops } = settings(container.args);
    const [fullname = ''] = valuesOf(podOf(manifests, 'controller').container.args, '--fullname');
    expect({ node, owner, namespace }).toEqual({
      node: 'worker-1',
      owner: `install/${fullname}`,
      namespace: 'install',
    });
    expect(allowedEndpoints).toEqual(
      valuesOf(podOf(manifests, 'controller').container.args, '--allowed-endpoint'),
    );
    const secret = spec.volumes.find((volume: Manifest) => 'secret' in volume);
    expect(secret.secret).toMatchObject({
      secretName: `${fullname}-node-auth`,
      optional: true,
      defaultMode: 0o400,
    });
    const mount = container.volumeMounts.find(({ name }: { name: string }) => name === secret.name);
    expect(nodeAuth).toBe(`${mount.mountPath}/.dockerconfigjson`);
    expect(container.ports).toEqual([{ name: 'ops', containerPort: ops.port }]);
  });

  it('is asked for its health where it serves it', () => {
    const { ops } = settings(container.args);
    for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
      expect(probe.httpGet.port).toBe('ops');
      expect(probe.httpGet.host).toBe(ops.host === '127.0.0.1' ? '127.0.0.1' : undefined);
    }
  });

  it('has the memory that its heap needs, and time for a script to end', () => {
    const heap = Number(/--max-old-space-size=(\d+)/.exec(container.command.join(' '))?.[1]);
    expect(Number.parseInt(container.resources.limits.memory, 10)).toBeGreaterThanOrEqual(1.7 * heap);
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(60);
  });

  it('acts by an account of its own, whose token nothing else gets', () => {
    const account = manifests.find(
      (one) => one.kind === 'ServiceAccount' && one.metadata.name === spec.serviceAccountName,
    );
    expect(account?.['automountServiceAccountToken']).toBe(false);
    expect(spec.automountServiceAccountToken).toBe(true);
    const bound = manifests.filter((one) => one['subjects']?.[0].name === spec.serviceAccountName);
    expect(bound.map(({ kind }) => kind)).toEqual(['RoleBinding']);
    const role = manifests.find(
      (one) => one.kind === 'Role' && one.metadata.name === bound[0]?.['roleRef'].name,
    );
    expect(role?.['rules']).toEqual([
      { apiGroups: ['registry-failover.io'], resources: ['nodemirrorstates'], verbs: ['list', 'watch'] },
      { apiGroups: ['registry-failover.io'], resources: ['nodemirrorstates/status'], verbs: ['patch'] },
    ]);
  });

  it('is held to its node by a policy that knows its account', () => {
    const user = `system:serviceaccount:install:${spec.serviceAccountName}`;
    const policy = manifests.find(
      (one) => one.kind === 'ValidatingAdmissionPolicy' && one.metadata.name.endsWith('-agents'),
    );
    expect(policy?.['spec'].matchConditions[0].expression).toContain(`'${user}'`);
    expect(JSON.stringify(policy?.['spec'].variables)).toContain('authentication.kubernetes.io/node-name');
  });
});

function valuesOf(args: readonly string[], flag: string): string[] {
  return args.flatMap((arg, index) => (arg === flag ? [args[index + 1] ?? ''] : []));
}

/** As the kubelet hands them over. */
function settings(args: readonly string[]) {
  const environment: Readonly<Record<string, string>> = {
    NODE_NAME: 'worker-1',
    HOST_IP: '10.0.0.7',
    KUBERNETES_SERVICE_HOST: '10.96.0.1',
    KUBERNETES_SERVICE_PORT: '443',
  };
  const expanded = args.map((arg) =>
    arg.replaceAll(/\$\((\w+)\)/g, (whole, name: string) => environment[name] ?? whole),
  );
  const parsed = parseAgentArguments(expanded);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

describe('the values', () => {
  it('are the agent’s own defaults', () => {
    expect(settings(agentPod(nodes).container.args).layout).toEqual(DEFAULT_LAYOUT);
  });

  it('become what they say', () => {
    const { spec, metadata, container } = agentPod(everyOption);
    const { layout, ops, logLevel } = settings(container.args);
    expect(layout).toEqual({
      containersFolder: '/opt/etc/containers',
      containerdFolder: '/opt/etc/containerd',
      authFile: '/etc/crio/registry-failover/auth.json',
    });
    expect({ ops, logLevel }).toEqual({ ops: { host: '10.0.0.7', port: 19_442 }, logLevel: 'debug' });
    expect(spec.nodeSelector).toEqual({ 'kubernetes.io/os': 'linux', pool: 'workers' });
    expect(spec.priorityClassName).toBe('platform-critical');
    expect(metadata.annotations).toEqual({ team: 'platform' });
    expect(container.securityContext).not.toHaveProperty('seLinuxOptions');
    expect(only(everyOption, 'DaemonSet')['spec'].updateStrategy.rollingUpdate).toEqual({
      maxUnavailable: 5,
    });
    const controller = podOf(everyOption, 'controller').container.args;
    expect(valuesOf(controller, '--nodes-max-unavailable')).toEqual(['5']);
    const cleanup = only(everyOption, 'Job')['spec'].template.spec.containers[0].args;
    expect(valuesOf(cleanup, '--auth-file')).toEqual([layout.authFile]);
    expect(valuesOf(cleanup, '--containerd-folder')).toEqual([layout.containerdFolder]);
  });

  it('let metrics be scraped where they can be reached', () => {
    const monitored = (manifests: readonly Manifest[]): number =>
      manifests.filter(({ kind, metadata }) => kind === 'ServiceMonitor' && metadata.name.endsWith('-agent'))
        .length;
    expect(monitored(everyOption)).toBe(1);
    expect(monitored(renderWith({ nodes: { enabled: true }, serviceMonitor: { enabled: true } }))).toBe(0);
    const service = everyOption.find((one) => one.kind === 'Service' && one.metadata.name.endsWith('-agent'));
    const labels = agentPod(everyOption).metadata.labels as Record<string, string>;
    expect(labels).toMatchObject(service?.['spec'].selector);
  });

  it('bring room for as many critical pods as there are nodes', () => {
    const quota = (manifests: readonly Manifest[]) => only(manifests, 'ResourceQuota')['spec'];
    expect(quota(nodes).hard).toEqual({ pods: '10000' });
    expect(quota(nodes).scopeSelector.matchExpressions[0].values).toEqual([
      'system-cluster-critical',
      agentPod(nodes).spec.priorityClassName,
    ]);
  });

  it.each([
    ['a folder that climbs', { containersFolder: '/etc/../root' }, /containersFolder/],
    ['a folder at the root', { containerdFolder: '/etc' }, /containerdFolder/],
    ['an auth file right below /etc', { crioAuthFile: '/etc/auth.json' }, /crioAuthFile/],
    ['a percentage beyond all', { maxUnavailable: '101%' }, /maxUnavailable/],
    ['no node at a time', { maxUnavailable: 0 }, /maxUnavailable/],
    ['an address of one’s own', { opsAddress: '0.0.0.0' }, /opsAddress/],
  ])('refuse %s', (_name, values, message) => {
    expect(() => renderWith({ nodes: { enabled: true, ...values } })).toThrow(message);
  });
});
