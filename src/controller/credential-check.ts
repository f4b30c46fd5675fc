// Credential check: proves at the mirrors that the credentials in derived pull secrets are valid there, now and then.
import type { CheckSubject, CredentialCheck } from '../domain/check-plan.ts';
import { planChecks } from '../domain/check-plan.ts';
import { CHECK_LIMITS, learnFromTry, untried } from '../domain/check-schedule.ts';
import type { CheckRecord } from '../domain/check-schedule.ts';
import type { ManifestQuestion } from '../domain/manifest-question.ts';
import type { Finding } from '../domain/outcome.ts';
import type { Fingerprint } from '../domain/question.ts';
import { Alarm } from './alarm.ts';
import { AccountTries } from './credential-check-account.ts';
import { RefusalReport } from './credential-check-report.ts';
import type { CheckMeter, DatedRefusal } from './credential-check-report.ts';
import type { EventSink } from './event-sink.ts';

/** The part of the registry client that is needed here. Never rejects; settles within the budget. */
export interface Asker {
  head(question: ManifestQuestion, budgetMs: number): Promise<Finding>;
}

/** The derived pull secrets of the cluster, each with what its namespace's pods use. */
export interface CheckSubjects {
  subjects(): readonly CheckSubject[];
  /** Called when any of that may have changed. Returns what ends it. */
  onChange(listener: () => void): () => void;
}

export interface CredentialCheckOptions {
  readonly asker: Asker;
  readonly subjects: CheckSubjects;
  readonly fingerprint: Fingerprint;
  readonly events: EventSink;
  readonly meter: CheckMeter;
  /** `now`: monotonic milliseconds. `wall`: milliseconds of Unix time. */
  readonly clock: { readonly now: () => number; readonly wall: () => number };
  /** 0 to 1, for jitter. */
  readonly random: () => number;
  /** A bug: something threw. The check goes on. */
  readonly onFault: (error: unknown) => void;
}

/** For one try, all its round trips. */
const BUDGET_MS = 10_000;
const MAX_TRIES_AT_ONCE = 4;
/** Secrets of a thousand namespaces change together when a source does. */
const REPLAN_MS = 500;
/** And planning for a thousand takes its time: at most one part in so many of ours. */
const REPLAN_SHARE = 20;
/** What is there at the start has not changed: a controller that restarts again and again must not hammer at accounts. */
const FIRST_DELAY_MS = 5_000;
const FIRST_SPREAD_MS = 25_000;
/** Records of credentials that have gone, kept until they would be tried again: they may be put back. */
const MAX_RECORDS = 10_000;
const AFTER_FAULT_MS = 10_000;
/** What a fault of ours tells of the credential. */
const NOTHING = { outcome: 'slow', evidence: 'none' } as const;

/** On whose account a refusal is: that of the first namespace that has the credential. */
function payerOf({ question, uses }: CredentialCheck): string {
  return `${question.endpoint.key} ${uses[0]?.namespace ?? ''}`;
}

/** Runs on the leader only; says nothing while it does not run. */
export class CredentialChecker {
  readonly #options: CredentialCheckOptions;
  readonly #alarm = new Alarm();
  readonly #accounts = new AccountTries();
  /** By endpoint and namespace: many wrong credentials of one must neither ban us there nor hold up the others. */
  readonly #refusals = new AccountTries(CHECK_LIMITS.namespaceRefusals);
  readonly #records = new Map<string, CheckRecord>();
  readonly #underWay = new Set<string>();
  readonly #report: RefusalReport;
  #checks: ReadonlyMap<string, CredentialCheck> = new Map();
  #isOutdated = true;
  #hasNews = false;
  /** No new plan before this; -Infinity: there has been none since the start. */
  #replanAt = -Infinity;
  #tries = 0;

  constructor(options: CredentialCheckOptions) {
    this.#options = options;
    this.#report = new RefusalReport(options.events, options.meter);
  }

  /** The same array until something changes. */
  refused(): readonly DatedRefusal[] {
    return this.#report.rows();
  }

  onChange(listener: () => void): () => void {
    return this.#report.onChange(listener);
  }

