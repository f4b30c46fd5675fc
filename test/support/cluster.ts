// In-memory cluster: an API server and its informers in one object, honest about versions, conflicts and field ownership.
import { randomUUID } from 'node:crypto';
import { applyPatch } from 'rfc6902';
import { err, ok } from '../../src/domain/result.ts';
import type { Result } from '../../src/domain/result.ts';
import type {
  ApiFailure,
  ApiFailureKind,
  ClusterApi,
  Informer,
  InformerOptions,
  InformerSource,
  JsonPatchOperation,
  ListScope,
  ObjectChange,
  ObjectList,
  ObjectName,
  Subresource,
} from '../../src/kubernetes/cluster-api.ts';
import {
  apiVersionOf,
  keyOf,
  MIRROR_SETS,
  NAMESPACES,
  NODE_MIRROR_STATES,
  PODS,
} from '../../src/kubernetes/resource.ts';
import type { KubeObject, ResourceType } from '../../src/kubernetes/resource.ts';
import { applyTo, changedLeaves, leavesOf } from './cluster-apply.ts';
import { isInScope } from './cluster-selector.ts';

type Answer<T> = Result<T, ApiFailure>;

export interface Call {
  readonly verb: 'get' | 'list' | 'create' | 'replace' | 'apply' | 'patch' | 'remove' | 'watch';
  readonly type: ResourceType;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: Subresource | undefined;
}

const STATUS_OF: Readonly<Record<ApiFailureKind, number | undefined>> = {
  'not-found': 404,
  forbidden: 403,
  unauthorized: 401,
  conflict: 409,
  'already-exists': 409,
  invalid: 422,
  expired: 410,
  throttled: 429,
  unreachable: undefined,
  'server-error': 500,
  refused: 400,
};

export function failure(kind: ApiFailureKind, message: string = kind): ApiFailure {
  return { kind, status: STATUS_OF[kind], message, retryAfterMs: undefined };
}

/** An object as a test writes it; what is missing of apiVersion and kind follows from the type. */
export type Draft = Omit<KubeObject, 'metadata'> & {
  readonly metadata: KubeObject['metadata'] & { readonly finalizers?: readonly string[] };
};

interface Stored {
  readonly object: KubeObject;
  /** Leaves that our own applies own. */
  readonly owned: ReadonlySet<string>;
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const child of Object.values(value)) freeze(child);
    Object.freeze(value);
  }
  return value;
}

function pathOf(type: ResourceType): string {
  return `${apiVersionOf(type)}/${type.plural}`;
}

function hasStatus(type: ResourceType): boolean {
  return [MIRROR_SETS, NODE_MIRROR_STATES, PODS].some((one) => pathOf(type) === pathOf(one));
}

/** Secret.stringData is written over data and not kept (pkg/apis/core/v1 conversion). */
function withData(object: KubeObject): KubeObject {
  const { stringData, ...rest } = object;
  if (stringData === undefined || object.kind !== 'Secret') return object;
  const encoded = Object.entries(stringData as Record<string, string>).map(([key, text]) => [
    key,
    Buffer.from(text).toString('base64'),
  ]);
  return { ...rest, data: { ...(rest['data'] as object), ...Object.fromEntries(encoded) } };
}

function finalizersOf(object: KubeObject): readonly string[] {
  return (object.metadata as { finalizers?: readonly string[] }).finalizers ?? [];
}

function metadataOf(object: KubeObject): KubeObject {
  return {
    apiVersion: 'meta.k8s.io/v1',
    kind: 'PartialObjectMetadata',
    metadata: object.metadata,
  };
}

const IMMUTABLE: Readonly<Record<string, string>> = { RoleBinding: 'roleRef', Secret: 'type' };

/**
 * Everything a controller does at an API server, without one. Objects are frozen. Changes reach informers a moment after the
 * call has been answered, as they do in life. One field manager: applies by this object are "ours", all else is others'.
 */
export class MemoryCluster implements ClusterApi, InformerSource {
  readonly calls: Call[] = [];
  /** What `keep` and listeners have thrown. */
  readonly reports: unknown[] = [];
  /** A failure for a call, instead of doing it; `watch` is asked at each (re)connect. */
  fault: (call: Call) => ApiFailure | undefined = () => undefined;
  /** Awaited before each call is carried out. */
  before: (call: Call) => Promise<void> | void = () => {};
  now: () => number = () => performance.now();
  wallClock: () => Date = () => new Date();
  readonly #stores = new Map<string, Map<string, Stored>>();
  readonly #informers = new Set<MemoryInformer<unknown>>();
  #version = 100;
  #isAway = false;

