// Trial: sends one review, judges the answer, applies the patch, sends the result again and expects no further patch.
import { judgeReview } from './checks.ts';
import type { Failure } from './checks.ts';
import { send } from './client.ts';
import { printJson } from './raw-json.ts';
import type { Scene } from './scenes.ts';

export interface Trial {
  readonly scene: Scene;
  readonly url: string;
  /** The whole AdmissionReview. */
  readonly text: string;
  readonly overSocket: boolean;
  /**
   * How many times the object may be patched until it rests. 1 where the registries' state is a table; real registries may
   * change their mind between two passes (a healthy one is late once), so they get more.
   */
  readonly passes: number;
}

interface Review {
  readonly request: { readonly uid: unknown; readonly object: unknown };
}

export interface TrialResult {
  readonly failure: Failure | undefined;
  readonly patched: boolean;
}

function isFailure(value: object): value is Failure {
  return 'check' in value;
}

function withObject(review: Review, object: unknown): Review {
  return { ...review, request: { ...review.request, object } };
}

async function ask(trial: Trial, text: string): Promise<Failure | { status: number; body: string }> {
  try {
    const { url, overSocket, scene } = trial;
    const answer = await send(scene, { url, body: text, contentType: 'application/json', overSocket });
    const [error] = scene.takeErrors();
    return error === undefined ? answer : { check: 'internal-error', detail: error };
  } catch (error) {
    return { check: 'answered', detail: String(error) };
  }
}

/** Runs one trial to its end or to the first broken promise. */
export async function runTrial(trial: Trial): Promise<TrialResult> {
  let review = JSON.parse(trial.text) as Review;
  let text = trial.text;
  for (let pass = 0; pass <= trial.passes; pass += 1) {
    const answer = await ask(trial, text);
    if (isFailure(answer)) return { failure: answer, patched: pass > 0 };
    const judged = judgeReview(answer, review.request);
    if (isFailure(judged)) return { failure: judged, patched: pass > 0 };
    if (judged.operations.length === 0) return { failure: undefined, patched: pass > 0 };
    if (pass === trial.passes) {
      const detail = `after ${pass} patch(es) still ${JSON.stringify(judged.operations).slice(0, 400)}`;
      return { failure: { check: 'idempotent', detail }, patched: true };
    }
    review = withObject(review, judged.after);
    text = printJson(review, trial.text);
  }
  return { failure: undefined, patched: true };
}