  /** Resolves soon after the signal; what is under way then is not waited for, and changes nothing any more. */
  async start(signal: AbortSignal): Promise<void> {
    this.#isOutdated = true;
    this.#replanAt = -Infinity;
    const end = this.#options.subjects.onChange(() => {
      this.#isOutdated = true;
      this.#alarm.ring();
    });
    while (!signal.aborted) await this.#alarm.sleep(this.#safeRound(signal), signal);
    end();
    this.#checks = new Map();
    this.#tell();
  }

  #safeRound(signal: AbortSignal): number {
    try {
      return this.#round(signal);
    } catch (error) {
      this.#options.onFault(error);
      this.#replanAt = this.#options.clock.now() + AFTER_FAULT_MS;
      return AFTER_FAULT_MS;
    }
  }

  /** Gives how long to sleep, milliseconds. */
  #round(signal: AbortSignal): number {
    const now = this.#options.clock.now();
    const untilPlan = this.#isOutdated ? Math.max(this.#replanAt - now, 0) : Infinity;
    if (untilPlan === 0) this.#plan(now);
    else if (this.#hasNews) this.#tell();
    let wait = untilPlan === 0 ? Infinity : untilPlan;
    for (const check of this.#checks.values()) {
      // Whoever ends its try rings.
      if (this.#underWay.size >= MAX_TRIES_AT_ONCE) return wait;
      const dueIn = this.#dueAt(check) - now;
      if (dueIn > 0) wait = Math.min(wait, dueIn);
      else void this.#try(check, signal);
    }
    return wait;
  }

  #dueAt(check: CredentialCheck): number {
    const { key, account } = check;
    if (this.#underWay.has(key)) return Infinity;
    const freeAt = Math.max(this.#accounts.freeAt(account), this.#refusals.freeAt(payerOf(check)));
    return Math.max(this.#records.get(key)?.dueAt ?? 0, freeAt);
  }

  #plan(now: number): void {
    const { subjects, fingerprint, random } = this.#options;
    const isFirst = this.#replanAt === -Infinity;
    this.#checks = new Map(planChecks(subjects.subjects(), fingerprint).map((check) => [check.key, check]));
    for (const key of this.#checks.keys()) {
      const delay = isFirst ? FIRST_DELAY_MS + FIRST_SPREAD_MS * random() : 0;
      if (!this.#records.has(key)) this.#records.set(key, untried(now + delay));
    }
    this.#forgetGone(now);
    this.#isOutdated = false;
    const end = this.#options.clock.now();
    this.#replanAt = end + Math.max(REPLAN_MS, (end - now) * REPLAN_SHARE);
    this.#tell();
  }

  #forgetGone(now: number): void {
    for (const [key, { dueAt }] of this.#records) {
      const isTooMany = this.#records.size > MAX_RECORDS;
      if (!this.#checks.has(key) && (isTooMany || dueAt <= now)) this.#records.delete(key);
    }
  }

  async #try(check: CredentialCheck, signal: AbortSignal): Promise<void> {
    const { asker, clock, random } = this.#options;
    const { key, account, question } = check;
    this.#underWay.add(key);
    this.#accounts.note(account, clock.now());
    this.#tries += 1;
    // A token that is remembered from an earlier try proves nothing about the password of today.
    const fresh = { ...question, fingerprint: `${question.fingerprint}/${this.#tries}` };
    const finding = await asker.head(fresh, BUDGET_MS).catch((error: unknown) => {
      this.#options.onFault(error);
      return NOTHING;
    });
    this.#underWay.delete(key);
    const before = this.#records.get(key) ?? untried(0);
    const at = { now: clock.now(), wall: clock.wall(), random: random() };
    this.#records.set(key, learnFromTry(before, finding, at));
    if (finding.outcome === 'denied') this.#refusals.note(payerOf(check), at.now);
    // Told by the next round, where a fault of a listener does no harm.
    this.#hasNews = true;
    if (!signal.aborted) this.#alarm.ring();
  }

  #tell(): void {
    this.#hasNews = false;
    this.#report.tell([...this.#checks.values()], this.#records);
  }
}
