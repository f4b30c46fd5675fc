// Doctor check: one thing that was looked at, what it came to, and what to do; and what all of them come to.

/** `ok`; `warning`: works, but not as one would expect; `error`: something does not work; `unknown`: it could not be looked at. */
export const DOCTOR_RESULTS = ['ok', 'warning', 'error', 'unknown'] as const;
export type DoctorResult = (typeof DOCTOR_RESULTS)[number];

export interface DoctorCheck {
  /** `cluster`, or the name of a node. */
  readonly place: string;
  /** Stable, kebab-case, for machines: `webhook-certificate`. */
  readonly check: string;
  readonly result: DoctorResult;
  /** What is so, and what it means; a sentence without a full stop. */
  readonly message: string;
  /** What to do, in words that can be typed; '' where nothing is to be done. */
  readonly fix: string;
}

/** What came of a question: an answer, that there is no such thing, or that nobody would say. */
export type Fetched<T> =
  | { readonly state: 'found'; readonly value: T }
  | { readonly state: 'absent' }
  | { readonly state: 'unread'; readonly why: string };

/** A thing that was looked at, so that its checks need not repeat its name. */
export class Checkup {
  readonly #place: string;
  readonly #checks: DoctorCheck[] = [];

  constructor(place: string) {
    this.#place = place;
  }

  ok(check: string, message: string): void {
    this.add({ check, result: 'ok', message, fix: '' });
  }

  warning(check: string, message: string, fix: string): void {
    this.add({ check, result: 'warning', message, fix });
  }

  error(check: string, message: string, fix: string): void {
    this.add({ check, result: 'error', message, fix });
  }

  unknown(check: string, message: string, fix: string): void {
    this.add({ check, result: 'unknown', message, fix });
  }

  add(check: Omit<DoctorCheck, 'place'>): void {
    this.#checks.push({ place: this.#place, ...check });
  }

  get checks(): readonly DoctorCheck[] {
    return this.#checks;
  }
}

/** The worst of all: an error is certain, so that it comes before what could not be told. */
export function overallResult(checks: readonly DoctorCheck[]): DoctorResult {
  const worst = (['error', 'unknown', 'warning'] as const).find((result) =>
    checks.some((check) => check.result === result),
  );
  // Nothing was looked at: that is no good news.
  return worst ?? (checks.length === 0 ? 'unknown' : 'ok');
}

/** `a, b, c and 4 more`. */
export function listNames(names: readonly string[], most = 3): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
