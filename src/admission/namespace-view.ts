// Namespace view: the mirror sets of a namespace with what was worked out from them, so that it is worked out once.
import type { MirrorSet } from '../domain/mirror-set.ts';
import { indexMirrorSets, planImage } from '../domain/plan.ts';
import type { ImagePlan, MirrorIndex } from '../domain/plan.ts';
import { podCredentials } from '../domain/pod-credentials.ts';
import type { PodCredentials, SecretReading } from '../domain/pod-credentials.ts';
import { questionFor } from '../domain/question.ts';
import type { Fingerprint, Question } from '../domain/question.ts';
import type { JudgedCredentials, RememberedJudgement } from './judgement.ts';

/** Distinct images remembered per view; a pod names a handful, a namespace some hundred. */
const MAX_PLANS = 4096;
/** Questions (image, mirror, credentials) remembered per view, over all lists of pull secrets together. */
const MAX_QUESTIONS = 16_384;
/** Longer texts are worked out anew each time: whoever creates pods chooses them, and they would be kept. */
const MAX_KEY_CHARACTERS = 2048;

/** Counts what a view keeps, so that one bound holds over all of its parts. */
interface Budget {
  spent: number;
}

/** Credentials of a pod together with the questions already made from them. */
export class CredentialView implements JudgedCredentials {
  readonly credentials: PodCredentials;
  readonly #fingerprint: Fingerprint;
  readonly #budget: Budget;
  readonly #questions = new Map<ImagePlan, (Question | undefined)[]>();
  readonly #judgements = new Map<ImagePlan, RememberedJudgement>();

  constructor(credentials: PodCredentials, fingerprint: Fingerprint, budget: Budget) {
    this.credentials = credentials;
    this.#fingerprint = fingerprint;
    this.#budget = budget;
  }

  judgement(plan: ImagePlan): RememberedJudgement | undefined {
    return this.#judgements.get(plan);
  }

  remember(plan: ImagePlan, judgement: RememberedJudgement): void {
    if (!this.#judgements.has(plan)) this.#budget.spent += 1;
    this.#judgements.set(plan, judgement);
  }

  question(plan: ImagePlan, rank: number): Question | undefined {
    let questions = this.#questions.get(plan);
    if (questions === undefined) {
      questions = [];
      this.#questions.set(plan, questions);
    }
    const known = questions[rank];
    if (known !== undefined) return known;
    const candidate = plan.candidates[rank];
    if (candidate === undefined) return undefined;
    const question = questionFor(candidate, this.credentials.keyring, this.#fingerprint);
    this.#budget.spent += 1;
    questions[rank] = question;
    return question;
  }
}

interface Remembered {
  readonly readings: readonly SecretReading[];
  readonly view: CredentialView;
}

function sameReadings(a: readonly SecretReading[], b: readonly SecretReading[]): boolean {
  return a.length === b.length && a.every((reading, index) => reading === b[index]);
}

/** Everything about a namespace that is the same from pod to pod. Lives as long as its mirror sets are in force. */
export class NamespaceView {
  readonly #sets: readonly MirrorSet[];
  readonly #index: MirrorIndex;
  readonly #fingerprint: Fingerprint;
  readonly #plans = new Map<string, ImagePlan>();
  readonly #credentials = new Map<string, Remembered>();
  #budget: Budget = { spent: 0 };

  constructor(sets: readonly MirrorSet[], fingerprint: Fingerprint) {
    this.#sets = sets;
    this.#index = indexMirrorSets(sets);
    this.#fingerprint = fingerprint;
  }

  plan(image: string): ImagePlan {
    const known = this.#plans.get(image);
    if (known !== undefined) return known;
    const plan = planImage(image, this.#index);
    if (image.length > MAX_KEY_CHARACTERS) return plan;
    // A new plan is a new key of every question about it: they go together.
    if (this.#plans.size >= MAX_PLANS) this.#forget();
    this.#plans.set(image, plan);
    return plan;
  }

  /** `readings` are compared by identity: a source that gives the same objects again costs nothing. */
  credentials(
    readings: readonly SecretReading[],
    relevant: readonly MirrorSet[],
    mayAdd: boolean,
  ): CredentialView {
    let key = mayAdd ? 'add' : 'keep';
    for (const set of relevant) key += `,${set.name}`;
    key += '|';
    for (const reading of readings) key += `,${reading.name}`;
    if (this.#budget.spent >= MAX_QUESTIONS) this.#forget();
    const known = this.#credentials.get(key);
    if (known !== undefined && sameReadings(known.readings, readings)) return known.view;
    const credentials = podCredentials(readings, {
      relevant: relevant.filter((set) => set.mode !== 'Observe'),
      observed: relevant.filter((set) => set.mode === 'Observe'),
      all: this.#sets,
      mayAdd,
    });
    const view = new CredentialView(credentials, this.#fingerprint, this.#budget);
    if (key.length > MAX_KEY_CHARACTERS) return view;
    this.#budget.spent += 1;
    this.#credentials.set(key, { readings, view });
    return view;
  }

  /** Starts anew: what is in use is worked out again in microseconds. */
  #forget(): void {
    this.#plans.clear();
    this.#credentials.clear();
    this.#budget = { spent: 0 };
  }
}
