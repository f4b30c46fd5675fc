// Rights: which namespaces are opted in, and the two RoleBindings that an opted-in namespace gets.
import type { Labels } from './label-selector.ts';

/** The label that opts a namespace in; the webhook's namespaceSelector says the same. */
export const OPT_IN_LABEL = 'registry-failover.io/enabled';

export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const MANAGED_BY = 'registry-failover';

/** The API server's own: the admission policy refuses us rights there too. */
const SYSTEM_NAMESPACES: ReadonlySet<string> = new Set(['kube-system', 'kube-public', 'kube-node-lease']);

/** Namespaces that the webhook is never asked about, whatever their labels. */
export function isLeftOut(namespace: string, installNamespace: string): boolean {
  return namespace === installNamespace || SYSTEM_NAMESPACES.has(namespace);
}

const RBAC_GROUP = 'rbac.authorization.k8s.io';

/** Where the product is installed, and the name that all its objects begin with. */
export interface Installation {
  readonly namespace: string;
  /** The chart's fullname, `registry-failover` by default. */
  readonly fullname: string;
}

/** What decides whether a namespace is served. */
export interface NamespaceFacts {
  readonly name: string;
  readonly labels: Labels;
  /** It has a deletionTimestamp: nothing can be made in it any more, and everything in it goes by itself. */
  readonly isDeleting: boolean;
}

/** rbac.authorization.k8s.io/v1 RoleBinding, as we apply it. */
export interface WantedBinding {
  readonly apiVersion: 'rbac.authorization.k8s.io/v1';
  readonly kind: 'RoleBinding';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly roleRef: { readonly apiGroup: string; readonly kind: 'ClusterRole'; readonly name: string };
  readonly subjects: readonly [
    { readonly kind: 'ServiceAccount'; readonly name: string; readonly namespace: string },
  ];
}

/** Never the install namespace, whose secrets are the operator's, nor the system's; doubt is a no. */
export function isOptedIn({ name, labels, isDeleting }: NamespaceFacts, installNamespace: string): boolean {
  if (isDeleting || isLeftOut(name, installNamespace)) return false;
  return Object.hasOwn(labels, OPT_IN_LABEL) && labels[OPT_IN_LABEL] === 'true';
}

/** The fixed names, so that `resourceNames` can bound the right to make them. */
export function bindingNames({ fullname }: Installation): {
  readonly webhook: string;
  readonly controller: string;
} {
  return { webhook: `${fullname}-webhook`, controller: `${fullname}-controller` };
}

function binding(namespace: string, install: Installation, role: 'webhook' | 'controller'): WantedBinding {
  const name = bindingNames(install)[role];
  return {
    apiVersion: `${RBAC_GROUP}/v1`,
    kind: 'RoleBinding',
    metadata: { name, namespace, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } },
    roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name: `${install.fullname}-namespace-${role}` },
    subjects: [{ kind: 'ServiceAccount', name, namespace: install.namespace }],
  };
}

/**
 * The RoleBindings of an opted-in namespace: the webhook may get secrets by name, the controller may keep the derived ones
 * and change pods' images. The chart's ClusterRoles, service accounts and admission policy know these very names.
 */
export function wantedBindings(
  namespace: string,
  install: Installation,
): { readonly webhook: WantedBinding; readonly controller: WantedBinding } {
  return {
    webhook: binding(namespace, install, 'webhook'),
    controller: binding(namespace, install, 'controller'),
  };
}
