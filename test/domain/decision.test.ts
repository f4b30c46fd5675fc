// The judgement: every outcome, every policy, every reason.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/domain/answer.ts';
import { unanswered } from '../../src/domain/answer.ts';
import { decideSlot, worthAsking } from '../../src/domain/decision.ts';
import type { SlotCase } from '../../src/domain/decision.ts';
import { DIGEST_POLICIES, FAILOVER_TRIGGERS } from '../../src/domain/mirror-set.ts';
import type { MirrorSet } from '../../src/domain/mirror-set.ts';
import { OUTCOMES } from '../../src/domain/outcome.ts';
import type { Outcome } from '../../src/domain/outcome.ts';
import { indexMirrorSets, planImage } from '../../src/domain/plan.ts';
import { isReason, sentenceOf } from '../../src/domain/reason.ts';
import { makeAnswer, makeMirror, makeSet } from '../support/make.ts';

const IMAGE = 'fra.ocir.io/team/app:1.0';
const DIGEST_A = `sha256:${'a'.repeat(64)}`;
const DIGEST_B = `sha256:${'b'.repeat(64)}`;
const SET = makeSet('fra.ocir.io', ['ams.ocir.io', 'lon.ocir.io']);

function makeCase(
  answers: readonly (Answer | undefined)[],
  over: Partial<SlotCase> & { set?: MirrorSet; image?: string } = {},
): SlotCase {
  const { set = SET, image = IMAGE, ...rest } = over;
  return {
    slot: {
      id: 'containers/app',
      kind: 'containers',
      name: 'app',
      pointer: '/spec/containers/0/image',
      image,
      pullNever: false,
    },
    plan: planImage(image, indexMirrorSets([set])),
    present: 0,
    skip: undefined,
    restraint: undefined,
    answers,
    knownDigest: undefined,
    ...rest,
  };
}

const up = makeAnswer('available', { digest: DIGEST_A });
const down = makeAnswer('unreachable');

