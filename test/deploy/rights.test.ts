// The rights that the chart gives, and that the program's own names are the ones it gives them to.
import { describe, expect, it } from 'vitest';
import { DERIVED_PREFIX } from '../../src/domain/derived-secret.ts';
import { OPT_IN_LABEL, wantedBindings } from '../../src/domain/rights.ts';
import { only, type Manifest } from './kubernetes-schema.ts';
import { components, ofComponent, podOf, renderWith, valueSets } from './values.ts';

const sets = Object.entries(valueSets).map(([name, values]) => ({
  name,
  manifests: renderWith(values, 'install'),
}));
const defaults = sets[0]!.manifests;

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

/** `verb resource`, with the names it is bound to. */
function rightsOf(role: Manifest): readonly string[] {
  const rules: readonly Rule[] = role['rules'];
  return rules.flatMap(({ resources, verbs, resourceNames }) =>
    resources.flatMap((resource) =>
      verbs.map((verb) => [verb, resource, ...(resourceNames ?? [])].join(' ')),
    ),
  );
}

const named = (manifests: readonly Manifest[], kind: string, name: string): Manifest => {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name}`);
  return found;
};

const reading = (resource: string): string[] => ['get', 'list', 'watch'].map((verb) => `${verb} ${resource}`);

describe.each(sets)('the rights with $name', ({ manifests }) => {
  const roles = manifests.filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role');
  const fullname = ofComponent(manifests, 'Deployment', 'webhook').metadata.name.replace(/-webhook$/, '');

  it('have no wildcard, nothing that impersonates or escalates, and are aggregated into nothing', () => {
    expect(roles.flatMap(rightsOf).filter((right) => /\*|impersonate|escalate/.test(right))).toEqual([]);
    expect(JSON.stringify(roles.map(({ metadata }) => metadata))).not.toContain('aggregate');
    expect(roles.filter((role) => 'aggregationRule' in role)).toEqual([]);
  });

  it('let nobody read a secret cluster-wide', () => {
    const bound = manifests.filter(({ kind }) => kind === 'ClusterRoleBinding');
    expect(bound.map((binding) => binding['roleRef'].name)).toEqual(
      expect.arrayContaining([`${fullname}-controller`, `${fullname}-webhook`]),
    );
    expect(bound).toHaveLength(2);
    const wide = bound.flatMap((binding) =>
      rightsOf(named(manifests, 'ClusterRole', binding['roleRef'].name)),
    );
    expect(wide.filter((right) => /secret|configmap|exec|token/.test(right))).toEqual([]);
  });

  it.each(components)('of an opted-in namespace are those that the controller binds: %s', (component) => {
    const install = { namespace: 'install', fullname };
    const binding = wantedBindings('shop', install)[component];
    named(manifests, 'ClusterRole', binding.roleRef.name);
    const [subject] = binding.subjects;
    const account = named(manifests, 'ServiceAccount', subject.name);
    expect(account.metadata.namespace).toBe(subject.namespace);
    expect(podOf(manifests, component).spec.serviceAccountName).toBe(subject.name);
    const controller = rightsOf(named(manifests, 'ClusterRole', `${fullname}-controller`));
    for (const verb of ['get', 'list', 'watch', 'create', 'patch', 'delete'])
      expect(controller).toContain(`${verb} rolebindings ${fullname}-webhook ${fullname}-controller`);
    const policy = named(manifests, 'ValidatingAdmissionPolicy', `${fullname}-rolebindings`);
    expect(policy['spec'].variables[0].expression).toContain(`'${subject.name}': '${binding.roleRef.name}'`);
    // Else the controller could take its own rights at home away.
    const home = manifests.filter(({ kind }) => kind === 'RoleBinding').map(({ metadata }) => metadata.name);
    expect(home).not.toContain(binding.metadata.name);
  });

  it('are those of accounts that the policies know', () => {
    const policies = manifests.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy');
    const bindings = manifests.filter(({ kind }) => kind === 'ValidatingAdmissionPolicyBinding');
    expect(bindings.map((one) => one['spec'].policyName)).toEqual(
      policies.map(({ metadata }) => metadata.name),
    );
    for (const policy of policies) expect(policy['spec'].failurePolicy).toBe('Fail');
    const ours = policies.filter(({ metadata }) => /-(rolebindings|secrets|pods)$/.test(metadata.name));
    expect(ours).toHaveLength(3);
    for (const policy of ours) {
      for (const component of components) {
        const { serviceAccountName } = podOf(manifests, component).spec;
        const [{ expression }] = policy['spec'].matchConditions;
        expect(expression).toContain(`'system:serviceaccount:install:${serviceAccountName}'`);
      }
    }
    for (const one of bindings) expect(one['spec'].validationActions).toEqual(['Deny']);
  });
});

describe('the defaults', () => {
  it('give the webhook these rights', () => {
    expect(rightsOf(named(defaults, 'ClusterRole', 'registry-failover-webhook'))).toEqual([
      ...reading('registrymirrorsets'),
      ...reading('namespaces'),
      'list serviceaccounts',
      'watch serviceaccounts',
    ]);
    expect(rightsOf(named(defaults, 'Role', 'registry-failover-install-webhook'))).toEqual([
      'get secrets',
      'list secrets',
      'watch secrets',
      'get configmaps',
      'list configmaps',
      'watch configmaps',
    ]);
    expect(rightsOf(named(defaults, 'ClusterRole', 'registry-failover-namespace-webhook'))).toEqual([
      'get secrets',
    ]);
  });

  it('give the controller no write but these', () => {
    const writes = (kind: string, name: string): readonly string[] =>
      rightsOf(named(defaults, kind, name)).filter((right) => !/^(get|list|watch) /.test(right));
    const bindings = 'rolebindings registry-failover-webhook registry-failover-controller';
    expect(writes('ClusterRole', 'registry-failover-controller')).toEqual([
      'patch registrymirrorsets/status',
      'create events',
      'patch events',
      `create ${bindings}`,
      `patch ${bindings}`,
      `delete ${bindings}`,
      'bind clusterroles registry-failover-namespace-webhook registry-failover-namespace-controller',
      'patch mutatingwebhookconfigurations registry-failover',
    ]);
    const certificates = 'secrets registry-failover-webhook-ca registry-failover-webhook-tls';
    expect(writes('Role', 'registry-failover-install-controller')).toEqual([
      'create secrets',
      `update ${certificates}`,
      `patch ${certificates}`,
      `delete ${certificates}`,
      'create leases',
      'update leases registry-failover-controller',
      'patch leases registry-failover-controller',
    ]);
    expect(writes('ClusterRole', 'registry-failover-namespace-controller')).toEqual([
      'create secrets',
      'update secrets',
      'patch secrets',
      'delete secrets',
      'patch pods',
    ]);
  });

  it('bound them by the program’s own label and prefix', () => {
    const policies = JSON.stringify(defaults.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy'));
    expect(policies).toContain(`'${OPT_IN_LABEL}' in namespaceObject.metadata.labels`);
    expect(policies).toContain(`startsWith('${DERIVED_PREFIX}')`);
  });

  it('name the Lease of the controllers', () => {
    const [account] = wantedBindings('shop', { namespace: 'install', fullname: 'registry-failover' })
      .controller.subjects;
    expect(only(defaults, 'Lease').metadata.name).toBe(account.name);
  });
});

describe('a certificate that the controller does not make', () => {
  it.each([
    ['cert-manager', { tls: { certManager: { enabled: true } } }],
    ['one of your own', { tls: { secretName: 'own-tls', caBundle: 'QUJD' } }],
  ])('leaves it without the rights for it: %s', (_name, values) => {
    const manifests = renderWith(values);
    const rights = ['ClusterRole registry-failover-controller', 'Role registry-failover-install-controller']
      .map((each) => each.split(' '))
      .flatMap(([kind = '', name = '']) => rightsOf(named(manifests, kind, name)));
    expect(
      rights.filter((right) => /mutatingwebhook|^(create|update|patch|delete) secrets/.test(right)),
    ).toEqual([]);
  });
});
