// Pod record: what is kept of a pod, what of its annotation is believed, and what is counted.
import { describe, expect, it } from 'vitest';
import { printDecisionAnnotation, printSlotRecord } from '../../src/domain/decision-annotation.ts';
import { decideSlot } from '../../src/domain/decision.ts';
import { indexMirrorSets, planImage } from '../../src/domain/plan.ts';
import { DECISION_ANNOTATION, readPod } from '../../src/domain/pod.ts';
import { takeCensus } from '../../src/domain/pod-record-census.ts';
import { reroutesOf } from '../../src/domain/pod-record-mirrors.ts';
import { namesDerivedSecret, readPodRecord } from '../../src/domain/pod-record.ts';
import type { PodRecord } from '../../src/domain/pod-record.ts';
import { setsFor } from '../../src/domain/set-selection.ts';
import { MIRROR_IMAGE, podObject, UPSTREAM_IMAGE } from '../controller/pod-objects.ts';
import type { PodSketch } from '../controller/pod-objects.ts';
import { makeAnswer, makeSet } from '../support/make.ts';

const OCIR = makeSet('fra.ocir.io', ['ams.ocir.io'], { name: 'ocir' });

function record(sketch: PodSketch = {}): PodRecord {
  const found = readPodRecord(podObject(sketch));
  if (found === undefined) throw new Error('no pod');
  return found;
}

describe('readPodRecord', () => {
  it('keeps the little that is needed', () => {
    expect(
      record({ secrets: ['mine', 'registry-failover-from-mine', 'registry-failover-from-mine'] }),
    ).toEqual({
      uid: 'uid-checkout-1-a',
      namespace: 'shop',
      name: 'checkout-1-a',
      createdAt: Date.UTC(2026, 4, 1, 10),
      isLiving: true,
      isDeleting: false,
      isStatic: false,
      owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'checkout-1', uid: 'uid-checkout-1' },
      derivedSecrets: ['registry-failover-from-mine'],
      images: [MIRROR_IMAGE],
      decisions: [
        {
          slot: 'containers/app',
          original: UPSTREAM_IMAGE,
          image: MIRROR_IMAGE,
          action: 'rewrite',
          reason: 'upstream-unreachable',
        },
      ],
    });
  });

  it('reads what the webhook writes', () => {
    const slot = readPod({ spec: { containers: [{ name: 'app', image: UPSTREAM_IMAGE }] } }, 'shop')
      .slots[0]!;
    const plan = planImage(UPSTREAM_IMAGE, indexMirrorSets([OCIR]));
    const decision = decideSlot({
      slot,
      plan,
      present: 0,
      skip: undefined,
      restraint: undefined,
      answers: [makeAnswer('unreachable'), makeAnswer('available')],
      knownDigest: undefined,
    });
    expect(decision.action).toBe('rewrite');
    const text = printDecisionAnnotation([{ id: slot.id, record: printSlotRecord(decision, undefined) }]);
    const [read] = record({ reason: null, annotations: { [DECISION_ANNOTATION]: text } }).decisions ?? [];
    expect(read).toMatchObject({
      original: UPSTREAM_IMAGE,
      action: 'rewrite',
      reason: 'upstream-unreachable',
    });
  });

  it.each<[string, PodSketch, Partial<PodRecord>]>([
    ['a pod that succeeded', { phase: 'Succeeded' }, { isLiving: false }],
    ['a pod that failed', { phase: 'Failed' }, { isLiving: false }],
    ['a pod that waits', { phase: 'Pending' }, { isLiving: true }],
    ['a pod on its way out', { deleting: true }, { isDeleting: true, isLiving: true }],
    ['a bare pod', { owner: null }, { owner: undefined }],
    ['a static pod', { annotations: { 'kubernetes.io/config.mirror': 'x' } }, { isStatic: true }],
    ['a pod that was not seen', { reason: null }, { decisions: undefined }],
  ])('tells %s', (_name, sketch, expected) => {
    expect(record(sketch)).toMatchObject(expected);
  });

  it.each([
    ['no JSON', '{'],
    ['another version', '{"v":2,"slots":{}}'],
    ['no slots', '{"v":1}'],
    ['too long a text', `{"v":1,"slots":{},"pad":"${'x'.repeat(200_000)}"}`],
  ])('takes an annotation that is %s for none', (_name, text) => {
    expect(record({ reason: null, annotations: { [DECISION_ANNOTATION]: text } }).decisions).toBeUndefined();
  });

  it.each([
    ['an image of another type', { image: 1, reason: 'deadline' }, []],
    ['an image longer than any', { image: 'x'.repeat(2_000), reason: 'deadline' }, []],
    ['a reason that is not ours', { image: 'a', reason: 'because' }, [undefined]],
  ])('passes over %s', (_name, slot, reasons) => {
    const text = JSON.stringify({ v: 1, slots: { 'containers/app': slot } });
    const { decisions } = record({ reason: null, annotations: { [DECISION_ANNOTATION]: text } });
    expect(decisions?.map(({ reason }) => reason)).toEqual(reasons);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['no metadata', {}],
    ['no uid', { metadata: { name: 'a', namespace: 'b' } }],
  ])('takes %s for no pod', (_name, raw) => {
    expect(readPodRecord(raw)).toBeUndefined();
  });

  it('believes no owner that is not whole', () => {
    const raw = podObject({ owner: null });
    const metadata = { ...raw.metadata, ownerReferences: [{ kind: 'ReplicaSet', controller: true }] };
    expect(readPodRecord({ ...raw, metadata })?.owner).toBeUndefined();
  });
});

