// Walk: plays the story step by step and reports what was observed in each.
import { expectOwnAccounts } from './scene.ts';
import type { Scene } from './scene.ts';
import { PLACES } from './cast.ts';
import type { Place } from './cast.ts';
import { deleted, stale } from './steps-content.ts';
import { bothDown, hanging, healthy, recovered, returned, throttled } from './steps-outage.ts';
import type { StepScript } from './step-script.ts';
import type { StepFindings, StepReport } from './step-report.ts';

/** The steps in the order in which they are told; each begins where the one before it ended. */
export const STORY: readonly StepScript[] = [
  healthy,
  hanging,
  returned,
  throttled,
  deleted,
  stale,
  bothDown,
  recovered,
];

function registriesOf(scene: Scene): StepReport['registries'] {
  const entries = PLACES.map((place) => [place, { ...scene.stage.seen(place), health: scene.health(place) }]);
  return Object.fromEntries(entries) as Record<Place, StepReport['registries'][Place]>;
}

function reportOf(script: StepScript, findings: StepFindings, scene: Scene): Omit<StepReport, 'step'> {
  const expected = [...findings.expected, expectOwnAccounts(scene.stage)];
  return {
    title: script.title,
    act: script.act,
    lesson: script.lesson,
    before: findings.before ?? [],
    pods: findings.pods,
    following: findings.following ?? [],
    waits: findings.waits ?? [],
    expected,
    registries: registriesOf(scene),
    ok: expected.every((expectation) => expectation.ok),
  };
}

/**
 * Plays the story. A step that does not come out as told is reported so, and the story goes on. `begin` is told of each
 * step before it is played.
 */
export async function* walk(
  scene: Scene,
  begin: (step: number, script: StepScript) => void = () => undefined,
  story: readonly StepScript[] = STORY,
): AsyncGenerator<StepReport> {
  for (const [index, script] of story.entries()) {
    begin(index + 1, script);
    scene.stage.clearObservations();
    const findings = await script.play(scene);
    yield { step: index + 1, ...reportOf(script, findings, scene) };
  }
}
