// API: the calls of the cluster API as requests of the API server, and their answers as values.
import { err, ok, type Result } from '../domain/result.ts';
import { collectionPath, objectPath, selectorQuery, withQuery, type Query } from './api-path.ts';
import { notAsked } from './api-failure.ts';
import type {
  ApiFailure,
  CallOptions,
  ClusterApi,
  JsonPatchOperation,
  ListScope,
  ObjectList,
  ObjectName,
  Subresource,
} from './cluster-api.ts';
import type { ApiAnswer, ApiCall } from './exchange.ts';
import { readObject, readPage } from './object-text.ts';
import { apiVersionOf, SECRETS, type KubeObject, type ResourceType } from './resource.ts';
import { wait } from './wait.ts';

/** What the API needs of a connection. */
export interface CallSender {
  call(call: ApiCall, timeoutMs: number): Promise<Result<ApiAnswer, ApiFailure>>;
}

export interface KubernetesApiOptions {
  readonly connection: CallSender;
  /** Owns the fields that we apply. */
  readonly fieldManager: string;
}

type Written = Promise<Result<KubeObject, ApiFailure>>;

const MS = 10_000;
/** An object is at most 3 MiB at the API server's door, and 1.5 MiB in etcd. */
const OBJECT_CAP = 4 * 1024 * 1024;
/** Of {@link PAGE} objects, nearly all far below their limit. */
const PAGE_CAP = 64 * 1024 * 1024;
const PAGE = '500';
/** Whoever may write secrets may write many of 1 MiB each (1.4 in base64): a page must not be more than our memory has room for. */
const SECRETS_PAGE = '10';

const JSON_TYPE = 'application/json';
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

function noName(name: string | undefined): ApiFailure {
  return notAsked('invalid', `"${name ?? ''}" names no object or namespace of this kind`);
}

/** How a kind is put into what is sent: callers need not repeat it. */
function bodyOf(type: ResourceType, object: KubeObject): string {
  return JSON.stringify({ ...object, apiVersion: apiVersionOf(type), kind: type.kind });
}

interface WriteRequest {
  readonly method: 'POST' | 'PUT' | 'PATCH';
  readonly path: string | undefined;
  readonly name: string;
  readonly body: string;
  readonly mediaType?: string;
  readonly force?: 'true';
}

/** The API server behind a connection. Nothing here throws or rejects. */
export class KubernetesApi implements ClusterApi {
  readonly #connection: CallSender;
  readonly #fieldManager: string;

  constructor({ connection, fieldManager }: KubernetesApiOptions) {
    this.#connection = connection;
    this.#fieldManager = fieldManager;
  }

  async get(type: ResourceType, name: ObjectName, options: CallOptions = {}): Written {
    const path = objectPath(type, name);
    if (path === undefined) return err(noName(name.name));
    const answer = await this.#read(path, { accept: JSON_TYPE, cap: OBJECT_CAP }, options);
    return answer.ok ? readObject(answer.value) : answer;
  }

  async list(
    type: ResourceType,
    scope: ListScope,
    options: CallOptions = {},
  ): Promise<Result<ObjectList, ApiFailure>> {
    const items: KubeObject[] = [];
    const done = await this.listPages(type, scope, options, (page) => {
      for (const item of page) items.push(item);
    });
    return done.ok ? ok({ items, resourceVersion: done.value }) : done;
  }

  /**
   * Gives a list page by page, so that what is not kept can go before the next comes. Yields the resource version that a
   * watch goes on from. `timeoutMs` is for all pages together.
   */
  async listPages(
    type: ResourceType,
    scope: ListScope,
    { timeoutMs = MS }: CallOptions,
    onPage: (items: readonly KubeObject[]) => void,
  ): Promise<Result<string, ApiFailure>> {
    const path = collectionPath(type, scope.namespace);
    if (path === undefined) return err(noName(scope.namespace));
    const accept = scope.metadataOnly === true ? METADATA_ONLY : JSON_TYPE;
    const limit = type.plural === SECRETS.plural && scope.metadataOnly !== true ? SECRETS_PAGE : PAGE;
    const deadline = performance.now() + timeoutMs;
    let next: string | undefined;
    for (;;) {
      const query: Query = { ...selectorQuery(scope), limit, continue: next };
      const left = { timeoutMs: Math.max(0, deadline - performance.now()) };
      const answer = await this.#read(withQuery(path, query), { accept, cap: PAGE_CAP }, left);
      if (!answer.ok) return answer;
      const page = readPage(answer.value);
      if (!page.ok) return page;
      onPage(page.value.items);
      next = page.value.next;
      if (next === undefined) return ok(page.value.resourceVersion);
    }
  }

