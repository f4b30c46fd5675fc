// The patch memory: a pod like one before gets the same patch, and one that differs in anything a patch follows from does not.
import { describe, expect, it } from 'vitest';
import { PatchMemory } from '../../src/admission/patch-memory.ts';
import { patchPod } from '../../src/domain/patch.ts';
import type { PodChange } from '../../src/domain/patch.ts';
import { readPod } from '../../src/domain/pod.ts';
import { makePod } from '../support/make.ts';

const ANNOTATION = '{"v":1,"slots":{}}';

function podOf(spec: object = {}, metadata: object = {}) {
  const made = makePod(['fra.example/a:1']) as { metadata: object; spec: object };
  return readPod({ metadata: { ...made.metadata, ...metadata }, spec: { ...made.spec, ...spec } }, 'shop');
}

function change(over: Partial<PodChange> = {}): PodChange {
  const images = [
    { pointer: '/spec/containers/0/image', before: 'fra.example/a:1', after: 'ams.example/a:1' },
  ];
  return { images, addedSecrets: ['one'], annotation: ANNOTATION, ...over };
}

describe('PatchMemory', () => {
  it('gives the same object to a pod that is alike', () => {
    const memory = new PatchMemory();
    const first = memory.patch(podOf(), change());
    expect(memory.patch(podOf(), change())).toBe(first);
    expect(first).toEqual(patchPod(podOf(), change()));
  });

  it.each([
    ['other secrets', podOf(), change({ addedSecrets: ['two'] })],
    ['no secrets', podOf(), change({ addedSecrets: [] })],
    ['another image', podOf(), change({ images: [{ pointer: '/x', before: 'a', after: 'b' }] })],
    [
      'another place of the image',
      podOf(),
      change({
        images: [
          { pointer: '/spec/containers/1/image', before: 'fra.example/a:1', after: 'ams.example/a:1' },
        ],
      }),
    ],
    ['one image more', podOf(), change({ images: [...change().images, ...change().images] })],
    ['pull secrets of its own', podOf({ imagePullSecrets: [{ name: 'own' }] }), change()],
    ['pull secrets that are no list', podOf({ imagePullSecrets: 'x' }), change()],
    ['annotations of its own', podOf({}, { annotations: { a: 'b' } }), change()],
    [
      'an annotation of ours',
      podOf({}, { annotations: { 'registry-failover.io/decision': ANNOTATION } }),
      change(),
    ],
    ['no annotation to write', podOf(), change({ annotation: undefined })],
  ])('works it out anew for %s', (_name, pod, wanted) => {
    const memory = new PatchMemory();
    memory.patch(podOf(), change());
    expect(memory.patch(pod, wanted)).toEqual(patchPod(pod, wanted));
  });

  it('keeps a bounded number', () => {
    const memory = new PatchMemory();
    const first = memory.patch(podOf(), change());
    for (let index = 0; index < 300; index += 1) memory.patch(podOf(), change({ annotation: `${index}` }));
    const again = memory.patch(podOf(), change());
    expect(again).toEqual(first);
    expect(again).not.toBe(first);
  });
});
