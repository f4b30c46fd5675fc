// The patch: applies, twice equals once, and never removes or reorders what the user wrote.
import fc from 'fast-check';
import { applyPatch } from 'rfc6902';
import { describe, expect, it } from 'vitest';
import { patchPod } from '../../src/domain/patch.ts';
import { DECISION_ANNOTATION, readPod } from '../../src/domain/pod.ts';
import { makePod } from '../support/make.ts';

function patched<T extends object>(raw: T, change: Parameters<typeof patchPod>[1]): T {
  const copy = structuredClone(raw);
  const errors = applyPatch(copy, structuredClone(patchPod(readPod(raw, 'shop'), change)));
  expect(errors.filter((error) => error !== null)).toEqual([]);
  return copy;
}

describe('patchPod', () => {
  it('adds arrays and maps whole where they are absent', () => {
    const pod = readPod(makePod(['a']), 'shop');
    expect(patchPod(pod, { images: [], addedSecrets: ['s'], annotation: '{}' })).toEqual([
      { op: 'add', path: '/spec/imagePullSecrets', value: [{ name: 's' }] },
      { op: 'add', path: '/metadata/annotations', value: { [DECISION_ANNOTATION]: '{}' } },
    ]);
  });

  it('appends behind what the user wrote', () => {
    const raw = makePod(['a'], { pullSecrets: ['mine'], annotations: { note: 'x' } });
    expect(patchPod(readPod(raw, 'shop'), { images: [], addedSecrets: ['s'], annotation: '{}' })).toEqual([
      { op: 'add', path: '/spec/imagePullSecrets/-', value: { name: 's' } },
      { op: 'add', path: '/metadata/annotations/registry-failover.io~1decision', value: '{}' },
    ]);
  });

  it('is empty for a pod that is as it should be', () => {
    const raw = makePod(['a'], { annotations: { [DECISION_ANNOTATION]: '{}' } });
    const images = [{ pointer: '/spec/containers/0/image', before: 'a', after: 'a' }];
    expect(patchPod(readPod(raw, 'shop'), { images, addedSecrets: [], annotation: '{}' })).toEqual([]);
  });

  it.each([
    ['null annotations', { metadata: { annotations: null }, spec: {} }],
    ['null pull secrets', { metadata: {}, spec: { imagePullSecrets: null } }],
    ['empty pull secrets', { metadata: {}, spec: { imagePullSecrets: [] } }],
  ])('applies to a pod with %s', (_name, raw) => {
    const result = patched(raw, { images: [], addedSecrets: ['s'], annotation: '{}' });
    expect(result).toMatchObject({
      metadata: { annotations: { [DECISION_ANNOTATION]: '{}' } },
      spec: { imagePullSecrets: [{ name: 's' }] },
    });
  });

  it('writes no annotation where there is no metadata to put it in', () => {
    expect(
      patchPod(readPod({ spec: {} }, 'shop'), { images: [], addedSecrets: [], annotation: '{}' }),
    ).toEqual([]);
  });

  it('changes images in every kind of slot and nothing else', () => {
    const raw = {
      metadata: { name: 'x' },
      spec: {
        initContainers: [{ name: 'i', image: 'a' }],
        containers: [{ name: 'c', image: 'a', env: [{ name: 'A', value: 'a' }] }],
        ephemeralContainers: [{ name: 'e', image: 'a' }],
        volumes: [
          { name: 'v', image: { reference: 'a' } },
          { name: 'w', emptyDir: {} },
        ],
      },
    };
    const pod = readPod(raw, 'shop');
    const images = pod.slots.map((slot) => ({ pointer: slot.pointer, before: slot.image, after: 'b' }));
    const result = patched(raw, { images, addedSecrets: [], annotation: undefined });
    expect(JSON.stringify(result)).toBe(
      JSON.stringify(raw)
        .replaceAll('"image":"a"', '"image":"b"')
        .replaceAll('"reference":"a"', '"reference":"b"'),
    );
  });

  it('keeps all that the user wrote, in order, for whatever pod', () => {
    const names = fc.array(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 5 });
    const annotations = fc.option(fc.dictionary(fc.string({ maxLength: 10 }), fc.string({ maxLength: 10 })), {
      nil: undefined,
    });
    fc.assert(
      fc.property(names, annotations, names, (own, notes, added) => {
        const raw = makePod(['a', 'b'], {
          pullSecrets: own,
          ...(notes === undefined ? {} : { annotations: notes }),
        });
        const images = [{ pointer: '/spec/containers/1/image', before: 'b', after: 'c' }];
        const result = patched(raw, { images, addedSecrets: added, annotation: 'text' });
        expect(result.spec.imagePullSecrets?.map((secret) => secret.name)).toEqual([...own, ...added]);
        expect(result.metadata.annotations).toEqual({ ...notes, [DECISION_ANNOTATION]: 'text' });
        expect(result.spec.containers.map((container) => container.image)).toEqual(['a', 'c']);
      }),
    );
  });
});
