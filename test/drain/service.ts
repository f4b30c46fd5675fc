// Service: sends new connections to the ready webhooks only, and hears of their readiness late, as kube-proxy does.
import type { WebhookProcess } from './webhook-process.ts';

const POLL_MS = 200;
/** From a failing /readyz (or a deletion) to every node's rules: about a second in a cluster that is not in trouble. */
const DELAY_MS = 1_000;

interface Backend {
  readonly webhook: WebhookProcess;
  serving: boolean;
  /** The last thing seen, which is acted upon after the delay. */
  seen: boolean;
}

export class Service {
  readonly #backends: Backend[] = [];
  readonly #timer: NodeJS.Timeout;
  #next = 0;

  constructor() {
    this.#timer = setInterval(() => void this.#poll(), POLL_MS);
  }

  /** A webhook that is ready already. */
  add(webhook: WebhookProcess): void {
    this.#backends.push({ webhook, serving: true, seen: true });
  }

  async #poll(): Promise<void> {
    await Promise.all(
      this.#backends.map(async (backend) => {
        const ready = await backend.webhook.isReady();
        if (ready === backend.seen) return;
        backend.seen = ready;
        setTimeout(() => {
          backend.serving = ready;
        }, DELAY_MS);
      }),
    );
  }

  /** Where a new connection goes: to each serving webhook in turn. */
  choose(): WebhookProcess {
    const serving = this.#backends.filter((backend) => backend.serving);
    this.#next += 1;
    const chosen = serving[this.#next % Math.max(1, serving.length)];
    if (chosen === undefined) throw new Error('no webhook is ready');
    return chosen.webhook;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