describe('namesDerivedSecret', () => {
  it.each([
    [['mine', 'registry-failover-set-ocir'], true],
    [['mine'], false],
    [[], false],
  ])('says of %j: %s', (secrets, expected) => {
    expect(namesDerivedSecret(podObject({ secrets }))).toBe(expected);
  });
});

describe('reroutesOf', () => {
  const index = indexMirrorSets([OCIR]);

  it('believes what a set in force maps', () => {
    expect(reroutesOf(record().decisions ?? [], index).map(({ set }) => set.name)).toEqual(['ocir']);
  });

  it.each<[string, PodSketch]>([
    ['an image that no mirror of the set has', { image: 'evil.example/shop/checkout:1.0' }],
    ['an image at its upstream', { image: UPSTREAM_IMAGE, reason: 'upstream-available' }],
  ])('does not believe %s', (_name, sketch) => {
    expect(reroutesOf(record(sketch).decisions ?? [], index)).toEqual([]);
  });

  it('believes nothing when no set covers the original', () => {
    expect(reroutesOf(record().decisions ?? [], indexMirrorSets([]))).toEqual([]);
  });
});

describe('takeCensus', () => {
  const optedInAt = Date.UTC(2026, 4, 1, 9, 0);
  const now = Date.UTC(2026, 4, 1, 11);
  const mirrorsOf = (pod: PodRecord, sets: readonly { readonly name: string }[]): ReadonlySet<string> =>
    new Set(pod.images.includes(MIRROR_IMAGE) ? sets.map((set) => set.name) : []);
  const census = (pods: readonly PodSketch[], at = now) =>
    takeCensus(
      [{ name: 'shop', labels: { team: 'a' }, optedInAt, pods: pods.map((each) => record(each)) }],
      [OCIR],
      mirrorsOf,
      at,
    );

  it('counts pods on mirrors, living ones only', () => {
    const pods = [{}, { image: UPSTREAM_IMAGE }, { phase: 'Succeeded' }, { deleting: true }];
    expect(census(pods).bySet.get('ocir')).toMatchObject({ namespaces: 1, podsOnMirrors: 1 });
  });

  it.each<[string, PodSketch]>([
    ['was there before the opt-in', { createdAt: '2026-05-01T08:00:00Z' }],
    ['came within the margin of the two clocks', { createdAt: '2026-05-01T09:00:05Z' }],
    ['is static', { annotations: { 'kubernetes.io/config.mirror': 'x' } }],
    ['is on its way out', { deleting: true }],
    ['has ended', { phase: 'Failed' }],
  ])('raises no alarm over a pod without our annotation that %s', (_name, sketch) => {
    expect(census([{ reason: null, ...sketch }]).everywhere.admission).toMatchObject({
      unseen: 0,
      seen: 0,
      isSkipping: false,
    });
  });

  it('names pods that were not seen', () => {
    const pods = ['d', 'b', 'a', 'c'].map((name) => ({ name, reason: null }));
    expect(census(pods).bySet.get('ocir')?.admission).toEqual({
      seen: 0,
      unseen: 4,
      examples: ['shop/a', 'shop/b', 'shop/d'],
      isSkipping: true,
    });
  });

  it.each<[string, readonly PodSketch[], boolean]>([
    ['no pod was seen since', [{ reason: null }, { createdAt: '2026-05-01T09:30:00Z' }], true],
    ['a pod was seen since', [{ reason: null }, { createdAt: '2026-05-01T10:00:01Z' }], false],
    [
      'one that was not seen is young',
      [{ reason: null, createdAt: '2026-05-01T10:55:00Z' }, { createdAt: '2026-05-01T10:59:00Z' }],
      true,
    ],
  ])('judges whether admission is skipped now: %s', (_name, pods, expected) => {
    expect(census(pods).everywhere.admission).toMatchObject({ unseen: 1, isSkipping: expected });
  });

  it('counts for a set only the namespaces that it selects', () => {
    const namespaceSelector = { matchLabels: { team: 'b' }, matchExpressions: [] };
    const other = makeSet('iad.ocir.io', ['ams.ocir.io'], { name: 'other', namespaceSelector });
    const pods = [record()];
    const taken = takeCensus(
      [{ name: 'shop', labels: { team: 'a' }, optedInAt, pods }],
      [OCIR, other],
      mirrorsOf,
      now,
    );
    expect(taken.bySet.get('other')).toMatchObject({ namespaces: 0, podsOnMirrors: 0 });
    expect(taken.everywhere.namespaces).toBe(1);
    expect(setsFor([OCIR, other], { team: 'b' })).toHaveLength(2);
  });
});
