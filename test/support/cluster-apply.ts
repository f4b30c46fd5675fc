// Server-side apply of the in-memory cluster: which fields an apply owns, and what it does to an object.

type Path = readonly string[];
type Plain = Readonly<Record<string, unknown>>;

/** Lists that merge by a key; every other list is atomic (x-kubernetes-list-type). */
const KEYED_LISTS: Readonly<Record<string, string>> = {
  'status.conditions': 'type',
  'status.endpoints': 'endpoint',
  'metadata.ownerReferences': 'uid',
  imagePullSecrets: 'name',
};

/** Chosen by the API server; an apply neither owns nor removes them. */
const SYSTEM = new Set([
  'apiVersion',
  'kind',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'metadata.resourceVersion',
  'metadata.generation',
  'metadata.creationTimestamp',
  'metadata.deletionTimestamp',
  'metadata.managedFields',
]);

function asPlain(value: unknown): Plain | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Plain) : undefined;
}

function listKey(path: Path): string | undefined {
  return KEYED_LISTS[path.join('.')] ?? KEYED_LISTS[path.at(-1) ?? ''];
}

/** A keyed list as a map, so that one walk does for both. */
function children(value: unknown, path: Path): Plain | undefined {
  const key = listKey(path);
  if (Array.isArray(value) && key !== undefined)
    return Object.fromEntries(
      value.map((item: unknown) => [`[${String(asPlain(item)?.[key])}]`, item] as const),
    );
  return asPlain(value);
}

function isSystem(path: Path): boolean {
  return SYSTEM.has(path.join('.'));
}

/** JSON of the path of every leaf. */
export function leavesOf(value: unknown, path: Path = []): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const inner = children(value, path);
  if (inner === undefined || (Object.keys(inner).length === 0 && path.length > 0)) {
    if (!isSystem(path)) found.set(JSON.stringify(path), value);
    return found;
  }
  for (const [key, child] of Object.entries(inner)) {
    if (isSystem([...path, key])) continue;
    for (const [leaf, content] of leavesOf(child, [...path, key])) found.set(leaf, content);
  }
  return found;
}

/** The leaves whose value is another one now. */
export function changedLeaves(before: unknown, after: unknown): string[] {
  const [old, now] = [leavesOf(before), leavesOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])].filter(
    (leaf) => JSON.stringify(old.get(leaf)) !== JSON.stringify(now.get(leaf)),
  );
}

function fromChildren(inner: Plain, path: Path): unknown {
  return listKey(path) !== undefined && Object.keys(inner).every((key) => key.startsWith('['))
    ? Object.values(inner)
    : inner;
}

function merge(live: unknown, applied: unknown, path: Path): unknown {
  const [below, above] = [children(live, path), children(applied, path)];
  if (below === undefined || above === undefined) return applied;
  const merged: Record<string, unknown> = { ...below };
  for (const [key, child] of Object.entries(above)) merged[key] = merge(below[key], child, [...path, key]);
  return fromChildren(merged, path);
}

function without(value: unknown, gone: ReadonlySet<string>, path: Path): unknown {
  const inner = children(value, path);
  if (inner === undefined) return value;
  const kept = Object.entries(inner).flatMap(([key, child]) => {
    const at = [...path, key];
    if (gone.has(JSON.stringify(at))) return [];
    const rest = without(child, gone, at);
    const grandchildren = children(rest, at);
    const isEmptied =
      grandchildren !== undefined &&
      Object.keys(grandchildren).length === 0 &&
      Object.keys(children(child, at) ?? {}).length > 0;
    return isEmptied ? [] : [[key, rest] as const];
  });
  // A list item of which only its key is left goes with its other fields.
  return fromChildren(Object.fromEntries(kept), path);
}

/** What becomes of an object by a forced apply of one manager that owned these leaves before. */
export function applyTo(live: unknown, applied: unknown, owned: ReadonlySet<string>): unknown {
  const wanted = leavesOf(applied);
  const gone = new Set([...owned].filter((leaf) => !wanted.has(leaf)));
  return merge(without(live, gone, []), applied, []);
}
