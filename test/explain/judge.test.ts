// Judge: from what registries answered to whether the image would be there.
import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/domain/answer.ts';
import { decideSlot } from '../../src/domain/decision.ts';
import type { SlotCase } from '../../src/domain/decision.ts';
import type { CredentialSource } from '../../src/domain/mirror-set.ts';
import type { Outcome } from '../../src/domain/outcome.ts';
import { indexMirrorSets, planImage } from '../../src/domain/plan.ts';
import { readPod } from '../../src/domain/pod.ts';
import type { SlotFinding } from '../../src/explain/explanation.ts';
import { judgeImage } from '../../src/explain/judge.ts';
import type { OptIn } from '../../src/explain/view.ts';
import { makeAnswer, makeMirror, makePod, makeSet } from '../support/make.ts';

const IMAGE = 'fra.test/shop/app:1';

function findingOf(
  source: CredentialSource,
  answers: readonly Answer[],
  over: Partial<SlotCase> = {},
): SlotFinding {
  const set = makeSet('fra.test', [makeMirror('ams.test', { source })]);
  const plan = planImage(IMAGE, indexMirrorSets([set]));
  const [slot] = readPod(makePod([IMAGE]), 'shop').slots;
  const decision = decideSlot({
    slot: slot!,
    plan,
    present: 0,
    skip: undefined,
    restraint: undefined,
    answers,
    knownDigest: undefined,
    ...over,
  });
  const candidates = plan.candidates.map((candidate) => {
    return { candidate, question: undefined, answer: answers[candidate.rank], decisive: true };
  });
  return { decision, candidates };
}

function optIn(asked: OptIn['asked']): OptIn {
  return { asked, sentence: '' };
}

describe('judgeImage', () => {
  it.each<[upstream: Outcome, mirror: Outcome, source: CredentialSource, expected: string]>([
    ['available', 'missing', 'None', 'served'],
    ['unreachable', 'available', 'None', 'served'],
    ['missing', 'missing', 'None', 'not-served'],
    ['missing', 'unreachable', 'None', 'unknown'],
    ['failing', 'slow', 'None', 'unknown'],
    ['unreachable', 'missing', 'None', 'unknown'],
    ['unreachable', 'unreachable', 'None', 'unknown'],
    ['throttled', 'denied', 'None', 'not-served'],
    // Refused is refused, whatever a mirror might say.
    ['denied', 'unreachable', 'None', 'not-served'],
    // The upstream says no, and an operator's credential must not say yes.
    ['missing', 'available', 'Secret', 'not-served'],
    // The node's credential cannot be tried from here.
    ['unreachable', 'denied', 'Node', 'unknown'],
    ['unreachable', 'available', 'Node', 'served'],
  ])('finds upstream %s, mirror %s (%s): %s', (upstream, mirror, source, expected) => {
    const finding = findingOf(source, [makeAnswer(upstream), makeAnswer(mirror)]);
    expect(judgeImage(finding, { optIn: optIn('yes'), named: [] })).toBe(expected);
  });

  it('knows no mirror where the webhook is not asked', () => {
    const finding = findingOf('None', [makeAnswer('failing'), makeAnswer('available')]);
    expect(judgeImage(finding, { optIn: optIn('unknown'), named: [] })).toBe('served');
    expect(judgeImage(finding, { optIn: optIn('no'), named: [] })).toBe('not-served');
  });

  it('expects nothing of an image that is never pulled', () => {
    const finding = findingOf('None', [], { skip: 'pull-never' });
    expect(judgeImage(finding, { optIn: optIn('yes'), named: [] })).toBe('never-pulled');
  });
});