  // For tests ---------------------------------------------------------------------------------------------------------

  /** Puts an object there as somebody else would: made or replaced, its namespace and status included. */
  put(type: ResourceType, draft: Draft): KubeObject {
    const { namespace } = draft.metadata;
    if (namespace !== undefined && this.look(NAMESPACES, { name: namespace }) === undefined)
      this.put(NAMESPACES, { metadata: { name: namespace } });
    const stored = this.#store(type).get(keyOf(draft));
    return stored === undefined
      ? this.#insert(type, draft, new Set())
      : this.#update(type, stored, { ...draft, metadata: { ...draft.metadata } }, undefined);
  }

  /** Takes an object away, whatever its finalizers say. */
  take(type: ResourceType, name: ObjectName): void {
    this.#erase(type, this.#keyOf(name));
  }

  /** The object as it is stored. */
  look(type: ResourceType, name: ObjectName): KubeObject | undefined {
    return this.#store(type).get(this.#keyOf(name))?.object;
  }

  all(type: ResourceType, scope: ListScope = {}): readonly KubeObject[] {
    return [...this.#store(type).values()]
      .map(({ object }) => object)
      .filter((object) => isInScope(object, scope));
  }

  count(verb: Call['verb'], type?: ResourceType): number {
    return this.calls.filter(
      (call) => call.verb === verb && (type === undefined || pathOf(call.type) === pathOf(type)),
    ).length;
  }

  get openWatches(): number {
    return this.#informers.size;
  }

  /** From now on every call is `unreachable` and informers hear nothing. */
  goAway(): void {
    this.#isAway = true;
    for (const informer of this.#informers) informer.lose();
  }

  /** Back again: informers list anew and tell the differences. */
  comeBack(): void {
    this.#isAway = false;
    for (const informer of this.#informers) informer.connect();
  }

  /** Informers that were refused try again, e.g. after {@link fault} has changed. */
  retryWatches(): void {
    for (const informer of this.#informers) if (informer.staleSince !== undefined) informer.connect();
  }

  /** Resolves when every informer has told what has happened so far. */
  async settle(): Promise<void> {
    for (let round = 0; round < 5; round += 1) {
      await Promise.all([...this.#informers].map((informer) => informer.idle()));
      await Promise.resolve();
    }
  }

  // ClusterApi --------------------------------------------------------------------------------------------------------

  get(type: ResourceType, name: ObjectName): Promise<Answer<KubeObject>> {
    return this.#call({ verb: 'get', type, ...this.#target(name) }, () => {
      const found = this.look(type, name);
      return found === undefined ? this.#notFound(type, name) : ok(found);
    });
  }

  list(type: ResourceType, scope: ListScope): Promise<Answer<ObjectList>> {
    const target = { namespace: scope.namespace, name: undefined, subresource: undefined };
    return this.#call({ verb: 'list', type, ...target }, () => ok(this.snapshot(type, scope)));
  }

  create(type: ResourceType, object: KubeObject): Promise<Answer<KubeObject>> {
    return this.#call({ verb: 'create', type, ...this.#target(object.metadata) }, () => {
      if (this.look(type, object.metadata) !== undefined)
        return err(failure('already-exists', `${type.plural} "${object.metadata.name}" already exists`));
      if (object.metadata.resourceVersion !== undefined)
        return err(failure('invalid', 'resourceVersion should not be set on objects to be created'));
      const refused = this.#namespaceRefuses(object);
      if (refused !== undefined) return err(refused);
      return ok(this.#insert(type, hasStatus(type) ? { ...object, status: undefined } : object, new Set()));
    });
  }

  replace(type: ResourceType, object: KubeObject): Promise<Answer<KubeObject>> {
    return this.#call({ verb: 'replace', type, ...this.#target(object.metadata) }, () => {
      const stored = this.#stored(type, object.metadata);
      if (stored === undefined) return this.#notFound(type, object.metadata);
      const { resourceVersion, uid } = object.metadata;
      const live = stored.object.metadata;
      if (
        (resourceVersion ?? live.resourceVersion) !== live.resourceVersion ||
        (uid ?? live.uid) !== live.uid
      )
        return err(failure('conflict', 'the object has been modified'));
      return this.#write(type, stored, { ...object, status: this.#statusFor(type, stored, object) });
    });
  }

  apply(
    type: ResourceType,
    object: KubeObject,
    options: { readonly subresource?: Subresource | undefined } = {},
  ): Promise<Answer<KubeObject>> {
    const { subresource } = options;
    const call = { verb: 'apply', type, ...this.#target(object.metadata), subresource } as const;
    return this.#call(call, () => this.#apply(type, object, subresource));
  }

  patch(
    type: ResourceType,
    name: ObjectName,
    operations: readonly JsonPatchOperation[],
    options: { readonly subresource?: Subresource | undefined } = {},
  ): Promise<Answer<KubeObject>> {
    const { subresource } = options;
    return this.#call({ verb: 'patch', type, ...this.#target(name), subresource }, () => {
      const stored = this.#stored(type, name);
      if (stored === undefined) return this.#notFound(type, name);
      const copy = structuredClone(stored.object);
      const errors = applyPatch(copy, structuredClone(operations) as never).filter((error) => error !== null);
      if (errors.length > 0)
        return err(failure('invalid', `the server rejected our request: ${errors[0]?.message}`));
      if (copy.metadata.resourceVersion !== stored.object.metadata.resourceVersion)
        return err(failure('conflict', 'the object has been modified'));
      const only = subresource === 'status' ? { ...stored.object, status: copy['status'] } : copy;
      const status = hasStatus(type) && subresource === undefined ? stored.object['status'] : only['status'];
      return this.#write(type, stored, { ...only, status });
    });
  }

