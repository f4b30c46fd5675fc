// Inquiry: gets the answers a pod's slots need, from memory or by asking, all at once and under one deadline.
import { unanswered } from '../domain/answer.ts';
import type { Answer } from '../domain/answer.ts';
import { decideSlot, worthAsking } from '../domain/decision.ts';
import type { SlotCase } from '../domain/decision.ts';
import type { Candidate } from '../domain/plan.ts';
import type { Question } from '../domain/question.ts';
import type { Clock, Prober } from './lookups.ts';

/** A slot under inquiry: the case, whose answers are filled in, and how to make its questions. */
export interface SlotInquiry extends SlotCase {
  readonly answers: (Answer | undefined)[];
  knownDigest: string | undefined;
  readonly question: (rank: number) => Question | undefined;
  /** The pod's credentials could not be read: endpoint health decides, nobody is asked. */
  readonly unread: boolean;
}

export interface InquirySettings {
  /** For the whole pod, milliseconds; 0 or less: from memory only. */
  readonly budgetMs: number;
  /** How long the upstream may be silent before mirrors are asked as well. */
  readonly hedgeMs: number;
}

/** Nothing more can change this decision: mirrors are taken in order, and this one is taken. */
function isSettled(inquiry: SlotInquiry): boolean {
  const decision = decideSlot(inquiry);
  return (decision.action === 'rewrite' && decision.digest !== 'differs') || decision.would !== undefined;
}

function recallOne(inquiry: SlotInquiry, candidate: Candidate, prober: Prober): Answer | undefined {
  if (inquiry.unread) return prober.byHealth(candidate.endpoint);
  const question = inquiry.question(candidate.rank);
  if (question === undefined) return undefined;
  if (candidate.rank === 0) inquiry.knownDigest ??= prober.lastDigest(question);
  return prober.recall(question);
}

/** Answers a slot from memory alone. True when nothing is left to ask. */
export function recallSlot(inquiry: SlotInquiry, prober: Prober): boolean {
  if (inquiry.skip !== undefined || inquiry.plan.skip !== undefined) return true;
  const upstream = inquiry.plan.candidates[0];
  if (upstream === undefined) return true;
  const answer = recallOne(inquiry, upstream, prober);
  inquiry.answers[0] = answer;
  if (answer === undefined) return false;
  for (const mirror of worthAsking(inquiry.plan, answer)) {
    const known = recallOne(inquiry, mirror, prober);
    if (known === undefined) return false;
    inquiry.answers[mirror.rank] = known;
    if (isSettled(inquiry)) return true;
  }
  return true;
}

/** The asking of one slot; writes answers only while the pod's deadline has not passed. */
class SlotAsker {
  readonly #inquiry: SlotInquiry;
  readonly #prober: Prober;
  readonly #hedgeMs: number;
  readonly #asked = new Map<number, Promise<void>>();
  #closed = false;
  #finished = false;

  constructor(inquiry: SlotInquiry, prober: Prober, hedgeMs: number) {
    this.#inquiry = inquiry;
    this.#prober = prober;
    this.#hedgeMs = hedgeMs;
  }

  #ask(rank: number): Promise<void> {
    const running = this.#asked.get(rank);
    if (running !== undefined) return running;
    const promise = this.#askNow(rank);
    this.#asked.set(rank, promise);
    return promise;
  }

  async #askNow(rank: number): Promise<void> {
    if (this.#inquiry.answers[rank] !== undefined) return;
    const question = this.#inquiry.question(rank);
    if (question === undefined) return;
    const answer = this.#prober.recall(question) ?? (await this.#prober.ask(question));
    if (this.#closed) return;
    this.#inquiry.answers[rank] = answer;
    // An upstream that limits us has said what the tag is all the same.
    if (rank === 0) this.#inquiry.knownDigest = this.#prober.lastDigest(question);
  }

  #prefetchMirrors(): void {
    for (const mirror of worthAsking(this.#inquiry.plan, this.#inquiry.answers[0]))
      void this.#ask(mirror.rank);
  }

  async #askUpstream(): Promise<void> {
    const upstream = this.#inquiry.plan.candidates[0];
    if (upstream === undefined || this.#inquiry.answers[0] !== undefined) return;
    // An upstream that is not known to be well gets no head start over its mirrors.
    if (this.#prober.status(upstream.endpoint) !== 'up') this.#prefetchMirrors();
    const hedge = setTimeout(() => this.#prefetchMirrors(), this.#hedgeMs);
    try {
      await this.#ask(0);
    } finally {
      clearTimeout(hedge);
    }
  }

  /** Resolves when the slot can be decided. Never rejects: a prober never does. */
  async run(): Promise<void> {
    await this.#askUpstream();
    if (this.#closed) return;
    this.#prefetchMirrors();
    for (const mirror of worthAsking(this.#inquiry.plan, this.#inquiry.answers[0])) {
      await this.#ask(mirror.rank);
      if (this.#closed || isSettled(this.#inquiry)) break;
    }
    this.#finished = true;
  }

  /** The deadline has come: what was asked and has no answer is answered so. */
  close(elapsedMs: number): void {
    this.#closed = true;
    if (this.#finished) return;
    const { answers, plan } = this.#inquiry;
    answers[0] ??= unanswered(elapsedMs);
    for (const mirror of worthAsking(plan, answers[0])) answers[mirror.rank] ??= unanswered(elapsedMs);
  }
}

/** Asks what memory could not answer. Resolves by the deadline at the latest. */
export async function askSlots(
  inquiries: readonly SlotInquiry[],
  prober: Prober,
  settings: InquirySettings,
  clock: Clock,
): Promise<void> {
  const started = clock.now();
  const askers = inquiries.map((inquiry) => new SlotAsker(inquiry, prober, settings.hedgeMs));
  if (settings.budgetMs > 0) {
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, settings.budgetMs);
    });
    await Promise.race([Promise.all(askers.map((asker) => asker.run())), deadline]);
    clearTimeout(timer);
  }
  for (const asker of askers) asker.close(clock.now() - started);
}
