// Sets: mirror sets of a test's own, each under a prefix that no other set has, with what they need in the install namespace, and what is said of them.
import { callApi, getObject } from '../../lab/api-client.ts';
import type { Account, RegistryHost } from '../../lab/registries/records.ts';
import { INSTALL_NAMESPACE, dockerConfig, waitFor } from './stage.ts';
import type { Manifest, Stage } from './stage.ts';

const PATH = '/apis/registry-failover.io/v1alpha1/registrymirrorsets';
/** The status is written every few seconds at most. */
const STATUS_MS = 60_000;

/** The lab's CA, as the shared declarations have it in the install namespace. */
export const LAB_CA = { configMapRef: { name: 'lab-ca', key: 'ca.crt' } } as const;

export interface SetRequest {
  readonly name: string;
  /** Host and path. */
  readonly prefix: string;
  readonly mirrors: readonly object[];
  readonly canary?: string;
  /** Of spec; an empty namespaceSelector when absent. */
  readonly further?: object;
}

/** A mirror that nodes trust, with this credential. */
export function mirror(endpoint: string, credential: object): object {
  return { endpoint, credential, caBundle: LAB_CA, trustedByNodes: true };
}

export function mirrorSet({ name, prefix, mirrors, canary, further }: SetRequest): Manifest {
  return {
    apiVersion: 'registry-failover.io/v1alpha1',
    kind: 'RegistryMirrorSet',
    metadata: { name },
    spec: {
      namespaceSelector: {},
      upstream: { prefix, caBundle: LAB_CA, ...(canary === undefined ? {} : { canary }) },
      mirrors,
      ...further,
    },
  };
}

/** A pull secret with these accounts. */
export function secretOf(
  namespace: string,
  name: string,
  accounts: Readonly<Partial<Record<RegistryHost, Account>>>,
): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': dockerConfig(accounts) },
  };
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export interface SaidEvent {
  readonly reason: string;
  readonly note: string;
  readonly type: string;
  readonly regarding: { readonly kind: string; readonly name: string };
}

/** What a file declares beside the shared sets; `close` takes it all away. */
export class Sets {
  readonly #stage: Stage;
  readonly #sets: string[] = [];
  readonly #others: (readonly [kind: string, name: string])[] = [];

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async declare(request: SetRequest): Promise<void> {
    this.#sets.push(request.name);
    await this.#stage.apply(mirrorSet(request));
  }

  /** In the install namespace. */
  async secret(name: string, accounts: Readonly<Partial<Record<RegistryHost, Account>>>): Promise<void> {
    this.#others.push(['secret', name]);
    await this.#stage.apply(secretOf(INSTALL_NAMESPACE, name, accounts));
  }

  async configMap(name: string, data: Readonly<Record<string, string>>): Promise<void> {
    this.#others.push(['configmap', name]);
    const metadata = { name, namespace: INSTALL_NAMESPACE };
    await this.#stage.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
  }

  async condition(name: string, type: string): Promise<Condition | undefined> {
    const { access } = this.#stage.lab.controlPlane;
    const answer = await callApi(access, { path: `${PATH}/${name}` });
    const set = JSON.parse(answer.text) as { status?: { conditions?: readonly Condition[] } };
    return set.status?.conditions?.find((condition) => condition.type === type);
  }

  /** Waits until a condition has this status and reason; answers its message. */
  async waitCondition(name: string, wanted: Omit<Condition, 'message'>): Promise<string> {
    let last: Condition | undefined;
    try {
      await waitFor(
        `${name} to say ${wanted.type}=${wanted.status} ${wanted.reason}`,
        STATUS_MS,
        async () => {
          last = await this.condition(name, wanted.type);
          return last?.status === wanted.status && last.reason === wanted.reason;
        },
      );
    } catch (error) {
      throw new Error(`${String(error)}; it says ${JSON.stringify(last)}`, { cause: error });
    }
    return last?.message ?? '';
  }

  /** Waits until the set is in force as it stands. */
  async waitValid(name: string): Promise<void> {
    await this.waitCondition(name, { type: 'Valid', status: 'True', reason: 'Valid' });
  }

  async delete(name: string): Promise<void> {
    await this.#stage.kubectl('delete', 'registrymirrorset', name, '--ignore-not-found');
  }

  async close(): Promise<void> {
    for (const name of this.#sets) await this.delete(name);
    for (const [kind, name] of this.#others)
      await this.#stage.kubectl('delete', kind, '-n', INSTALL_NAMESPACE, name, '--ignore-not-found');
  }
}

/** Waits for an event about an object of a namespace; answers the first. */
export async function waitEvent(
  stage: Stage,
  namespace: string,
  wanted: { readonly reason: string; readonly kind: string; readonly name: string },
): Promise<SaidEvent> {
  let found: SaidEvent | undefined;
  const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
  await waitFor(`the event ${wanted.reason} on ${wanted.kind} ${wanted.name}`, STATUS_MS, async () => {
    const { items } = (await getObject(stage.lab.controlPlane.access, path)) as {
      readonly items: readonly SaidEvent[];
    };
    found = items.find(
      ({ reason, regarding }) =>
        reason === wanted.reason && regarding.kind === wanted.kind && regarding.name === wanted.name,
    );
    return found !== undefined;
  });
  if (found === undefined) throw new Error('no event was seen');
  return found;
}
