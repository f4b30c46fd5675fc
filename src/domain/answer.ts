// Answer: what a question about one candidate came to, as the decision sees it.
import type { Outcome } from './outcome.ts';

export interface Answer {
  readonly outcome: Outcome;
  readonly digest?: string;
  /** For people; cleaned registry text or our own diagnosis. */
  readonly detail?: string;
  /** Known before this pod came: cache, endpoint health, or throttling memory. */
  readonly fromMemory: boolean;
  /** The endpoint as a whole is in this state, not only this image: its health said so. */
  readonly endpointWide: boolean;
  /** Milliseconds the question took; 0 from memory. */
  readonly ms: number;
  /** Name of the pull secret whose credential gave this answer; undefined: anonymous. */
  readonly secret?: string;
  /** The deadline of the pod came before any answer. The outcome is then `slow`. */
  readonly unanswered?: true;
  /** No credential could be read, so nothing was asked: this is the endpoint's health alone. */
  readonly unread?: true;
}

/** The answer to a question that the pod's deadline cut off. */
export function unanswered(ms: number): Answer {
  return {
    outcome: 'slow',
    detail: 'no answer before the deadline of the pod',
    fromMemory: false,
    endpointWide: false,
    ms,
    unanswered: true,
  };
}
