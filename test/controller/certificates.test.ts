// The webhook's certificates, kept by the real issuer in an in-memory cluster: first start, rotation in order, mishaps.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { issueCa, issueServing, validFor } from '../../src/certificates/issue.ts';
import { Certificates } from '../../src/controller/certificates.ts';
import { WebhookBundle } from '../../src/controller/webhook-bundle.ts';
import { CERTIFICATE_LIVES } from '../../src/domain/certificate-plan.ts';
import { MUTATING_WEBHOOKS, NAMESPACES, SECRETS } from '../../src/kubernetes/resource.ts';
import type { KubeObject } from '../../src/kubernetes/resource.ts';
import { failure, MemoryCluster } from '../support/cluster.ts';

const DAY = 86_400_000;
const install = { namespace: 'infra', fullname: 'rf' };
const CA = { namespace: 'infra', name: 'rf-webhook-ca' };
const SERVING = { namespace: 'infra', name: 'rf-webhook-tls' };

let cluster: MemoryCluster;
let said: string[];
let expiries: Map<string, Date>;
let controller: AbortController;
let running: Promise<unknown>;
let issuing = 0;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  vi.setSystemTime(new Date('2026-11-21T12:00:00Z'));
  cluster = new MemoryCluster();
  cluster.put(NAMESPACES, { metadata: { name: 'infra' } });
  said = [];
  expiries = new Map();
});
afterEach(async () => {
  await stop();
  vi.useRealTimers();
});

async function stop(): Promise<void> {
  controller.abort();
  await running;
}

function start(): void {
  controller = new AbortController();
  const reports = {
    done: (text: string) => said.push(text),
    failed: (text: string) => said.push(`failed: ${text}`),
  };
  const common = { api: cluster, informers: cluster, reports, random: () => 0.5 };
  const bundle = new WebhookBundle({ ...common, name: 'rf', now: () => performance.now() });
  const certificates = new Certificates({
    ...common,
    issuer: {
      issueCa: (request) => track(issueCa(request)),
      issueServing: (ca, request) => track(issueServing(ca, request)),
    },
    bundle,
    install,
    lives: CERTIFICATE_LIVES,
    meter: { expires: (which, at) => expiries.set(which, at) },
    clock: { now: () => Date.now(), elapsed: () => performance.now() },
  });
  running = Promise.all([bundle.start(controller.signal), certificates.start(controller.signal)]);
}

/** Keys are made by threads of their own, in real time, while the clock of the test stands still. */
async function track<T>(work: Promise<T>): Promise<T> {
  issuing += 1;
  return work.finally(() => {
    issuing -= 1;
  });
}

/** One turn: what is ready runs, and sleepers of up to a millisecond wake. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await vi.advanceTimersByTimeAsync(1);
}

/** Turns until the claim holds, with the clock nearly standing still. */
async function until(claim: () => void): Promise<void> {
  for (let round = 0; round < 500; round += issuing === 0 ? 1 : 0) {
    try {
      return claim();
    } catch {
      await turn();
    }
  }
  claim();
}

/** Time passes, with enough turns of the loop for what it sets off. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  for (let round = 0; round < 40; round += issuing === 0 ? 1 : 0) await turn();
}

function text(name: { namespace: string; name: string }, key: string): string {
  const data = cluster.look(SECRETS, name)?.['data'] as Record<string, string> | undefined;
  return Buffer.from(data?.[key] ?? '', 'base64').toString();
}

function live(): string {
  const configuration = cluster.look(MUTATING_WEBHOOKS, { name: 'rf' });
  const [webhook] = (configuration?.['webhooks'] ?? []) as { clientConfig: { caBundle?: string } }[];
  return Buffer.from(webhook?.clientConfig.caBundle ?? '', 'base64').toString();
}

function putConfiguration(): void {
  cluster.put(MUTATING_WEBHOOKS, {
    metadata: { name: 'rf' },
    webhooks: [{ name: 'pods.example', clientConfig: { service: { name: 's' } } }],
  });
}

function put(name: { namespace: string; name: string }, data: Record<string, string>): void {
  const { type, data: before } = cluster.look(SECRETS, name) as KubeObject;
  cluster.put(SECRETS, { metadata: name, type, data: before, stringData: data });
}

/** The serving certificate is trusted by what is live, and the key is its own. */
function expectTrusted(): void {
  const serving = new X509Certificate(text(SERVING, 'tls.crt'));
  const authorities = live().match(/-----BEGIN[\s\S]*?END CERTIFICATE-----/g) ?? [];
  const signer = authorities.map((pem) => new X509Certificate(pem)).find((ca) => serving.checkIssued(ca));
  expect(signer && serving.verify(signer.publicKey)).toBe(true);
  expect(serving.checkPrivateKey(createPrivateKey(text(SERVING, 'tls.key')))).toBe(true);
}

