// Opt-in: the namespaces of the cluster as far as it matters whether they are served.
import type { NamespaceFacts } from '../domain/rights.ts';
import { NAMESPACE_NAME_LABEL } from '../domain/label-selector.ts';
import type { KubeObject } from '../kubernetes/resource.ts';

/** An informer's `keep` for namespaces. */
export function keepNamespace({ metadata }: KubeObject): NamespaceFacts {
  return {
    name: metadata.name,
    labels: { ...metadata.labels, [NAMESPACE_NAME_LABEL]: metadata.name },
    isDeleting: metadata.deletionTimestamp !== undefined,
  };
}

/** Whether anything has changed that is looked at here; the API server writes namespaces for reasons of its own too. */
export function isSameNamespace(a: NamespaceFacts | undefined, b: NamespaceFacts | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  const [first, second] = [Object.entries(a.labels), Object.entries(b.labels)];
  return (
    a.isDeleting === b.isDeleting &&
    first.length === second.length &&
    first.every(([name, value]) => b.labels[name] === value)
  );
}