describe('decideSlot', () => {
  it.each([
    ['unreachable', 'upstream-unreachable'],
    ['failing', 'upstream-failing'],
    ['throttled', 'upstream-throttled'],
    ['missing', 'upstream-missing'],
  ] as const)('goes to the first mirror that serves when the upstream is %s', (outcome, reason) => {
    const decision = decideSlot(makeCase([makeAnswer(outcome), makeAnswer('missing'), up]));
    expect(decision).toMatchObject({ action: 'rewrite', image: 'lon.ocir.io/team/app:1.0', reason });
  });

  it.each([
    ['available', 'upstream-available'],
    ['denied', 'upstream-denied'],
    ['slow', 'upstream-slow'],
  ] as const)('keeps the image when the upstream is %s, whatever the mirrors say', (outcome, reason) => {
    const decision = decideSlot(makeCase([makeAnswer(outcome), up, up]));
    expect(decision).toMatchObject({ action: 'keep', image: IMAGE, reason });
  });

  it('leaves a slow upstream where on: names Slow', () => {
    const set = makeSet('fra.ocir.io', ['ams.ocir.io'], { on: new Set(['Slow']) });
    expect(decideSlot(makeCase([makeAnswer('slow'), up], { set }))).toMatchObject({
      reason: 'upstream-slow',
      action: 'rewrite',
    });
  });

  it('keeps the image on an outcome that on: does not name', () => {
    const set = makeSet('fra.ocir.io', ['ams.ocir.io'], { on: new Set(['Unreachable']) });
    expect(decideSlot(makeCase([makeAnswer('throttled'), up], { set }))).toMatchObject({
      reason: 'observe-only',
      action: 'keep',
    });
  });

  it('keeps the declared order although a later mirror answered as well', () => {
    expect(decideSlot(makeCase([down, up, up])).image).toBe('ams.ocir.io/team/app:1.0');
  });

  it('keeps the image when no mirror can serve', () => {
    const decision = decideSlot(makeCase([down, makeAnswer('missing'), down]));
    expect(decision).toMatchObject({ action: 'keep', image: IMAGE, reason: 'no-mirror-available' });
  });

  it('says that the credential is missing when a mirror refuses an anonymous question', () => {
    expect(decideSlot(makeCase([down, makeAnswer('denied'), down])).reason).toBe('no-mirror-credential');
    const shown = makeAnswer('denied', { secret: 'pull' });
    expect(decideSlot(makeCase([down, shown, down])).reason).toBe('no-mirror-available');
  });

  it('never takes a missing image from a mirror with the operator’s own credential', () => {
    const set = makeSet('fra.ocir.io', [makeMirror('m.example', { source: 'Secret' })]);
    expect(decideSlot(makeCase([makeAnswer('missing'), up], { set }))).toMatchObject({
      action: 'keep',
      reason: 'no-mirror-available',
    });
    expect(decideSlot(makeCase([down, up], { set }))).toMatchObject({ action: 'rewrite' });
  });

  it('takes a mirror whose credential the node brings on an outage of the whole endpoint only', () => {
    const set = makeSet('fra.ocir.io', [makeMirror('m.example', { source: 'Node' })]);
    const alive = makeAnswer('denied');
    expect(decideSlot(makeCase([down, alive], { set })).action).toBe('rewrite');
    expect(decideSlot(makeCase([makeAnswer('failing', { endpointWide: true }), alive], { set })).action).toBe(
      'rewrite',
    );
    expect(decideSlot(makeCase([makeAnswer('failing'), alive], { set }))).toMatchObject({
      action: 'keep',
      reason: 'no-mirror-available',
    });
    expect(decideSlot(makeCase([makeAnswer('missing'), alive], { set })).action).toBe('keep');
  });

  it('never takes a mirror whose private CA the nodes do not trust', () => {
    const trust = { pem: 'x', sha256: '0'.repeat(64) };
    const untrusted = makeSet('fra.ocir.io', [makeMirror('m.example', { trust })]);
    expect(decideSlot(makeCase([down, up], { set: untrusted }))).toMatchObject({
      action: 'keep',
      reason: 'mirror-not-trusted-by-nodes',
    });
    const trusted = makeSet('fra.ocir.io', [makeMirror('m.example', { trust, trustedByNodes: true })]);
    expect(decideSlot(makeCase([down, up], { set: trusted })).action).toBe('rewrite');
  });

  it.each([
    ['Require', DIGEST_A, 'rewrite', 'upstream-unreachable', 'verified'],
    ['Require', DIGEST_B, 'keep', 'digest-differs', undefined],
    ['Require', undefined, 'keep', 'digest-differs', undefined],
    ['Prefer', DIGEST_A, 'rewrite', 'upstream-unreachable', 'verified'],
    ['Prefer', DIGEST_B, 'rewrite', 'upstream-unreachable', 'differs'],
    ['Prefer', undefined, 'rewrite', 'upstream-unreachable', 'unverified'],
    ['Ignore', DIGEST_B, 'rewrite', 'upstream-unreachable', undefined],
  ] as const)(
    'with digestPolicy %s and upstream digest %s: %s, %s',
    (digestPolicy, knownDigest, action, reason, digest) => {
      const set = makeSet('fra.ocir.io', ['ams.ocir.io'], { digestPolicy });
      expect(decideSlot(makeCase([down, up], { set, knownDigest }))).toMatchObject({
        action,
        reason,
        digest,
      });
    },
  );

  it('prefers a later mirror with the right digest to an earlier one with another', () => {
    const stale = makeAnswer('available', { digest: DIGEST_B });
    expect(decideSlot(makeCase([down, stale, up], { knownDigest: DIGEST_A }))).toMatchObject({
      image: 'lon.ocir.io/team/app:1.0',
      digest: 'verified',
    });
  });

  it('takes a digest reference as verified: content under a digest cannot differ', () => {
    const image = `fra.ocir.io/team/app@${DIGEST_A}`;
    const set = makeSet('fra.ocir.io', ['ams.ocir.io'], { digestPolicy: 'Require' });
    expect(decideSlot(makeCase([down, up], { set, image }))).toMatchObject({
      action: 'rewrite',
      digest: 'verified',
    });
  });

  it('says deadline when nothing was heard in time', () => {
    expect(decideSlot(makeCase([unanswered(1500)])).reason).toBe('deadline');
    expect(decideSlot(makeCase([down, unanswered(1500), unanswered(1500)])).reason).toBe('deadline');
  });

  it('says credential-unread unless the endpoint is known to be down', () => {
    const unknown = makeAnswer('slow', { unread: true, fromMemory: true });
    expect(decideSlot(makeCase([unknown]))).toMatchObject({ reason: 'credential-unread', action: 'keep' });
    const known = makeAnswer('unreachable', { unread: true, fromMemory: true, endpointWide: true });
    expect(decideSlot(makeCase([known, makeAnswer('available', { unread: true })]))).toMatchObject({
      reason: 'upstream-unreachable',
      credentialUnread: true,
      action: 'rewrite',
    });
  });

  it.each(['observe-only', 'owner-excluded'] as const)(
    'with restraint %s keeps the image and says what it would have done',
    (restraint) => {
      expect(decideSlot(makeCase([down, up], { restraint }))).toMatchObject({
        action: 'keep',
        image: IMAGE,
        reason: restraint,
        would: { image: 'ams.ocir.io/team/app:1.0', reason: 'upstream-unreachable' },
      });
      expect(decideSlot(makeCase([up], { restraint })).reason).toBe('upstream-available');
    },
  );

  it.each(['pull-never', 'static-pod', 'opted-out'] as const)('changes nothing for %s', (skip) => {
    expect(decideSlot(makeCase([down, up], { skip }))).toMatchObject({
      action: 'keep',
      image: IMAGE,
      reason: skip,
    });
  });

  describe('for an image that an earlier pass put on a mirror', () => {
    const present = 1;
    const image = 'ams.ocir.io/team/app:1.0';
    const onMirror = (answers: readonly (Answer | undefined)[]): SlotCase => {
      const base = makeCase(answers, { present });
      return { ...base, slot: { ...base.slot, image } };
    };

    it('returns to the upstream that serves again', () => {
      expect(decideSlot(onMirror([up]))).toMatchObject({
        action: 'back',
        image: IMAGE,
        reason: 'upstream-available',
      });
    });

    it('says that the mirror is why when it cannot serve any more', () => {
      expect(decideSlot(onMirror([up, down]))).toMatchObject({
        action: 'back',
        image: IMAGE,
        reason: 'mirror-unreachable',
      });
    });

    it('stays on the mirror while the upstream is down', () => {
      expect(decideSlot(onMirror([down, up]))).toMatchObject({ action: 'rewrite', image });
    });

    it('stays where it is on every doubt', () => {
      expect(decideSlot(onMirror([makeAnswer('slow')]))).toMatchObject({ action: 'keep', image });
      expect(decideSlot(onMirror([down, down, down]))).toMatchObject({ action: 'keep', image });
    });
  });
});

