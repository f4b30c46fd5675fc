// One watch: one watch request of this node's object, from its beginning to its one end.
import type { ApiFailure } from './api-failure.ts';
import type { StreamListener } from './api-stream.ts';
import { BoundedLines } from './bounded-lines.ts';
import { parseOwnStateEvent, type OwnState } from './own-state.ts';

export interface StateListener {
  /** What the object is now; undefined: there is none. The same may be told again. */
  onState(state: OwnState | undefined): void;
  /** In view, until `onLost`. */
  onInView(): void;
  /** What is known may be old from now on. It is tried again, whatever the failure. */
  onLost(failure: ApiFailure): void;
}

/** How a watch ended: from where to go on, or undefined when only a list tells. */
export interface WatchEnd {
  readonly resumeFrom: string | undefined;
  /** undefined: in good order. */
  readonly failure: ApiFailure | undefined;
}

/** An event holds one object, of which etcd stores at most 1.5 MiB. */
const LINE_MAX_BYTES = 4 * 1024 * 1024;

export class OneWatch implements StreamListener {
  readonly #node: string;
  readonly #listener: StateListener;
  readonly #finish: (end: WatchEnd) => void;
  readonly #lines = new BoundedLines(LINE_MAX_BYTES, (line) => {
    this.#read(line);
  });
  #openedAt: number | undefined;
  #resumeFrom: string;
  #isDone = false;

  constructor(
    { node, listener }: { readonly node: string; readonly listener: StateListener },
    from: string,
    finish: (end: WatchEnd) => void,
  ) {
    this.#node = node;
    this.#listener = listener;
    this.#resumeFrom = from;
    this.#finish = finish;
  }

  livedMs(): number {
    return this.#openedAt === undefined ? 0 : performance.now() - this.#openedAt;
  }

  onOpen(): void {
    this.#openedAt = performance.now();
    this.#listener.onInView();
  }

  onData(chunk: Buffer): boolean {
    if (!this.#isDone && !this.#lines.push(chunk)) this.#relist('an event is too long');
    return !this.#isDone;
  }

  onEnd(failure: ApiFailure | undefined): void {
    // A refusal may be of what is asked to go on from: a list is always understood.
    const resumeFrom = failure === undefined || failure.kind === 'unreachable' ? this.#resumeFrom : undefined;
    this.end({ resumeFrom, failure });
  }

  /** Nothing is known to be wrong with where it stands: the next watch goes on from there. */
  lose(message: string): void {
    this.end({ resumeFrom: this.#resumeFrom, failure: { kind: 'unreachable', message } });
  }

  end(end: WatchEnd): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#finish(end);
  }

  #relist(message: string): void {
    this.end({ resumeFrom: undefined, failure: { kind: 'refused', message } });
  }

  #read(line: string): void {
    if (this.#isDone) return;
    const event = parseOwnStateEvent(line, this.#node);
    if (event === undefined) {
      this.#relist('an event makes no sense');
      return;
    }
    if (event.type === 'failure') {
      this.end({ resumeFrom: undefined, failure: event.failure });
      return;
    }
    this.#resumeFrom = event.resourceVersion ?? this.#resumeFrom;
    if (event.type === 'put') this.#listener.onState(event.state);
    else if (event.type === 'gone') this.#listener.onState(undefined);
  }
}
