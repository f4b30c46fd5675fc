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

describe('parseWebhookSettings, with a cluster', () => {
  const cluster = { manifests: [], fromCluster: true };

  it('takes the API server instead of files, and its certificate too', () => {
    expect(messagesOf({ ...cluster, kubeconfig: 'a', context: 'b', tlsSecret: 'c' })).toEqual([]);
  });

  it('wants one of both', () => {
    expect(messagesOf({ manifests: [] })).toEqual(['--manifests: no declarations are given']);
    expect(messagesOf({ fromCluster: true })).toEqual([
      '--manifests: declarations and pull secrets come from the API server (--from-cluster) or from files, not from both',
    ]);
    expect(messagesOf({ ...cluster, dockerConfig: 'x' })).toHaveLength(1);
  });

  it('does not ignore what is about the API server', () => {
    expect(messagesOf({ kubeconfig: 'a', context: 'b', tlsSecret: 'c', hedge: '1h' })).toEqual([
      '--kubeconfig: it is about the API server, which is not asked',
      '--context: it is about the API server, which is not asked',
      '--tls-secret: it is about the API server, which is not asked',
      '--hedge: "1h" is not a duration between 0 s and 5 s',
    ]);
  });
});
