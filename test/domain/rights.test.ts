// Rights: who is opted in, and exactly which two RoleBindings follow from it.
import { describe, expect, it } from 'vitest';
import { isOptedIn, wantedBindings } from '../../src/domain/rights.ts';
import type { NamespaceFacts } from '../../src/domain/rights.ts';

const ON = { 'registry-failover.io/enabled': 'true' };

describe('isOptedIn', () => {
  const plain: NamespaceFacts = { name: 'shop', labels: ON, isDeleting: false };

  it.each<[string, Partial<NamespaceFacts>, boolean]>([
    ['a labelled namespace is', {}, true],
    ['one without the label is not', { labels: {} }, false],
    ['another value is not', { labels: { 'registry-failover.io/enabled': 'yes' } }, false],
    ['an inherited property is no label', { labels: Object.create(ON) as Record<string, string> }, false],
    ['kube-system never is', { name: 'kube-system' }, false],
    ['kube-public never is', { name: 'kube-public' }, false],
    ['the install namespace never is', { name: 'registry-failover' }, false],
    ['one that is being deleted is not', { isDeleting: true }, false],
  ])('%s', (_, over, expected) => {
    expect(isOptedIn({ ...plain, ...over }, 'registry-failover')).toBe(expected);
  });
});

describe('wantedBindings', () => {
  // The chart's ClusterRoles, resourceNames and admission policy hold these names too.
  it('binds each service account to its role by fixed names', () => {
    const both = wantedBindings('shop', { namespace: 'ops', fullname: 'registry-failover' });
    const golden = (role: string): unknown => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: {
        name: `registry-failover-${role}`,
        namespace: 'shop',
        labels: { 'app.kubernetes.io/managed-by': 'registry-failover' },
      },
      roleRef: {
        apiGroup: 'rbac.authorization.k8s.io',
        kind: 'ClusterRole',
        name: `registry-failover-namespace-${role}`,
      },
      subjects: [{ kind: 'ServiceAccount', name: `registry-failover-${role}`, namespace: 'ops' }],
    });
    expect(both).toEqual({ webhook: golden('webhook'), controller: golden('controller') });
  });

  it('follows the name of the installation', () => {
    const { controller } = wantedBindings('shop', { namespace: 'ops', fullname: 'my-release' });
    expect([controller.metadata.name, controller.roleRef.name, controller.subjects[0].name]).toEqual([
      'my-release-controller',
      'my-release-namespace-controller',
      'my-release-controller',
    ]);
  });
});
