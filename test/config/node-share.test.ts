// Nodes at once, as the command line says it.
import { describe, expect, it } from 'vitest';
import { parseControllerSettings } from '../../src/config/controller-settings.ts';
import { CONTROLLER_DEFAULTS } from '../../src/config/defaults.ts';

function parse(nodesMaxUnavailable: string) {
  return parseControllerSettings({ ...CONTROLLER_DEFAULTS, identity: 'test', nodesMaxUnavailable });
}

describe('--nodes-max-unavailable', () => {
  it.each([
    ['1', { kind: 'count', nodes: 1 }],
    ['250', { kind: 'count', nodes: 250 }],
    ['1%', { kind: 'percent', percent: 1 }],
    ['100%', { kind: 'percent', percent: 100 }],
  ])('takes %s', (text, share) => {
    const parsed = parse(text);
    expect(parsed.ok && parsed.value.nodesMaxUnavailable).toEqual(share);
  });

  it.each(['0', '0%', '101%', '-1', '1.5', '10 %', 'all', ''])(
    'refuses "%s", and says what to write',
    (text) => {
      const parsed = parse(text);
      expect(parsed.ok ? [] : parsed.error).toMatchObject([
        { path: '--nodes-max-unavailable', code: 'InvalidFlag', fix: 'Write for example 3 or 10%' },
      ]);
    },
  );

  it('is 10% when nothing is said, and nodes are left alone', () => {
    const parsed = parseControllerSettings({ ...CONTROLLER_DEFAULTS, identity: 'test' });
    expect(
      parsed.ok && [parsed.value.nodes, parsed.value.nodesMaxUnavailable, parsed.value.nodesGate],
    ).toEqual([false, { kind: 'percent', percent: 10 }, 30_000]);
  });
});