async function startReady(): Promise<void> {
  putConfiguration();
  start();
  await until(expectTrusted);
}

describe('Certificates', () => {
  it('makes a CA and a serving certificate, and has the CA trusted', async () => {
    await startReady();
    const serving = new X509Certificate(text(SERVING, 'tls.crt'));
    expect(serving.subjectAltName).toBe('DNS:rf-webhook.infra.svc, DNS:rf-webhook.infra.svc.cluster.local');
    expect(serving.validToDate).toEqual(new Date('2027-02-19T12:00:00Z'));
    expect(cluster.look(SECRETS, CA)?.['type']).toBe('Opaque');
    expect(cluster.look(SECRETS, SERVING)?.['type']).toBe('kubernetes.io/tls');
    expect(text(SERVING, 'ca.crt')).toBe(text(CA, 'ca.crt'));
    expect(expiries.get('serving')?.getFullYear()).toBe(2027);
    expect(said.join('\n')).not.toContain('PRIVATE');
  });

  it('leaves everything alone when there is nothing to do, also after a restart', async () => {
    await startReady();
    await pass(DAY);
    const versions = [CA, SERVING].map((name) => cluster.look(SECRETS, name)?.metadata.resourceVersion);
    await stop();
    start();
    await pass(DAY);
    expect([CA, SERVING].map((name) => cluster.look(SECRETS, name)?.metadata.resourceVersion)).toEqual(
      versions,
    );
  });

  it('renews the serving certificate by itself when two thirds of its life are over', async () => {
    await startReady();
    const first = text(SERVING, 'tls.crt');
    // A sleep ends after an hour, so that the clock is looked at.
    vi.setSystemTime(new Date('2027-01-21T12:00:00Z'));
    await pass(3_600_000);
    await until(() => expect(text(SERVING, 'tls.crt')).toBe(first));
    await pass(11_000);
    await until(() => expect(text(SERVING, 'tls.crt')).not.toBe(first));
    expectTrusted();
  });

  it('rotates the CA in order: stored, trusted, settled, and only then a certificate from it', async () => {
    await startReady();
    const [oldCa, oldServing] = [text(CA, 'ca.crt'), text(SERVING, 'tls.crt')];
    // No patch gets through for now.
    cluster.fault = ({ verb }) => (verb === 'patch' ? failure('server-error') : undefined);
    await stop();
    vi.setSystemTime(Date.now() + 250 * DAY);
    put(SERVING, await freshServing());
    const current = text(SERVING, 'tls.crt');
    expect(current).not.toBe(oldServing);
    start();
    await until(() => expect(text(CA, 'ca.crt')).not.toBe(oldCa));
    expect(text(CA, 'previous.crt')).toBe(oldCa);
    await pass(60_000);
    expect(live()).toBe(oldCa);
    expect(text(SERVING, 'tls.crt')).toBe(current);
    cluster.fault = () => undefined;
    for (let second = 0; second < 20 && live() === oldCa; second += 1) await pass(1_000);
    expect(live()).toBe(text(CA, 'ca.crt') + oldCa);
    expect(text(SERVING, 'tls.crt')).toBe(current);
    for (let second = 0; second < 20 && text(SERVING, 'tls.crt') === current; second += 1) {
      await pass(1_000);
      expectTrusted();
    }
    expect(text(SERVING, 'ca.crt')).toBe(text(CA, 'ca.crt'));
    expect(text(SERVING, 'tls.crt')).not.toBe(current);
  });

  async function freshServing(): Promise<Record<string, string>> {
    const ca = { certificatePem: text(CA, 'ca.crt'), keyPem: text(CA, 'ca.key') };
    const names = ['rf-webhook.infra.svc', 'rf-webhook.infra.svc.cluster.local'];
    const made = await issueServing(ca, { names, validity: validFor(90, new Date()) });
    return { 'tls.crt': made.certificatePem, 'tls.key': made.keyPem, 'ca.crt': ca.certificatePem };
  }

  it.each<[string, typeof CA, Record<string, string>, string]>([
    ['a CA without its key', CA, { 'ca.key': '' }, 'CA made anew: ca.key cannot be read'],
    ['a CA that is garbage', CA, { 'ca.crt': 'x' }, 'CA made anew: ca.crt cannot be read'],
    ['a CA that is empty', CA, { 'ca.crt': '' }, 'CA made anew: there is none'],
    [
      'a certificate without its key',
      SERVING,
      { 'tls.key': '' },
      'serving certificate issued: tls.key cannot be read',
    ],
    [
      'a certificate that is garbage',
      SERVING,
      { 'tls.crt': 'x' },
      'serving certificate issued: tls.crt cannot be read',
    ],
  ])('repairs %s and keeps what is served trusted', async (_, name, data, words) => {
    await startReady();
    const served = text(CA, 'ca.crt');
    put(name, data);
    await until(() => expect(said.join('\n')).toContain(words));
    await pass(30_000);
    expectTrusted();
    expect(live()).toContain(served);
  });

  it('makes a key anew that belongs to another certificate', async () => {
    await startReady();
    const stranger = await issueCa({ name: 'x', validity: validFor(1, new Date()) });
    put(SERVING, { 'tls.key': stranger.keyPem });
    await until(() => expect(said.join('\n')).toContain('tls.key does not belong to tls.crt'));
    await until(expectTrusted);
  });

  it('makes secrets anew that are deleted, and what was served stays trusted', async () => {
    await startReady();
    const lost = text(CA, 'ca.crt');
    cluster.take(SECRETS, CA);
    await until(() => expect(text(CA, 'ca.crt')).not.toBe(''));
    await pass(30_000);
    expectTrusted();
    expect(live()).toBe(text(CA, 'ca.crt') + lost);
    cluster.take(SECRETS, SERVING);
    await until(expectTrusted);
  });

  it('fills in secrets that a chart has laid down empty, and keeps its labels', async () => {
    const labels = { 'app.kubernetes.io/managed-by': 'Helm' };
    cluster.put(SECRETS, { metadata: { ...CA, labels }, type: 'Opaque' });
    cluster.put(SECRETS, {
      metadata: { ...SERVING, labels },
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': '', 'tls.key': '' },
    });
    await startReady();
    expect(cluster.look(SECRETS, CA)?.metadata.labels).toEqual(labels);
    expect(cluster.look(SECRETS, SERVING)?.metadata.labels).toEqual(labels);
  });

  it('issues at once where there is no webhook configuration that could miss it', async () => {
    start();
    await until(() => expect(text(SERVING, 'tls.crt')).not.toBe(''));
    putConfiguration();
    await until(expectTrusted);
  });

  it('never writes over a change in between', async () => {
    putConfiguration();
    const other = await issueCa({ name: 'other leader', validity: validFor(365, new Date()) });
    let raced = false;
    cluster.before = ({ verb, name }) => {
      if (verb !== 'create' || name !== CA.name || raced) return;
      raced = true;
      const stringData = { 'ca.crt': other.certificatePem, 'ca.key': other.keyPem };
      cluster.put(SECRETS, { metadata: CA, type: 'Opaque', stringData });
    };
    start();
    await until(expectTrusted);
    expect(text(CA, 'ca.crt')).toBe(other.certificatePem);
    expect(text(SERVING, 'ca.crt')).toBe(other.certificatePem);
  });

  it('says what it may not do, slows down, and goes on when it may', async () => {
    putConfiguration();
    cluster.fault = ({ verb }) => (verb === 'create' ? failure('forbidden', 'no right') : undefined);
    start();
    await until(() => expect(said.length).toBeGreaterThan(0));
    expect(said[0]).toBe('failed: Secret rf-webhook-ca cannot be written (forbidden: no right)');
    for (let second = 0; second < 60; second += 1) await pass(1_000);
    expect(cluster.count('create')).toBeLessThan(15);
    cluster.fault = () => undefined;
    for (let second = 0; second < 70 && text(SERVING, 'tls.crt') === ''; second += 1) await pass(1_000);
    await until(expectTrusted);
  });

  it('tells of an immutable secret what to do', async () => {
    const stringData = { 'ca.crt': 'x' };
    cluster.put(SECRETS, { metadata: CA, type: 'Opaque', stringData, immutable: true });
    putConfiguration();
    start();
    await until(() => expect(said.join('\n')).toContain('cannot be written; it is immutable: delete it'));
  });

  it('survives the API server being away, and its informers closing', async () => {
    await startReady();
    cluster.goAway();
    await pass(3_600_000);
    cluster.comeBack();
    cluster.take(SECRETS, SERVING);
    for (let second = 0; second < 70 && text(SERVING, 'tls.crt') === ''; second += 1) await pass(1_000);
    await until(expectTrusted);
    await stop();
    expect(cluster.openWatches).toBe(0);
  });
});
