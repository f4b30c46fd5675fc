// Pod use: an entry is in use when the kubelet would try it for an image of one of the pods.
import { describe, expect, it } from 'vitest';
import { isEntryUsed } from '../../src/domain/pod-use.ts';
import { makeSecret } from '../support/make.ts';

function isUsed(key: string, ...images: string[]): boolean {
  const [entry] = makeSecret('s', { [key]: 'user' }).entries;
  if (entry === undefined) throw new Error('no entry');
  return isEntryUsed(
    entry,
    images.map((image) => ({ images: [image] })),
  );
}

describe('isEntryUsed', () => {
  it.each<[string, string, string[], boolean]>([
    ['an image at the host', 'ams.test', ['ams.test/team/app:1'], true],
    ['by digest', 'ams.test', [`ams.test/team/app@sha256:${'a'.repeat(64)}`], true],
    ['below the path', 'reg.test:5000/o', ['reg.test:5000/o/app'], true],
    ['half a component, as the kubelet compares', 'ams.test/te', ['ams.test/team/app'], true],
    ['beside the path', 'ams.test/o', ['ams.test/p/app'], false],
    ['another port', 'ams.test', ['ams.test:5000/app'], false],
    ['Docker Hub by its short name', 'docker.io', ['nginx'], true],
    ['one pod of several', 'ams.test', ['fra.test/app', 'ams.test/app'], true],
    ['no pod at all', 'ams.test', [], false],
    ['an image that cannot be read', 'ams.test', ['ams.test/UPPER:::'], false],
  ])('%s', (_, key, images, expected) => {
    expect(isUsed(key, ...images)).toBe(expected);
  });

  it('asks each pod for all its images', () => {
    const [entry] = makeSecret('s', { 'ams.test': 'user' }).entries;
    expect(entry && isEntryUsed(entry, [{ images: ['fra.test/a', 'ams.test/b'] }])).toBe(true);
  });
});
