// Controller settings: what the chart may hand over is taken.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseCleanupSettings } from '../../src/config/controller-settings.ts';
import { CLEANUP_DEFAULTS, CONTROLLER_DEFAULTS } from '../../src/config/defaults.ts';

const HELPERS = new URL('../../deploy/helm/registry-failover/templates/_helpers.tpl', import.meta.url);

const defaults = { ...CONTROLLER_DEFAULTS, ...CLEANUP_DEFAULTS };

function parse(fullname: string): boolean {
  return parseCleanupSettings({ ...defaults, fullname }).ok;
}

describe('the fullname', () => {
  it('may be as long as the chart makes it out of a long release name, and no longer', () => {
    const text = readFileSync(HELPERS, 'utf8');
    const longest = Number(/fullnameOverride \| default \$release \| trunc (\d+)/.exec(text)?.[1]);
    expect(longest).toBeGreaterThan(0);
    expect([parse('a'.repeat(longest)), parse('a'.repeat(longest + 1))]).toEqual([true, false]);
  });

  it.each(['-a', 'a-', 'A', 'a.b', ''])('is not %j', (fullname) => {
    expect(parse(fullname)).toBe(false);
  });
});
