// What a drill has shown, and how it is said.
import { describe, expect, it } from 'vitest';
import { judgeDrill, renderDrill } from '../../src/explain/drill-view.ts';
import type { DrillView, OutageView, PullView } from '../../src/explain/drill-view.ts';

const pulled: PullView = { isOk: true, ms: 120, words: '', source: 'fra.example/x:1' };
const outage: OutageView = {
  pulled: { ...pulled, ms: 1400, source: 'ams.example/x:1' },
  unblockable: undefined,
  dropped: 3,
  after: ['192.0.2.1'],
  isStillBlocked: false,
};
const view: DrillView = {
  host: 'n1',
  registry: 'fra.example',
  addresses: ['192.0.2.1'],
  port: 443,
  image: 'fra.example/x:1',
  command: 'crictl pull fra.example/x:1',
  seconds: 60,
  healthy: pulled,
  outage,
  notes: [],
};

describe('judgeDrill', () => {
  it.each<[string, Partial<DrillView>, string, string]>([
    ['a pull that came through', {}, 'survived', 'in 1.40 s; with it in 120 ms'],
    [
      'a pull that failed',
      { outage: { ...outage, pulled: { ...pulled, isOk: false, words: 'timeout' } } },
      'not-survived',
      'timeout',
    ],
    [
      'a registry that moved',
      { outage: { ...outage, after: ['192.0.2.1', '192.0.2.2'] } },
      'unknown',
      '192.0.2.2',
    ],
    [
      'a registry that moved in vain',
      { outage: { ...outage, after: ['192.0.2.2'], pulled: { ...pulled, isOk: false } } },
      'not-survived',
      'failed',
    ],
    [
      'rules that were refused',
      { outage: { ...outage, pulled: undefined, unblockable: 'no such table' } },
      'unknown',
      'no such table',
    ],
    [
      'an image that cannot be had anyway',
      { healthy: { ...pulled, isOk: false, words: '401' }, outage: undefined },
      'unknown',
      '401',
    ],
  ])('judges %s', (_, facts, verdict, words) => {
    const judged = judgeDrill({ ...view, ...facts });
    expect(judged.verdict).toBe(verdict);
    expect(judged.sentence).toContain(words);
  });
});

describe('renderDrill', () => {
  it('says both times, which source served, and what was tried first', () => {
    const text = renderDrill(view, (_, plain) => plain).join('\n');
    expect(text).toBe(
      [
        'Drill on n1: fra.example away',
        '  blocks    192.0.2.1 port 443, for this node’s own processes',
        '  pulls     crictl pull fra.example/x:1',
        '  healthy   done in 120 ms; last source tried: fra.example/x:1',
        '  blocked   done in 1.40 s; last source tried: ams.example/x:1',
        '            3 packets to the registry swallowed: the pull tried it first',
        '',
        'Without fra.example the image was had in 1.40 s; with it in 120 ms.',
      ].join('\n'),
    );
  });

  it('says what it does not know, and that rules are left', () => {
    const quiet = { ...pulled, source: undefined };
    const text = renderDrill(
      { ...view, healthy: quiet, outage: { ...outage, pulled: quiet, dropped: 0, isStillBlocked: true } },
      (_, plain) => plain,
    ).join('\n');
    expect(text).toContain('its log does not tell which source served');
    expect(text).toContain('the pull did not try it');
    expect(text).toContain('within 60 s');
  });
});
