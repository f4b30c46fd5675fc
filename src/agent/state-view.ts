// State view: what is said, and counted, about seeing this node's NodeMirrorState or not.
import type { ApiFailure } from './api-failure.ts';
import type { Log } from './log.ts';
import type { AgentMetrics } from './metrics.ts';
import type { StateListener } from './one-watch.ts';
import type { OwnState } from './own-state.ts';

/** A listener that passes the object on and tells people the rest, each piece of news once. */
export class StateView implements StateListener {
  readonly #log: Log;
  readonly #metrics: Pick<AgentMetrics, 'setInView'>;
  readonly #pass: (state: OwnState | undefined) => void;
  #state: 'unknown' | 'present' | 'absent' = 'unknown';
  #lost: string | undefined;
  #isInView = false;

  constructor(
    log: Log,
    metrics: Pick<AgentMetrics, 'setInView'>,
    pass: (state: OwnState | undefined) => void,
  ) {
    this.#log = log;
    this.#metrics = metrics;
    this.#pass = pass;
  }

  /** `unknown` until the API server has answered for the first time. */
  get state(): 'unknown' | 'present' | 'absent' {
    return this.#state;
  }

  onState(state: OwnState | undefined): void {
    if (state === undefined && this.#state === 'unknown') {
      this.#log.info({}, 'there is no NodeMirrorState for this node yet: nothing is touched');
    }
    this.#state = state === undefined ? 'absent' : 'present';
    this.#pass(state);
  }

  onInView(): void {
    if (!this.#isInView) this.#log.info({}, 'the NodeMirrorState of this node is in view');
    this.#isInView = true;
    this.#lost = undefined;
    this.#metrics.setInView(true);
  }

  onLost({ message }: ApiFailure): void {
    // An API server can be away for hours, and it is asked every half minute.
    if (message !== this.#lost) {
      this.#log.warn({ error: message }, 'the NodeMirrorState cannot be seen: what is on the node stays');
    }
    this.#lost = message;
    this.#isInView = false;
    this.#metrics.setInView(false);
  }
}
