// How a rule is undone: by the arguments that added it.
import { describe, expect, it } from 'vitest';
import { undoing } from './iptables.ts';

describe('undoing', () => {
  it.each([
    [
      'an appended rule',
      '-t nat -A POSTROUTING -d 10.87.0.0/24 -j SNAT',
      ['-t nat -D POSTROUTING -d 10.87.0.0/24 -j SNAT'],
    ],
    ['an inserted rule', '-I FORWARD -i rflab+ -j ACCEPT', ['-D FORWARD -i rflab+ -j ACCEPT']],
    [
      'a rule inserted at a place, which deleting must not name',
      '-I FORWARD 2 -j ACCEPT',
      ['-D FORWARD -j ACCEPT'],
    ],
    ['a chain', '-t nat -N RFLAB', ['-t nat -F RFLAB', '-t nat -X RFLAB']],
    ['a deletion, which leaves nothing', '-D FORWARD -j ACCEPT', []],
  ])('undoes %s', (_, added, undone) => {
    expect(undoing(added.split(' ')).map((words) => words.join(' '))).toEqual(undone);
  });
});
