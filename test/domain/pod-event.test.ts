// Pod event: which pods are spoken of, and in which words.
import { describe, expect, it } from 'vitest';
import { indexMirrorSets } from '../../src/domain/plan.ts';
import { podEventsOf } from '../../src/domain/pod-event.ts';
import type { RecordedDecision } from '../../src/domain/pod-record-decision.ts';
import { MIRROR_IMAGE, UPSTREAM_IMAGE } from '../controller/pod-objects.ts';
import { makeSet } from '../support/make.ts';

const index = indexMirrorSets([makeSet('fra.ocir.io', ['ams.ocir.io'])]);

function decision(over: Partial<RecordedDecision> = {}): RecordedDecision {
  return {
    slot: 'containers/app',
    original: UPSTREAM_IMAGE,
    image: MIRROR_IMAGE,
    action: 'rewrite',
    reason: 'upstream-unreachable',
    ...over,
  };
}

const kept: Partial<RecordedDecision> = { image: UPSTREAM_IMAGE, action: 'keep' };

describe('podEventsOf', () => {
  it('says what comes from where, and why', () => {
    expect(podEventsOf([decision()], index)).toEqual([
      {
        type: 'Normal',
        reason: 'ImageRerouted',
        note: 'app: fra.ocir.io/shop/checkout:1.0 is taken from ams.ocir.io. The upstream registry cannot be reached; a mirror serves the image.',
      },
    ]);
  });

  it.each([
    'no-mirror-available',
    'no-mirror-credential',
    'mirror-not-trusted-by-nodes',
    'digest-differs',
  ] as const)('warns when nobody can serve: %s', (reason) => {
    const [event] = podEventsOf([decision({ ...kept, reason })], index);
    expect(event).toMatchObject({ type: 'Warning', reason: 'NoMirrorAvailable' });
    expect(event?.note).toContain('app: fra.ocir.io/shop/checkout:1.0 may not be pulled.');
  });

  it.each<[string, Partial<RecordedDecision>]>([
    ['an image that is where it belongs', { ...kept, reason: 'upstream-available' }],
    ['a refusal, which is no outage', { ...kept, reason: 'upstream-denied' }],
    ['an image that no mirror of the set has', { image: 'evil.example/x' }],
    ['an image that has been changed since', { ...kept, image: 'x', reason: 'no-mirror-available' }],
    ['an image that no set covers', { original: 'x', image: 'x', reason: 'no-mirror-available' }],
    ['a reason that is not ours', { ...kept, reason: undefined }],
  ])('is silent about %s', (_name, over) => {
    expect(podEventsOf([decision(over)], index)).toEqual([]);
  });

  it('speaks of two images and counts the rest', () => {
    const many = ['a', 'b', 'c', 'd'].map((slot) => decision({ slot: `containers/${slot}` }));
    const [event] = podEventsOf(many, index);
    expect(event?.note).toMatch(/^a: .* b: .* \(and 2 more of its images\)$/u);
  });

  it('says both when one image moved and another could not', () => {
    const both = [decision(), decision({ ...kept, slot: 'containers/b', reason: 'no-mirror-available' })];
    expect(podEventsOf(both, index).map(({ reason }) => reason)).toEqual([
      'ImageRerouted',
      'NoMirrorAvailable',
    ]);
  });
});