  create(type: ResourceType, object: KubeObject, options: CallOptions = {}): Written {
    const { namespace, name } = object.metadata;
    // The collection is named through the object, so that what could not be read back cannot be made.
    const path =
      objectPath(type, { namespace, name }) === undefined ? undefined : collectionPath(type, namespace);
    return this.#write({ method: 'POST', path, name, body: bodyOf(type, object) }, options);
  }

  replace(type: ResourceType, object: KubeObject, options: CallOptions = {}): Written {
    const { name } = object.metadata;
    const path = objectPath(type, object.metadata);
    return this.#write({ method: 'PUT', path, name, body: bodyOf(type, object) }, options);
  }

  apply(
    type: ResourceType,
    object: KubeObject,
    options: CallOptions & { readonly subresource?: Subresource | undefined } = {},
  ): Written {
    const { name } = object.metadata;
    const path = objectPath(type, object.metadata, options.subresource);
    const mediaType = 'application/apply-patch+yaml'; // JSON is YAML
    const body = bodyOf(type, object);
    return this.#write({ method: 'PATCH', path, name, body, mediaType, force: 'true' }, options);
  }

  patch(
    type: ResourceType,
    name: ObjectName,
    operations: readonly JsonPatchOperation[],
    options: CallOptions & { readonly subresource?: Subresource | undefined } = {},
  ): Written {
    const path = objectPath(type, name, options.subresource);
    const body = JSON.stringify(operations);
    const mediaType = 'application/json-patch+json';
    return this.#write({ method: 'PATCH', path, name: name.name, body, mediaType }, options);
  }

  async remove(
    type: ResourceType,
    name: ObjectName,
    options: CallOptions & { readonly uid?: string | undefined } = {},
  ): Promise<Result<undefined, ApiFailure>> {
    const path = objectPath(type, name);
    if (path === undefined) return err(noName(name.name));
    const body = JSON.stringify({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      ...(options.uid === undefined ? {} : { preconditions: { uid: options.uid } }),
    });
    const headers = { accept: JSON_TYPE, 'content-type': JSON_TYPE };
    const call: ApiCall = { method: 'DELETE', path, headers, body, cap: OBJECT_CAP };
    const answer = await this.#connection.call(call, options.timeoutMs ?? MS);
    return answer.ok || answer.error.kind === 'not-found' ? ok(undefined) : answer;
  }

  async #write(request: WriteRequest, { timeoutMs = MS }: CallOptions): Written {
    const { method, path, name, body, mediaType = JSON_TYPE, force } = request;
    if (path === undefined) return err(noName(name));
    const call: ApiCall = {
      method,
      path: withQuery(path, { fieldManager: this.#fieldManager, force }),
      headers: { accept: JSON_TYPE, 'content-type': mediaType },
      body,
      cap: OBJECT_CAP,
    };
    const answer = await this.#connection.call(call, timeoutMs);
    return answer.ok ? readObject(answer.value) : answer;
  }

  /** A read that the API server was too busy for is asked again once, when it says when and that is in time. */
  async #read(
    path: string,
    { accept, cap }: { accept: string; cap: number },
    { timeoutMs = MS }: CallOptions,
  ): Promise<Result<ApiAnswer, ApiFailure>> {
    const deadline = performance.now() + timeoutMs;
    const call: ApiCall = { method: 'GET', path, headers: { accept }, body: undefined, cap };
    const first = await this.#connection.call(call, timeoutMs);
    if (first.ok || first.error.kind !== 'throttled') return first;
    const { retryAfterMs } = first.error;
    if (retryAfterMs === undefined || retryAfterMs >= deadline - performance.now()) return first;
    await wait(retryAfterMs);
    return await this.#connection.call(call, deadline - performance.now());
  }
}
