// Marker: ours is known again, somebody else's is not taken for ours.
import { describe, expect, it } from 'vitest';
import { isOwner, ownerOf, printMarker } from '../../src/nodes/marker.ts';

describe('printMarker and ownerOf', () => {
  it.each(['a', 'registry-failover/registry-failover', 'a.b-c/9', 'a'.repeat(128)])(
    'know %s again',
    (owner) => {
      expect(ownerOf(`${printMarker(owner)}\nserver = "https://a.b"\n`)).toBe(owner);
      expect(printMarker(owner)).toMatch(/^# [^\n]*$/);
    },
  );

  it.each([
    ['an empty file', ''],
    ['no marker', 'server = "https://a.b"\n'],
    ['a marker further down', `\n${printMarker('a/b')}\n`],
    ['a mention of us', '# see registry-failover owner=a/b\n'],
    ['a longer name', `# registry-failover owner=a/bB (made by it)\n`],
    ['no owner', '# registry-failover owner= (made by it)\n'],
  ])('are not misled by %s', (_, content) => {
    expect(ownerOf(content)).toBeUndefined();
  });

  it.each(['', 'A', 'a b', 'a\n', 'ä', 'a'.repeat(129), 'a"b'])('refuse %j as an owner', (owner) => {
    expect(isOwner(owner)).toBe(false);
    expect(() => printMarker(owner)).toThrow(TypeError);
  });
});
