// The promise end to end: the registry dies, the next pod is rewritten, the registry returns, rewriting stops by itself.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applied, makeRequest } from '../support/admission.ts';
import { makePod } from '../support/make.ts';
import type { Fault } from '../support/misbehaving-registry.ts';
import { indexManifest } from '../support/misbehaving-registry.ts';
import { sharedCredentialSet, startEngine, startPair } from '../support/outage.ts';
import type { OutageBench, Pair } from '../support/outage.ts';
import { MisbehavingRegistry } from '../support/misbehaving-registry.ts';

let pair: Pair;
let bench: OutageBench;
/** Those of the product, but for the pings: a registry that lives must have answered, on a busy machine too. */
const TIMES = { probeTimeoutMs: 1000, budgetMs: 1500, hedgeMs: 200, probeIntervalMs: 200 };

beforeAll(async () => {
  pair = await startPair(['127.0.12.1', '127.0.12.2']);
  // One credential for both, as two regions of one provider have: SameAsUpstream.
  const shared = { username: 'robot', password: 'shared-secret-3' };
  const images = {
    'team/app': { '1.0': indexManifest() },
    'team/other': { '1.0': indexManifest(undefined, 'other') },
  };
  await pair.stop();
  const [fra, ams] = await Promise.all([
    MisbehavingRegistry.start({
      name: 'fra.registry.test',
      address: '127.0.12.1',
      credential: shared,
      images,
    }),
    MisbehavingRegistry.start({
      name: 'ams.registry.test',
      address: '127.0.12.2',
      credential: shared,
      images,
    }),
  ]);
  pair = { fra, ams, stop: async () => void (await Promise.all([fra.stop(), ams.stop()])) };
  bench = startEngine(pair, [sharedCredentialSet(pair)], { watch: true, times: TIMES });
  const text = JSON.stringify({ auths: { [fra.hostPort]: shared } });
  bench.engine.declare({
    sets: [sharedCredentialSet(pair)],
    namespaceLabels: new Map(),
    secrets: [
      {
        namespace: 'shop',
        name: 'fra-pull',
        type: 'kubernetes.io/dockerconfigjson',
        data: { '.dockerconfigjson': Buffer.from(text).toString('base64') },
      },
    ],
    standIn: undefined,
  });
});
afterAll(async () => {
  await bench.engine.close();
  await pair.stop();
});

async function breakWith(fault: Fault): Promise<void> {
  pair.fra.fault = fault;
  await pair.fra.settled();
}

async function admit(repository = 'team/app') {
  const pod = makePod([`${pair.fra.hostPort}/${repository}:1.0`], { pullSecrets: ['fra-pull'] });
  const started = performance.now();
  const verdict = await bench.engine.admission.admit(makeRequest(pod), 3000);
  const after = applied(pod, verdict);
  return {
    ms: performance.now() - started,
    host: after.spec.containers[0]?.image.split('/')[0],
    secrets: after.spec.imagePullSecrets?.map((secret) => secret.name),
    decision: verdict.decisions[0]!,
  };
}

async function until(status: string): Promise<void> {
  const endpoint = sharedCredentialSet(pair).upstream;
  await expect
    .poll(() => bench.engine.health.get(endpoint).status, { timeout: 30_000, interval: 20 })
    .toBe(status);
}

describe('an outage', () => {
  it('goes by without a pod noticing', async () => {
    await until('up');
    const healthy = await admit();
    expect(healthy).toMatchObject({
      host: pair.fra.hostPort,
      secrets: ['fra-pull', 'registry-failover-from-fra-pull'],
    });

    await breakWith('tlsNeverAnswers');
    const first = await admit('team/other');
    expect(first.host).toBe(pair.ams.hostPort);
    expect(first.decision).toMatchObject({ reason: 'upstream-unreachable', fromMemory: false });
    expect(first.ms).toBeLessThan(TIMES.budgetMs + 100);

    for (let pod = 0; pod < 5; pod += 1) {
      const next = await admit('team/other');
      expect(next).toMatchObject({ host: pair.ams.hostPort, decision: { fromMemory: true } });
      expect(next.ms).toBeLessThan(TIMES.probeTimeoutMs / 2);
    }

    await until('down');
    pair.fra.forget();
    const known = await admit();
    expect(known).toMatchObject({
      host: pair.ams.hostPort,
      decision: { digest: 'verified', fromMemory: true },
    });

    await breakWith('none');
    await until('up');
    expect((await admit()).host).toBe(pair.fra.hostPort);
    expect((await admit()).decision.reason).toBe('upstream-available');
  });

  it('that answers 503 to everything is noticed, and over when it is', async () => {
    await until('up');
    await breakWith('error503');
    // A fact is good for 30 seconds unless the endpoint's health changes: the background sees the 503 long before.
    await until('down');
    expect(await admit('team/app')).toMatchObject({
      host: pair.ams.hostPort,
      decision: { fromMemory: true },
    });
    expect((await admit('team/other')).host).toBe(pair.ams.hostPort);
    await breakWith('none');
    await until('up');
    expect((await admit()).host).toBe(pair.fra.hostPort);
  });

  it('of a registry that accepts connections and says nothing is noticed although no connection was ever made', async () => {
    await breakWith('tlsNeverAnswers');
    const fresh = startEngine(pair, [sharedCredentialSet(pair)], { watch: true, times: TIMES });
    const endpoint = sharedCredentialSet(pair).upstream;
    await expect
      .poll(() => fresh.engine.health.get(endpoint).status, { timeout: 30_000, interval: 20 })
      .toBe('down');
    await fresh.engine.close();
    await breakWith('none');
  });

  it('is noticed by the background although no pod comes', async () => {
    await until('up');
    await breakWith('refused');
    await until('down');
    const first = await admit();
    expect(first.decision).toMatchObject({ reason: 'upstream-unreachable', fromMemory: true });
    await breakWith('none');
    await until('up');
  });
});