  remove(
    type: ResourceType,
    name: ObjectName,
    options: { readonly uid?: string | undefined } = {},
  ): Promise<Answer<undefined>> {
    return this.#call<undefined>({ verb: 'remove', type, ...this.#target(name) }, () => {
      const stored = this.#stored(type, name);
      if (stored === undefined) return ok(undefined);
      if (options.uid !== undefined && options.uid !== stored.object.metadata.uid)
        return err(failure('conflict', 'the UID in the precondition does not match'));
      if (finalizersOf(stored.object).length === 0) this.#erase(type, this.#keyOf(name));
      else if (stored.object.metadata.deletionTimestamp === undefined) {
        const deletionTimestamp = this.#time();
        const metadata = { ...stored.object.metadata, deletionTimestamp };
        this.#update(type, stored, { ...stored.object, metadata }, undefined);
      }
      return ok(undefined);
    });
  }

  // InformerSource ----------------------------------------------------------------------------------------------------

  watch<T>(options: InformerOptions<T>): Informer<T> {
    const informer = new MemoryInformer<T>(this, options, () => this.#informers.delete(informer as never));
    this.#informers.add(informer as never);
    informer.connect();
    return informer;
  }

  /** Why a watch cannot be had now. */
  refusesWatch(type: ResourceType, scope: ListScope): ApiFailure | undefined {
    const call = { verb: 'watch', type, namespace: scope.namespace, name: undefined } as const;
    this.calls.push({ ...call, subresource: undefined });
    return this.#isAway ? failure('unreachable') : this.fault({ ...call, subresource: undefined });
  }

  snapshot(type: ResourceType, scope: ListScope): ObjectList {
    const items = this.all(type, scope).map((object) => (scope.metadataOnly ? metadataOf(object) : object));
    return { items, resourceVersion: String(this.#version) };
  }

  // Inside ------------------------------------------------------------------------------------------------------------

  async #call<T>(
    call: Omit<Call, 'subresource'> & { readonly subresource?: Subresource | undefined },
    carryOut: () => Answer<T>,
  ): Promise<Answer<T>> {
    const whole: Call = { ...call, subresource: call.subresource };
    this.calls.push(whole);
    await this.before(whole);
    if (this.#isAway) return err(failure('unreachable', 'connect ECONNREFUSED'));
    const fault = this.fault(whole);
    return fault === undefined ? carryOut() : err(fault);
  }

  #target(name: ObjectName): { readonly namespace: string | undefined; readonly name: string } {
    return { namespace: name.namespace, name: name.name };
  }

  #keyOf({ namespace, name }: ObjectName): string {
    return namespace === undefined ? name : `${namespace}/${name}`;
  }

  #store(type: ResourceType): Map<string, Stored> {
    const store = this.#stores.get(pathOf(type)) ?? new Map<string, Stored>();
    this.#stores.set(pathOf(type), store);
    return store;
  }

  #stored(type: ResourceType, name: ObjectName): Stored | undefined {
    return this.#store(type).get(this.#keyOf(name));
  }

  #notFound(type: ResourceType, name: ObjectName): { readonly ok: false; readonly error: ApiFailure } {
    return { ok: false, error: failure('not-found', `${type.plural} "${name.name}" not found`) };
  }

  #time(): string {
    return `${this.wallClock().toISOString().slice(0, 19)}Z`;
  }

  #namespaceRefuses({ metadata }: KubeObject): ApiFailure | undefined {
    if (metadata.namespace === undefined) return undefined;
    const namespace = this.look(NAMESPACES, { name: metadata.namespace });
    if (namespace === undefined) return failure('not-found', `namespaces "${metadata.namespace}" not found`);
    return namespace.metadata.deletionTimestamp === undefined
      ? undefined
      : failure('forbidden', `namespace ${metadata.namespace} is being terminated`);
  }

  #statusFor(type: ResourceType, stored: Stored, object: KubeObject): unknown {
    return hasStatus(type) ? stored.object['status'] : object['status'];
  }

  #apply(type: ResourceType, object: KubeObject, subresource: Subresource | undefined): Answer<KubeObject> {
    const stored = this.#stored(type, object.metadata);
    const given =
      hasStatus(type) && subresource === undefined ? { ...object, status: undefined } : withData(object);
    const clean = JSON.parse(JSON.stringify(given)) as KubeObject;
    if (stored === undefined) {
      if (subresource !== undefined) return this.#notFound(type, object.metadata);
      const refused = this.#namespaceRefuses(object);
      return refused === undefined
        ? ok(this.#insert(type, clean, new Set(leavesOf(clean).keys())))
        : err(refused);
    }
    const { resourceVersion } = object.metadata;
    if (resourceVersion !== undefined && resourceVersion !== stored.object.metadata.resourceVersion)
      return err(failure('conflict', 'the object has been modified'));
    // Each subresource has a field set of its own.
    const isStatusLeaf = (leaf: string): boolean => leaf.startsWith('["status"');
    const isMine = (leaf: string): boolean =>
      !hasStatus(type) || isStatusLeaf(leaf) === (subresource === 'status');
    const scoped = subresource === 'status' ? { metadata: {}, status: clean['status'] } : clean;
    const mine = new Set([...stored.owned].filter(isMine));
    const merged = applyTo(stored.object, scoped, mine) as KubeObject;
    const owned = new Set([
      ...[...stored.owned].filter((leaf) => !isMine(leaf)),
      ...[...leavesOf(scoped).keys()].filter((leaf) => leaf !== '["metadata"]'),
    ]);
    return this.#write(type, stored, merged, owned);
  }

  #write(
    type: ResourceType,
    stored: Stored,
    object: KubeObject,
    owned?: ReadonlySet<string>,
  ): Answer<KubeObject> {
    const field = IMMUTABLE[type.kind];
    const next = withData(object);
    if (field !== undefined && JSON.stringify(next[field]) !== JSON.stringify(stored.object[field]))
      return err(failure('invalid', `${field}: Invalid value: field is immutable`));
    if (
      stored.object['immutable'] === true &&
      JSON.stringify(next['data']) !== JSON.stringify(stored.object['data'])
    )
      return err(failure('invalid', 'data: Forbidden: field is immutable when `immutable` is set'));
    return ok(this.#update(type, stored, next, owned));
  }

  #insert(type: ResourceType, draft: KubeObject, owned: ReadonlySet<string>): KubeObject {
    this.#version += 1;
    const metadata = {
      uid: randomUUID(),
      creationTimestamp: this.#time(),
      ...(type.group === MIRROR_SETS.group ? { generation: 1 } : {}),
      ...draft.metadata,
      resourceVersion: String(this.#version),
    };
    const identity = { apiVersion: apiVersionOf(type), kind: type.kind };
    const whole = withData({ ...identity, ...draft, metadata: this.#labelled(type, metadata) });
    const object = freeze(JSON.parse(JSON.stringify(whole)) as KubeObject);
    this.#store(type).set(keyOf(object), { object, owned });
    this.#tell(type, undefined, object);
    return object;
  }

  #labelled(type: ResourceType, metadata: KubeObject['metadata']): KubeObject['metadata'] {
    if (type.plural !== NAMESPACES.plural) return metadata;
    return { ...metadata, labels: { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name } };
  }

  /** `owned` undefined: somebody else writes, and what it changes is no longer ours. */
  #update(
    type: ResourceType,
    stored: Stored,
    next: KubeObject,
    owned: ReadonlySet<string> | undefined,
  ): KubeObject {
    const before = stored.object;
    const { uid, creationTimestamp, resourceVersion, generation } = before.metadata;
    const kept = { uid, creationTimestamp, resourceVersion, generation };
    const wanted = JSON.parse(
      JSON.stringify(
        withData({
          apiVersion: before.apiVersion as string,
          kind: before.kind as string,
          ...next,
          metadata: this.#labelled(type, { ...next.metadata, ...kept } as KubeObject['metadata']),
        }),
      ),
    ) as KubeObject;
    const left = owned ?? new Set(stored.owned);
    if (owned === undefined)
      for (const leaf of changedLeaves(before, wanted)) (left as Set<string>).delete(leaf);
    const isSame = changedLeaves(before, wanted).length === 0;
    const isGone = before.metadata.deletionTimestamp !== undefined && finalizersOf(wanted).length === 0;
    const isDying = before.metadata.deletionTimestamp !== wanted.metadata.deletionTimestamp;
    if (isSame && !isDying && !isGone) {
      this.#store(type).set(keyOf(before), { object: before, owned: left });
      return before;
    }
    this.#version += 1;
    const hasNewSpec = JSON.stringify(before['spec']) !== JSON.stringify(wanted['spec']);
    const object = freeze({
      ...wanted,
      metadata: {
        ...wanted.metadata,
        ...(generation !== undefined && hasNewSpec ? { generation: generation + 1 } : {}),
        resourceVersion: String(this.#version),
      },
    });
    this.#store(type).set(keyOf(object), { object, owned: left });
    if (isGone) this.#erase(type, keyOf(object));
    else this.#tell(type, before, object);
    return object;
  }

  #erase(type: ResourceType, key: string): void {
    const stored = this.#store(type).get(key);
    if (stored === undefined) return;
    this.#version += 1;
    this.#store(type).delete(key);
    this.#tell(type, stored.object, undefined);
  }

  #tell(type: ResourceType, before: KubeObject | undefined, after: KubeObject | undefined): void {
    if (this.#isAway) return;
    for (const informer of this.#informers)
      if (pathOf(informer.type) === pathOf(type)) informer.hear(before, after);
  }
}

/** An informer as the real one behaves: late, filtered, never emptied by an outage. */
class MemoryInformer<T> implements Informer<T> {
  readonly items = new Map<string, T>();
  readonly synced: Promise<void>;
  readonly #cluster: MemoryCluster;
  readonly #options: InformerOptions<T>;
  readonly #onClose: () => void;
  readonly #listeners = new Set<(change: ObjectChange<T>) => void>();
  #resolve: () => void = () => {};
  #queue: Promise<void> = Promise.resolve();
  #isClosed = false;
  #isConnected = false;
  isSynced = false;
  staleSince: number | undefined;

  constructor(cluster: MemoryCluster, options: InformerOptions<T>, onClose: () => void) {
    this.#cluster = cluster;
    this.#options = options;
    this.#onClose = onClose;
    this.synced = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get type(): ResourceType {
    return this.#options.type;
  }

  onChange(listener: (change: ObjectChange<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#isClosed = true;
    this.#listeners.clear();
    this.#onClose();
  }

  idle(): Promise<void> {
    return this.#queue;
  }

  lose(): void {
    this.#isConnected = false;
    this.staleSince ??= this.#cluster.now();
  }

  connect(): void {
    this.#later(() => {
      const { type, scope } = this.#options;
      if (this.#cluster.refusesWatch(type, scope) !== undefined) {
        this.lose();
        return;
      }
      this.#isConnected = true;
      this.staleSince = undefined;
      const { items } = this.#cluster.snapshot(type, scope);
      const present = new Set(items.map(keyOf));
      for (const key of this.items.keys()) if (!present.has(key)) this.#change(key, undefined);
      for (const object of items) this.#take(object);
      this.isSynced = true;
      this.#resolve();
    });
  }

  hear(before: KubeObject | undefined, after: KubeObject | undefined): void {
    if (!this.#isConnected) return;
    const object = after ?? before;
    if (object === undefined) return;
    const { scope } = this.#options;
    const isIn = after !== undefined && isInScope(after, scope);
    if (!isIn && !(before !== undefined && isInScope(before, scope))) return;
    this.#later(() => {
      if (isIn) this.#take(scope.metadataOnly ? metadataOf(after) : after);
      else this.#change(keyOf(object), undefined);
    });
  }

  #later(task: () => void): void {
    this.#queue = this.#queue.then(() => {
      if (!this.#isClosed) task();
    });
  }

  #take(object: KubeObject): void {
    try {
      this.#change(keyOf(object), this.#options.keep(object));
    } catch (error) {
      this.#cluster.reports.push(error);
    }
  }

  #change(key: string, after: T | undefined): void {
    const before = this.items.get(key);
    if (before === undefined && after === undefined) return;
    if (after === undefined) this.items.delete(key);
    else this.items.set(key, after);
    for (const listener of this.#listeners) {
      try {
        listener({ key, before, after });
      } catch (error) {
        this.#cluster.reports.push(error);
      }
    }
  }
}
