// The demo applies patches by itself, so it is held against a library that does nothing else.
import { applyPatch as applyByLibrary } from 'rfc6902';
import { describe, expect, it } from 'vitest';
import { applyPatch } from '../../src/demo/json-patch.ts';
import type { PatchOperation } from '../../src/domain/patch.ts';

const POD = {
  metadata: { annotations: { 'a/b': '1', 'c~d': '2' } },
  spec: { containers: [{ image: 'x' }, { image: 'y' }], imagePullSecrets: [{ name: 'mine' }] },
};

const PATCHES: readonly (readonly [string, readonly PatchOperation[]])[] = [
  ['nothing', []],
  ['an image', [{ op: 'replace', path: '/spec/containers/1/image', value: 'z' }]],
  ['an item at the end', [{ op: 'add', path: '/spec/imagePullSecrets/-', value: { name: 'more' } }]],
  ['an item in the middle', [{ op: 'add', path: '/spec/containers/1', value: { image: 'w' } }]],
  ['a whole item', [{ op: 'replace', path: '/spec/containers/0', value: 'w' }]],
  ['a field with a slash in its name', [{ op: 'add', path: '/metadata/annotations/a~1b', value: 'n' }]],
  ['a field with a tilde in its name', [{ op: 'replace', path: '/metadata/annotations/c~0d', value: 'n' }]],
  ['a new field', [{ op: 'add', path: '/metadata/labels', value: { app: 'web' } }]],
];

describe('applyPatch', () => {
  it.each(PATCHES)('changes %s as RFC 6902 says', (_, patch) => {
    const before = structuredClone(POD);
    const expected = structuredClone(POD);
    applyByLibrary(expected, structuredClone(patch) as never);
    expect(applyPatch(POD, patch)).toEqual(expected);
    expect(POD).toEqual(before);
  });

  it.each([
    ['a parent that is not there', '/spec/volumes/0/name'],
    ['a field that is not there', '/spec/nodeName'],
    ['an item that is not there', '/spec/containers/9/image'],
    ['a text', '/spec/containers/0/image/tag'],
    ['a prototype', '/__proto__/polluted'],
  ])('refuses to replace in %s', (_, path) => {
    expect(() => applyPatch(POD, [{ op: 'replace', path, value: 'z' }])).toThrow(path);
  });
});
