// The webhook's inputs from a cluster: what is known when, and what becomes of it when the API server goes away.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clusterOver } from '../../src/commands/cluster.ts';
import type { Cluster } from '../../src/commands/cluster.ts';
import { inputsFromCluster } from '../../src/commands/cluster-webhook.ts';
import type { LiveState } from '../../src/commands/declarations.ts';
import type { WebhookInputs } from '../../src/commands/webhook-inputs.ts';
import type { Certificate } from '../../src/http/certificate-pair.ts';
import { MIRROR_SETS, NAMESPACES, SECRETS, SERVICE_ACCOUNTS } from '../../src/kubernetes/resource.ts';
import { MemoryCluster } from '../support/cluster.ts';
import { testCa } from '../support/tls.ts';
import type { KeyAndCertificate } from '../support/tls.ts';

const INSTALL = 'registry-failover';
const FLAGS = { installNamespace: INSTALL, allowedEndpoint: [], tlsCert: '', tlsKey: '', tlsSecret: 'tls' };

let api: MemoryCluster;
let cluster: Cluster;
let inputs: WebhookInputs;
const states: LiveState[] = [];
const certificates: Certificate[] = [];
const problems: string[] = [];

async function open(): Promise<void> {
  cluster = clusterOver({ api, informers: api, close: () => {} }, FLAGS, () => {});
  inputs = await inputsFromCluster(FLAGS, cluster);
  inputs.followDeclarations((state) => states.push(state));
  inputs.followCertificate({
    onChange: (certificate) => certificates.push(certificate),
    onProblem: (message) => problems.push(message),
  });
}

beforeEach(() => {
  api = new MemoryCluster();
  for (const list of [states, certificates, problems]) list.length = 0;
});
afterEach(() => inputs.close());

function putSet(name = 'ocir', prefix = 'fra.ocir.io'): void {
  const mirrors = [{ endpoint: 'ams.ocir.io', credential: { source: 'SameAsUpstream' } }];
  api.put(MIRROR_SETS, { metadata: { name }, spec: { upstream: { prefix }, mirrors } });
}

function putPair(pair: Partial<KeyAndCertificate>): void {
  const encode = (text: string | undefined): string => Buffer.from(text ?? '').toString('base64');
  const data = { 'tls.crt': encode(pair.certPem), 'tls.key': encode(pair.keyPem) };
  api.put(SECRETS, { metadata: { namespace: INSTALL, name: 'tls' }, type: 'kubernetes.io/tls', data });
}

async function issue(): Promise<KeyAndCertificate> {
  return (await testCa()).issue({ names: ['localhost'] });
}

async function untilStates(count: number): Promise<void> {
  await expect.poll(() => states.length, { interval: 5 }).toBeGreaterThanOrEqual(count);
}

