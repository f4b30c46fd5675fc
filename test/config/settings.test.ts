// Settings: what is wrong with the webhook's flags is said in words that tell what to write.
import { describe, expect, it } from 'vitest';
import { WEBHOOK_DEFAULTS } from '../../src/config/defaults.ts';
import { parseWebhookSettings } from '../../src/config/settings.ts';

function messagesOf(over: object): readonly string[] {
  const parsed = parseWebhookSettings({ ...WEBHOOK_DEFAULTS, manifests: ['/'], ...over });
  return parsed.ok ? [] : parsed.error.map(({ path, message }) => `${path}: ${message}`);
}

describe('parseWebhookSettings', () => {
  it('takes the defaults', () => {
    expect(messagesOf({})).toEqual([]);
  });

  it.each([
    ['probeInterval', '--probe-interval', '1 s and 10 m'],
    ['probeTimeout', '--probe-timeout', '50 ms and 5 s'],
    ['hedge', '--hedge', '0 s and 5 s'],
    ['drain', '--drain', '0 s and 1 m'],
    ['grace', '--grace', '0 s and 2 m'],
  ])('says the bounds of %s in the unit that reads best', (key, flag, bounds) => {
    expect(messagesOf({ [key]: '1h' })).toEqual([`${flag}: "1h" is not a duration between ${bounds}`]);
  });

  it('names what was given for a level, and the levels', () => {
    expect(messagesOf({ logLevel: 'loud' })).toEqual([
      '--log-level: "loud" is none of debug, info, warn, error',
    ]);
  });
});
