// Webhook bundle: keeps `caBundle` of our MutatingWebhookConfiguration what it should be, whoever edits it.
import { asArray, asObject, asString, own } from '../domain/json.ts';
import { MUTATING_WEBHOOKS } from '../kubernetes/resource.ts';
import type { KubeObject } from '../kubernetes/resource.ts';
import type { ClusterApi, Informer, InformerSource, JsonPatchOperation } from '../kubernetes/cluster-api.ts';
import { Alarm, Pace } from './alarm.ts';

/** Told of what is done and of what fails, for the log; must not throw. */
export interface CertificateReports {
  done(text: string): void;
  failed(text: string): void;
}

export interface WebhookBundleOptions {
  readonly api: ClusterApi;
  readonly informers: InformerSource;
  /** Of the MutatingWebhookConfiguration. */
  readonly name: string;
  readonly reports: CertificateReports;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
}

/** What the live configuration was found to hold: `absent` is no configuration, and so nobody who could miss anything. */
export type BundleStanding = 'held' | 'behind' | 'absent';

interface Webhook {
  readonly name: string;
  /** Base64, as in the API; '' when there is none. */
  readonly caBundle: string;
}

/** A GitOps tool that puts its own back each time must not make a storm of two; nor must an API server that refuses. */
const PACE = { free: 3, firstMs: 250, longestMs: 15_000, quietMs: 60_000 };
/** A patch comes back by the watch; if it does not, look again. */
const ECHO_MS = 2_000;

function webhooksOf(configuration: KubeObject): readonly Webhook[] {
  return asArray(configuration['webhooks']).map((entry) => {
    const webhook = asObject(entry);
    const caBundle = asString(own(asObject(own(webhook, 'clientConfig')), 'caBundle')) ?? '';
    return { name: asString(own(webhook, 'name')) ?? '', caBundle };
  });
}

/** The entries are told apart by place: each `test` makes sure that nobody has moved them meanwhile. */
export function patchBundle(webhooks: readonly Webhook[], caBundle: string): readonly JsonPatchOperation[] {
  return webhooks.flatMap((webhook, index): JsonPatchOperation[] =>
    webhook.caBundle === caBundle
      ? []
      : [
          { op: 'test', path: `/webhooks/${index}/name`, value: webhook.name },
          { op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle },
        ],
  );
}

/** Runs on the leader only. Until something is wanted, and while there is no configuration, it waits. */
export class WebhookBundle {
  readonly #options: WebhookBundleOptions;
  readonly #alarm = new Alarm();
  readonly #pace: Pace;
  readonly #listeners = new Set<() => void>();
  /** Base64. */
  #wanted: string | undefined;
  /** No patch before this time. */
  #earliest = -Infinity;

  constructor(options: WebhookBundleOptions) {
    this.#options = options;
    this.#pace = new Pace(PACE, options.random);
  }

  /** @param caBundle PEM. */
  want(caBundle: string): void {
    const encoded = Buffer.from(caBundle).toString('base64');
    if (encoded === this.#wanted) return;
    this.#wanted = encoded;
    this.#alarm.ring();
  }

  /** Calls the listener after each change of the live configuration. Returns what ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asks the API server itself, not a watch that may be late. undefined: it could not say. */
  async verify(): Promise<BundleStanding | undefined> {
    const live = await this.#options.api.get(MUTATING_WEBHOOKS, { name: this.#options.name });
    if (!live.ok) return live.error.kind === 'not-found' ? 'absent' : undefined;
    const wanted = this.#wanted;
    const isHeld = wanted !== undefined && patchBundle(webhooksOf(live.value), wanted).length === 0;
    return isHeld ? 'held' : 'behind';
  }

  /** Resolves when the signal has ended it and nothing is under way any more. */
  async start(signal: AbortSignal): Promise<void> {
    const { informers, name } = this.#options;
    const informer = informers.watch<readonly Webhook[]>({
      type: MUTATING_WEBHOOKS,
      scope: { fieldSelector: `metadata.name=${name}` },
      keep: webhooksOf,
    });
    informer.onChange(() => {
      this.#alarm.ring();
      for (const listener of this.#listeners) listener();
    });
    while (!signal.aborted) await this.#alarm.sleep(await this.#round(informer), signal);
    informer.close();
  }

  /** Gives how long to sleep; a change of the live object ends that. */
  async #round(informer: Informer<readonly Webhook[]>): Promise<number> {
    const { name, now } = this.#options;
    const webhooks = informer.items.get(name);
    const patch =
      webhooks === undefined || this.#wanted === undefined ? [] : patchBundle(webhooks, this.#wanted);
    if (patch.length === 0) return Infinity;
    const pause = this.#earliest - now();
    if (pause > 0) return pause;
    await this.#write(patch);
    this.#earliest = now() + this.#pace.next(now());
    return ECHO_MS;
  }

  async #write(patch: readonly JsonPatchOperation[]): Promise<void> {
    const { api, name, reports } = this.#options;
    const written = await api.patch(MUTATING_WEBHOOKS, { name }, patch);
    if (written.ok) {
      reports.done(
        `MutatingWebhookConfiguration ${name}: caBundle of ${patch.length / 2} webhook(s) written`,
      );
      return;
    }
    const { kind, message } = written.error;
    // Somebody was faster; the watch brings what is there now.
    if (kind !== 'not-found' && kind !== 'conflict') {
      reports.failed(
        `MutatingWebhookConfiguration ${name}: caBundle cannot be written (${kind}: ${message})`,
      );
    }
  }
}