describe('inputsFromCluster', () => {
  it('says nothing before everything has been read, and then all of it', async () => {
    putSet();
    api.goAway();
    await open();
    await api.settle();
    expect(states).toEqual([]);
    expect(inputs.notReady()).toEqual([
      'declarations have not been read yet',
      'service accounts have not been read yet',
    ]);
    api.comeBack();
    await untilStates(1);
    expect(states[0]?.objects.sets.map(({ name }) => name)).toEqual(['ocir']);
    expect(inputs.notReady()).toEqual([]);
  });

  it('stays ready when the API server goes away later, and says how old its knowledge is', async () => {
    putSet();
    await open();
    await untilStates(1);
    expect(inputs.staleness().map(({ seconds }) => seconds)).toEqual([0, 0, 0, 0, 0, 0]);
    api.goAway();
    expect(inputs.notReady()).toEqual([]);
    await expect.poll(() => inputs.staleness().every(({ seconds }) => seconds > 0)).toBe(true);
    expect(inputs.staleness().map(({ resource }) => resource)).toEqual([
      'registrymirrorsets',
      'namespaces',
      'secrets',
      'configmaps',
      'serviceaccounts',
      'certificate',
    ]);
  });

  it('keeps the sets the same when only namespaces come and go', async () => {
    putSet();
    await open();
    await untilStates(1);
    api.put(NAMESPACES, { metadata: { name: 'shop', labels: { tier: 'gold' } } });
    await untilStates(2);
    expect(states[1]?.objects.sets).toBe(states[0]?.objects.sets);
    expect(states[1]?.namespaceLabels.get('shop')).toMatchObject({ tier: 'gold' });
    putSet('other', 'iad.ocir.io');
    await untilStates(3);
    expect(states[2]?.objects.sets).toHaveLength(2);
  });

  it('says which of two sets that want one prefix gives way: the younger', async () => {
    putSet('old');
    api.wallClock = () => new Date(Date.now() + 60_000);
    putSet('a-younger');
    await open();
    await untilStates(1);
    expect(states[0]?.objects.sets.map(({ name }) => name)).toEqual(['old']);
    expect(states[0]?.problems).toMatchObject([{ code: 'PrefixTaken', set: 'a-younger' }]);
  });

  it('has a certificate as soon as the Secret has, swaps it, and keeps the last good one', async () => {
    await open();
    await api.settle();
    expect(certificates).toEqual([]);
    const [first, second] = [await issue(), await issue()];
    putPair({ certPem: first.certPem });
    await api.settle();
    expect(problems).toHaveLength(1);
    putPair(first);
    await api.settle();
    expect(certificates.map(({ cert }) => cert)).toEqual([first.certPem]);
    putPair({ certPem: second.certPem, keyPem: first.keyPem });
    await api.settle();
    expect(problems.at(-1)).toBe(
      'Secret registry-failover/tls holds no usable certificate and key: the key belongs to another certificate',
    );
    api.take(SECRETS, { namespace: INSTALL, name: 'tls' });
    await api.settle();
    putPair(second);
    await api.settle();
    expect(certificates.map(({ cert }) => cert)).toEqual([first.certPem, second.certPem]);
    api.put(SECRETS, { metadata: { namespace: INSTALL, name: 'tls' }, data: {} });
    await api.settle();
    expect(problems.at(-1)).toBe(
      'Secret registry-failover/tls has no readable tls.crt and no readable tls.key',
    );
    expect(problems.join()).not.toContain('BEGIN');
  });

  it('reads pods’ secrets and ServiceAccounts', async () => {
    const data = { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') };
    const metadata = { namespace: 'shop', name: 'a' };
    api.put(SECRETS, { metadata, type: 'kubernetes.io/dockerconfigjson', data });
    api.put(SERVICE_ACCOUNTS, { metadata: { namespace: 'shop', name: 'default' } });
    await open();
    await api.settle();
    expect(await inputs.lookups?.secrets.read('shop', ['a'], 200)).toMatchObject([{ state: 'parsed' }]);
    expect(inputs.lookups?.serviceAccounts.enforcesMountableSecrets('shop', 'default')).toBe(false);
    expect(inputs.lookups?.serviceAccounts.enforcesMountableSecrets('shop', 'x')).toBe(true);
  });

  it('knows which derived secrets are refused, without declaring anything anew', async () => {
    putSet();
    await open();
    await untilStates(1);
    const entry = { namespace: 'shop', secret: 'registry-failover-from-a', endpoint: 'ams.ocir.io' };
    const live = api.look(MIRROR_SETS, { name: 'ocir' });
    api.put(MIRROR_SETS, { metadata: { name: 'ocir' }, spec: live?.['spec'], status: { refused: [entry] } });
    await untilStates(2);
    expect(states[1]?.objects.sets).toBe(states[0]?.objects.sets);
    const refusals = inputs.lookups?.refusals;
    expect(refusals?.refusedIn('shop')?.get('registry-failover-from-a')).toEqual(new Set(['ams.ocir.io']));
    expect(refusals?.refusedIn('other')).toBeUndefined();
  });

  it('closes everything that it has opened', async () => {
    await open();
    expect(api.openWatches).toBe(6);
    inputs.close();
    expect(api.openWatches).toBe(0);
  });
});
