// One registry that is spelled in two ways: said when that may be a slip, and only then.
import { describe, expect, it } from 'vitest';
import { notesOnTwoNames } from '../../src/domain/two-names.ts';
import { makeSet } from '../support/make.ts';

const FOR_NODES = {
  enabled: true,
  selector: { matchLabels: {}, matchExpressions: [] },
  credentials: 'None',
  wholeHost: false,
} as const;
const set = (prefix: string, mirrors: readonly string[], enabled = true) =>
  makeSet(prefix, mirrors, { name: prefix, nodes: { ...FOR_NODES, enabled } });

describe('notesOnTwoNames', () => {
  it.each([
    ['reg.example', 'reg.example:443'],
    ['docker.io', 'registry-1.docker.io'],
    ['docker.io/team', 'registry-1.docker.io'],
    ['reg.example', 'reg.example:443/team'],
  ])('tells of %s and %s', (first, second) => {
    expect(notesOnTwoNames([set(first, ['a.example']), set(second, ['b.example'])])).toEqual([
      expect.stringMatching(
        `^${first} \\(mirror set ${first}\\) and ${second} \\(mirror set ${second}\\) are one registry`,
      ),
    ]);
  });

  it.each([
    ['the mirrors are the same', set('reg.example', ['a.example']), set('reg.example:443', ['a.example'])],
    ['the port is another', set('reg.example', ['a.example']), set('reg.example:5000', ['b.example'])],
    ['the names are the same', set('reg.example', ['a.example']), set('reg.example/x', ['b.example'])],
    ['the paths are apart', set('reg.example/x', ['a.example']), set('reg.example:443/y', ['b.example'])],
    ['one is not for nodes', set('reg.example', ['a.example']), set('reg.example:443', ['b.example'], false)],
  ])('says nothing when %s', (_, first, second) => {
    expect(notesOnTwoNames([first, second])).toEqual([]);
  });
});
