// Selectors of the in-memory cluster: label and field selectors as the API server reads them from a query.
import type { ListScope } from '../../src/kubernetes/cluster-api.ts';
import type { KubeObject } from '../../src/kubernetes/resource.ts';

type Labels = Readonly<Record<string, string>>;

/** Commas outside parentheses. */
function splitTerms(selector: string): string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== '');
}

function matchesLabelTerm(term: string, labels: Labels): boolean {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(term);
  if (set !== null) {
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    const value = labels[set[1] ?? ''];
    const isIn = value !== undefined && values.includes(value);
    return set[2] === 'in' ? isIn : !isIn;
  }
  const pair = /^([^=!\s]+)\s*(==|=|!=)\s*(\S*)$/.exec(term);
  if (pair !== null) {
    const isEqual = labels[pair[1] ?? ''] === pair[3];
    return pair[2] === '!=' ? !isEqual : isEqual;
  }
  if (/^!\S+$/.test(term)) return labels[term.slice(1)] === undefined;
  if (/^\S+$/.test(term)) return labels[term] !== undefined;
  throw new Error(`no label selector: ${term}`);
}

function fieldOf(object: KubeObject, path: string): string {
  let value: unknown = object;
  for (const step of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[step];
  return typeof value === 'string' ? value : '';
}

/** The fields that the API server can select by; any other is refused, as it does. */
const FIELDS = /^(metadata\.name|metadata\.namespace|type|spec\.nodeName|status\.phase)$/;

function matchesFieldTerm(term: string, object: KubeObject): boolean {
  const pair = /^([^=!]+)(==|=|!=)(.*)$/.exec(term);
  if (pair === null || !FIELDS.test(pair[1] ?? '')) throw new Error(`no field selector: ${term}`);
  const isEqual = fieldOf(object, pair[1] ?? '') === pair[3];
  return pair[2] === '!=' ? !isEqual : isEqual;
}

/** Is the object one of the scope's? */
export function isInScope(object: KubeObject, scope: ListScope): boolean {
  const { metadata } = object;
  if (scope.namespace !== undefined && metadata.namespace !== scope.namespace) return false;
  const labels = metadata.labels ?? {};
  return (
    splitTerms(scope.labelSelector ?? '').every((term) => matchesLabelTerm(term, labels)) &&
    splitTerms(scope.fieldSelector ?? '').every((term) => matchesFieldTerm(term, object))
  );
}