const anyAnswer: fc.Arbitrary<Answer | undefined> = fc.option(
  fc.record({
    outcome: fc.constantFrom(...OUTCOMES),
    fromMemory: fc.boolean(),
    endpointWide: fc.boolean(),
    ms: fc.nat(2000),
    digest: fc.constantFrom(DIGEST_A, DIGEST_B),
  }),
  { nil: undefined },
);

const anySet = fc
  .record({
    sources: fc.array(fc.constantFrom('SameAsUpstream', 'Secret', 'Node', 'None'), {
      minLength: 1,
      maxLength: 4,
    }),
    digestPolicy: fc.constantFrom(...DIGEST_POLICIES),
    on: fc.uniqueArray(fc.constantFrom(...FAILOVER_TRIGGERS)),
  })
  .map(({ sources, digestPolicy, on }) =>
    makeSet(
      'fra.ocir.io',
      sources.map((source, index) => makeMirror(`m${index}.example`, { source: source as 'None' })),
      { digestPolicy, on: new Set(on) },
    ),
  );

describe('decideSlot, for whatever answers', () => {
  it('always gives a known reason with a sentence, and rewrites only onto a declared mirror that serves', () => {
    fc.assert(
      fc.property(anySet, fc.array(anyAnswer, { maxLength: 5 }), (set, answers) => {
        const decision = decideSlot(makeCase(answers, { set }));
        expect(isReason(decision.reason)).toBe(true);
        expect(sentenceOf(decision.reason)).toMatch(/\.$/);
        if (decision.action === 'keep') {
          expect(decision.image).toBe(IMAGE);
          return;
        }
        const rank = decision.chosen?.rank ?? 0;
        expect(rank).toBeGreaterThan(0);
        expect(decision.image).toBe(decision.plan.candidates[rank]?.image);
        const allowed: Outcome[] =
          set.mirrors[rank - 1]?.source === 'Node' ? ['available', 'denied'] : ['available'];
        expect(allowed).toContain(answers[rank]?.outcome);
        expect(['available', 'denied']).not.toContain(answers[0]?.outcome);
      }),
    );
  });

  it('does not depend on mirrors that worthAsking leaves out', () => {
    fc.assert(
      fc.property(anySet, fc.array(anyAnswer, { minLength: 1, maxLength: 5 }), (set, answers) => {
        const input = makeCase(answers, { set });
        const asked = new Set([0, ...worthAsking(input.plan, answers[0]).map((candidate) => candidate.rank)]);
        const pruned = answers.map((answer, rank) => (asked.has(rank) ? answer : undefined));
        const whole = decideSlot(input);
        const lean = decideSlot({ ...input, answers: pruned });
        expect(lean.image).toBe(whole.image);
        expect(lean.action).toBe(whole.action);
      }),
    );
  });
});
