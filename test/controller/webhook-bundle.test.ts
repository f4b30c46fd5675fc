// The bundle in the live webhook configuration: set, repaired, and never fought about at full speed.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { patchBundle, WebhookBundle } from '../../src/controller/webhook-bundle.ts';
import { MUTATING_WEBHOOKS } from '../../src/kubernetes/resource.ts';
import { failure, MemoryCluster } from '../support/cluster.ts';

const NAME = 'registry-failover';
const PATIENT = { timeout: 15_000 };
const base64 = (text: string): string => Buffer.from(text).toString('base64');

function putConfiguration(cluster: MemoryCluster, bundles: readonly (string | undefined)[]): void {
  cluster.put(MUTATING_WEBHOOKS, {
    metadata: { name: NAME },
    webhooks: bundles.map((caBundle, index) => ({
      name: `w${index}.example`,
      clientConfig: { service: { name: 's' }, ...(caBundle === undefined ? {} : { caBundle }) },
    })),
  });
}

function bundlesOf(cluster: MemoryCluster): (string | undefined)[] {
  const live = cluster.look(MUTATING_WEBHOOKS, { name: NAME });
  const webhooks = live?.['webhooks'] as { clientConfig: { caBundle?: string } }[] | undefined;
  return (webhooks ?? []).map(({ clientConfig }) => clientConfig.caBundle);
}

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  vi.useRealTimers();
});

function startBundle(cluster: MemoryCluster) {
  const said: string[] = [];
  const bundle = new WebhookBundle({
    api: cluster,
    informers: cluster,
    name: NAME,
    reports: { done: (text) => said.push(text), failed: (text) => said.push(`failed: ${text}`) },
    now: () => performance.now(),
    random: () => 0.5,
  });
  const controller = new AbortController();
  const ended = bundle.start(controller.signal);
  stops.push(async () => {
    controller.abort();
    await ended;
  });
  return { bundle, said };
}

describe('patchBundle', () => {
  it('touches only entries that differ, and makes sure which they are', () => {
    const webhooks = [
      { name: 'a', caBundle: 'x' },
      { name: 'b', caBundle: '' },
    ];
    expect(patchBundle(webhooks, 'x')).toEqual([
      { op: 'test', path: '/webhooks/1/name', value: 'b' },
      { op: 'add', path: '/webhooks/1/clientConfig/caBundle', value: 'x' },
    ]);
  });
});

describe('WebhookBundle', () => {
  it('writes what is wanted into every entry, and repairs what somebody edits', async () => {
    const cluster = new MemoryCluster();
    putConfiguration(cluster, [undefined, base64('old')]);
    const { bundle, said } = startBundle(cluster);
    bundle.want('new');
    await vi.waitFor(() => expect(bundlesOf(cluster)).toEqual([base64('new'), base64('new')]), PATIENT);
    expect(await bundle.verify()).toBe('held');
    putConfiguration(cluster, [base64('new'), undefined]);
    expect(await bundle.verify()).toBe('behind');
    await vi.waitFor(() => expect(bundlesOf(cluster)).toEqual([base64('new'), base64('new')]), PATIENT);
    expect(said).toEqual([
      'MutatingWebhookConfiguration registry-failover: caBundle of 2 webhook(s) written',
      'MutatingWebhookConfiguration registry-failover: caBundle of 1 webhook(s) written',
    ]);
  });

  it('waits while there is no configuration, and writes when it comes', async () => {
    const cluster = new MemoryCluster();
    const { bundle } = startBundle(cluster);
    bundle.want('new');
    await cluster.settle();
    expect(await bundle.verify()).toBe('absent');
    expect(cluster.count('patch')).toBe(0);
    putConfiguration(cluster, [undefined]);
    await vi.waitFor(() => expect(bundlesOf(cluster)).toEqual([base64('new')]), PATIENT);
  });

  it('touches nothing before anything is wanted', async () => {
    const cluster = new MemoryCluster();
    putConfiguration(cluster, [base64('mine')]);
    const { bundle } = startBundle(cluster);
    await cluster.settle();
    expect(await bundle.verify()).toBe('behind');
    expect(cluster.count('patch')).toBe(0);
  });

  it('says that it could not ask when the API server is away', async () => {
    const cluster = new MemoryCluster();
    const { bundle } = startBundle(cluster);
    bundle.want('new');
    cluster.goAway();
    expect(await bundle.verify()).toBeUndefined();
  });

  it('slows down when somebody puts his own back each time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const cluster = new MemoryCluster();
    putConfiguration(cluster, [base64('theirs')]);
    const { bundle } = startBundle(cluster);
    cluster.before = ({ verb }) => {
      if (verb === 'patch') setTimeout(() => putConfiguration(cluster, [base64('theirs')]), 1);
    };
    bundle.want('ours');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(cluster.count('patch')).toBeGreaterThan(5);
    expect(cluster.count('patch')).toBeLessThan(15);
  });

  it('reports a refusal and tries again', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const cluster = new MemoryCluster();
    putConfiguration(cluster, [undefined]);
    cluster.fault = ({ verb }) => (verb === 'patch' ? failure('forbidden', 'no right') : undefined);
    const { bundle, said } = startBundle(cluster);
    bundle.want('new');
    await vi.advanceTimersByTimeAsync(100);
    expect(said).toEqual([
      'failed: MutatingWebhookConfiguration registry-failover: caBundle cannot be written (forbidden: no right)',
    ]);
    cluster.fault = () => undefined;
    await vi.advanceTimersByTimeAsync(5_000);
    expect(bundlesOf(cluster)).toEqual([base64('new')]);
  });
});
