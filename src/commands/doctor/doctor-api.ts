// Doctor api: what a doctor asks of the API server, each answer as found, absent or unread; nothing is ever written there.
import { FIELD_MANAGER } from '../../domain/installation-names.ts';
import { asObject, own } from '../../domain/json.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { ClockReading } from '../../explain/doctor/doctor-clock.ts';
import type { Fetched } from '../../explain/doctor/doctor-check.ts';
import type { TrialAnswer } from '../../explain/doctor/doctor-pods.ts';
import { trialPod } from '../../explain/doctor/doctor-pods.ts';
import type { RightAnswer, WantedRight } from '../../explain/doctor/doctor-rights.ts';
import { KubernetesApi } from '../../kubernetes/api.ts';
import type { ApiFailure, ListScope, ObjectName } from '../../kubernetes/cluster-api.ts';
import type { Connection } from '../../kubernetes/connection.ts';
import { headerOf } from '../../kubernetes/exchange.ts';
import type { KubeObject, ResourceType } from '../../kubernetes/resource.ts';

const CALL_MS = 10_000;
/** Of answers that are an object of ours, or a version. */
const SMALL = 1024 * 1024;
const JSON_TYPE = 'application/json';

export const SERVICES: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'services',
  kind: 'Service',
  namespaced: true,
};
export const ENDPOINT_SLICES: ResourceType = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
};
export const DEPLOYMENTS: ResourceType = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
};

function wordsOf({ kind, message }: ApiFailure): string {
  return kind === 'unreachable' ? `the API server gave no answer (${message})` : message;
}

function fetched<T>(result: { ok: true; value: T } | { ok: false; error: ApiFailure }): Fetched<T> {
  if (result.ok) return { state: 'found', value: result.value };
  return result.error.kind === 'not-found'
    ? { state: 'absent' }
    : { state: 'unread', why: wordsOf(result.error) };
}

/** RBAC's own refusal: it is not the pod that was refused but whoever asks. */
const MAY_NOT_ASK = /cannot create resource "pods"/;
/** A refusal that is none of the image: a webhook of somebody that may not be asked in a dry run. */
const NO_DRY_RUN = /does not support dry run/;

/** The API server, asked. */
export class DoctorApi {
  readonly #connection: Connection;
  readonly #api: KubernetesApi;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#api = new KubernetesApi({ connection, fieldManager: FIELD_MANAGER });
  }

  get server(): string {
    return this.#connection.server;
  }

  get api(): KubernetesApi {
    return this.#api;
  }

  async get(type: ResourceType, name: ObjectName): Promise<Fetched<KubeObject>> {
    return fetched(await this.#api.get(type, name, { timeoutMs: CALL_MS }));
  }

  async list(type: ResourceType, scope: ListScope): Promise<Fetched<readonly KubeObject[]>> {
    const listed = await this.#api.list(type, scope, { timeoutMs: 3 * CALL_MS });
    return fetched(listed.ok ? { ok: true, value: listed.value.items } : listed);
  }

  /** Its clock, by the Date of an answer: whole seconds. */
  async clock(): Promise<Fetched<ClockReading>> {
    const call = {
      method: 'GET',
      path: '/version',
      headers: { accept: JSON_TYPE },
      body: undefined,
      cap: SMALL,
    } as const;
    // The first call dials, which would count as doubt about the clock.
    const dialled = await this.#connection.call(call, CALL_MS);
    if (!dialled.ok) return fetched(dialled);
    const askedAt = Date.now();
    const answer = await this.#connection.call(call, CALL_MS);
    if (!answer.ok) return fetched(answer);
    const theirs = Date.parse(headerOf(answer.value.headers, 'date') ?? '');
    if (Number.isNaN(theirs)) return { state: 'unread', why: 'its answers have no Date' };
    return { state: 'found', value: { theirs, stepMs: 1000, askedAt, answeredAt: Date.now() } };
  }

  /** May an account of ours? */
  async may(user: string, groups: readonly string[], right: WantedRight): Promise<RightAnswer> {
    const { who: _who, ...resourceAttributes } = right;
    const answer = await this.#post('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user, groups, resourceAttributes },
    });
    if (!answer.ok) return { right, answer: { unread: wordsOf(answer.error) } };
    const isAllowed = own(asObject(own(answer.value, 'status')), 'allowed') === true;
    return { right, answer: isAllowed ? 'yes' : 'no' };
  }

  /** Would a pod with this image be let in? A dry run: nothing is stored. */
  async try(namespace: string, image: string): Promise<TrialAnswer> {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods?dryRun=All`;
    const body = { apiVersion: 'v1', kind: 'Pod', ...trialPod(image) };
    const answer = await this.#post(path, body);
    if (answer.ok) return 'accepted';
    const words = wordsOf(answer.error);
    const isTold = ['forbidden', 'invalid', 'refused'].includes(answer.error.kind);
    return isTold && !MAY_NOT_ASK.test(words) && !NO_DRY_RUN.test(words)
      ? { refused: words }
      : { unread: words };
  }

  async #post(
    path: string,
    object: object,
  ): Promise<{ ok: true; value: JsonObject | undefined } | { ok: false; error: ApiFailure }> {
    const headers = { accept: JSON_TYPE, 'content-type': JSON_TYPE };
    const call = { method: 'POST', path, headers, body: JSON.stringify(object), cap: SMALL } as const;
    const answer = await this.#connection.call(call, CALL_MS);
    if (!answer.ok) return answer;
    try {
      return { ok: true, value: asObject(JSON.parse(answer.value.body.toString('utf8'))) };
    } catch {
      return { ok: true, value: undefined };
    }
  }
}
