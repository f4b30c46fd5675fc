// Node auth secret: the one Secret with the credentials that nodes show at mirrors, which every agent has mounted; there while a node needs it.
import { encodeBase64 } from '../../domain/base64.ts';
import type { Credential } from '../../domain/credential.ts';
import { ABOUT_ANNOTATION } from '../../domain/installation-names.ts';
import { asObject, asString, own } from '../../domain/json.ts';
import { DOCKER_CONFIG_JSON, parsePullSecret, printDockerConfigJson } from '../../domain/pull-secret.ts';
import type { PullSecretEntry } from '../../domain/pull-secret.ts';
import type { Installation } from '../../domain/rights.ts';
import type { ClusterApi, Informer, InformerSource } from '../../kubernetes/cluster-api.ts';
import { SECRETS } from '../../kubernetes/resource.ts';
import type { KubeObject } from '../../kubernetes/resource.ts';
import { aborted } from '../../kubernetes/wait.ts';
import { CALL } from '../leader-call.ts';
import { isManaged, MANAGED_LABELS } from './node-record.ts';
import type { ControllerClock } from '../status-clock.ts';
import { WorkQueue } from '../work-queue.ts';
import type { WorkResult } from '../work-queue.ts';

const { type: TYPE, dataKey: DATA_KEY } = DOCKER_CONFIG_JSON;
const ABOUT =
  'Credentials that nodes show at mirrors, for every pod that runs there (spec.nodes.credentials: NodeAuth).';

export interface NodeAuthOptions {
  readonly api: ClusterApi;
  readonly informers: InformerSource;
  readonly install: Installation;
  readonly clock: ControllerClock;
  readonly random: () => number;
  readonly onFailure: (message: string) => void;
}

/** What is there. A secret: never log this. */
interface Found {
  readonly uid: string;
  readonly encoded: string;
  readonly isOurs: boolean;
  readonly entries: readonly PullSecretEntry[];
}

function keepSecret({ metadata, type, data }: KubeObject): Found {
  const encoded = asString(own(asObject(data), DATA_KEY)) ?? '';
  const parsed = parsePullSecret({
    name: metadata.name,
    type: asString(type) ?? '',
    data: { [DATA_KEY]: encoded },
  });
  return {
    uid: metadata.uid ?? '',
    encoded,
    isOurs: isManaged(metadata),
    entries: parsed.ok ? (parsed.value?.entries ?? []) : [],
  };
}

/** Name of the Secret; the agents' mount has it too. */
export function nodeAuthName({ fullname }: Installation): string {
  return `${fullname}-node-auth`;
}

export class NodeAuthSecret {
  readonly #options: NodeAuthOptions;
  readonly #name: string;
  #informer: Informer<Found> | undefined;
  #queue: WorkQueue | undefined;
  #wanted: string | undefined;

  constructor(options: NodeAuthOptions) {
    this.#options = options;
    this.#name = nodeAuthName(options.install);
  }

  /** Keeps it until the signal aborts. Resolves when nothing is under way any more. */
  async start(signal: AbortSignal): Promise<void> {
    const { informers, install, clock, random } = this.#options;
    const scope = { namespace: install.namespace, fieldSelector: `metadata.name=${this.#name}` };
    const informer = informers.watch({ type: SECRETS, scope, keep: keepSecret });
    const queue = new WorkQueue({ work: () => this.#write(), onEnd: () => {}, timers: clock, random });
    this.#informer = informer;
    this.#queue = queue;
    informer.onChange(() => queue.add(this.#name));
    await aborted(signal);
    informer.close();
    await queue.close();
  }

  /**
   * @param endpoints Those that a node has, or is about to have, with a credential of its own.
   * @param credentials What declarations give. For an endpoint that is declared no more, but that a node still has, what stands in
   * the Secret is kept.
   */
  want(endpoints: ReadonlySet<string>, credentials: ReadonlyMap<string, Credential>): void {
    if (this.#informer?.isSynced !== true) return;
    const kept = new Map(this.#found()?.entries.map(({ key, credential }) => [key, credential]));
    const entries = [...endpoints].flatMap((key): PullSecretEntry[] => {
      const credential = credentials.get(key) ?? kept.get(key);
      return credential === undefined ? [] : [{ key, credential }];
    });
    this.#wanted = entries.length === 0 ? '' : encodeBase64(printDockerConfigJson(entries));
    if (!this.#isRight()) this.#queue?.add(this.#name);
  }

  #found(): Found | undefined {
    return this.#informer?.items.values().next().value;
  }

  #isRight(): boolean {
    const found = this.#found();
    // Somebody else's of that name is not ours to take away.
    if (this.#wanted === '') return found === undefined || !found.isOurs;
    return this.#wanted === undefined || (found?.isOurs === true && found.encoded === this.#wanted);
  }

  async #write(): Promise<WorkResult> {
    const wanted = this.#wanted;
    if (wanted === undefined || this.#isRight()) return { kind: 'done' };
    const { api, install, onFailure } = this.#options;
    const { namespace } = install;
    const done =
      wanted === ''
        ? await api.remove(SECRETS, { namespace, name: this.#name }, { ...CALL, uid: this.#found()?.uid })
        : await api.apply(SECRETS, this.#print(wanted), CALL);
    if (done.ok) return { kind: 'done' };
    onFailure(`Secret ${this.#name}: ${done.error.message}`);
    return { kind: 'failed', retryAfterMs: done.error.retryAfterMs };
  }

  #print(encoded: string): KubeObject {
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        namespace: this.#options.install.namespace,
        name: this.#name,
        labels: MANAGED_LABELS,
        annotations: { [ABOUT_ANNOTATION]: ABOUT },
      },
      type: TYPE,
      data: { [DATA_KEY]: encoded },
    };
  }
}
