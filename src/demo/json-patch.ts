// JSON Patch: applies the webhook's answer to a pod as the API server would (RFC 6902, `add` and `replace`).
import { asObject, own } from '../domain/json.ts';
import type { PatchOperation } from '../domain/patch.ts';

type Container = Record<string, unknown> | unknown[];

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

/** The tokens of a JSON pointer (RFC 6901). */
function tokensOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function childOf(parent: Container, token: string): unknown {
  return Array.isArray(parent) ? parent[Number(token)] : own(asObject(parent), token);
}

function put(parent: Container, token: string, operation: PatchOperation): void {
  const value = structuredClone(operation.value);
  if (!Array.isArray(parent)) parent[token] = value;
  else if (operation.op === 'replace') parent[Number(token)] = value;
  else parent.splice(token === '-' ? parent.length : Number(token), 0, value);
}

/** A patched copy. Throws where an operation has no place to go: the API server would refuse the pod then. */
export function applyPatch<T extends object>(object: T, patch: readonly PatchOperation[]): T {
  const copy = structuredClone(object);
  for (const operation of patch) {
    const tokens = tokensOf(operation.path);
    const last = tokens.pop() ?? '';
    let parent: unknown = copy;
    for (const token of tokens) parent = isContainer(parent) ? childOf(parent, token) : undefined;
    const isMissing =
      !isContainer(parent) || (operation.op === 'replace' && childOf(parent, last) === undefined);
    if (isMissing) throw new Error(`the patch does not apply: there is no ${operation.path}`);
    put(parent as Container, last, operation);
  }
  return copy;
}
