// Certificates on a real API server: two rotations under clients that never stop shaking hands, and repairs.
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { issueCa, issueServing } from '../../../src/certificates/issue.ts';
import { Certificates } from '../../../src/controller/certificates.ts';
import { WebhookBundle } from '../../../src/controller/webhook-bundle.ts';
import { CERTIFICATE_LIVES, webhookNames } from '../../../src/domain/certificate-plan.ts';
import type { CertificateLives } from '../../../src/domain/certificate-plan.ts';
import { KubernetesApi } from '../../../src/kubernetes/api.ts';
import { openConnection } from '../../../src/kubernetes/connection.ts';
import type { Connection } from '../../../src/kubernetes/connection.ts';
import { KubernetesInformers } from '../../../src/kubernetes/informers.ts';
import { CONFIG_MAPS, MUTATING_WEBHOOKS, NAMESPACES, SECRETS } from '../../../src/kubernetes/resource.ts';
import { startControlPlane } from '../../lab/control-plane.ts';
import type { ControlPlane } from '../../lab/control-plane.ts';
import { shakeHands, textOf, WebhookStandIn } from './webhook-stand-in.ts';

const SECOND = 1_000;
const FULLNAME = 'rf';
const SERVICES = { group: '', version: 'v1', plural: 'services', kind: 'Service', namespaced: true };

let controlPlane: ControlPlane;
let connection: Connection;
let api: KubernetesApi;
let informers: KubernetesInformers;
let said: string[] = [];
let stops: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  controlPlane = await startControlPlane();
  const opened = await openConnection({ kubeconfig: controlPlane.kubeconfig });
  if (!opened.ok) throw new Error('no connection');
  connection = opened.value;
  api = new KubernetesApi({ connection, fieldManager: 'registry-failover' });
  informers = new KubernetesInformers({ api, connection });
});
afterAll(async () => {
  connection.close();
  await controlPlane.stop();
});
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
  await api.remove(MUTATING_WEBHOOKS, { name: FULLNAME });
});

function start(namespace: string, lives: CertificateLives): void {
  said = [];
  const reports = {
    done: (text: string) => said.push(text),
    failed: (text: string) => said.push(`failed: ${text}`),
  };
  const elapsed = (): number => performance.now();
  const common = { api, informers, reports, random: Math.random };
  const bundle = new WebhookBundle({ ...common, name: FULLNAME, now: elapsed });
  const certificates = new Certificates({
    ...common,
    issuer: { issueCa, issueServing },
    bundle,
    install: { namespace, fullname: FULLNAME },
    lives,
    meter: { expires: () => {} },
    clock: { now: () => Date.now(), elapsed },
  });
  const controller = new AbortController();
  const running = [bundle.start(controller.signal), certificates.start(controller.signal)];
  stops.push(() => {
    controller.abort();
    return Promise.all(running);
  });
}

async function must<T>(result: Promise<{ ok: true; value: T } | { ok: false; error: unknown }>): Promise<T> {
  const settled = await result;
  if (!settled.ok) throw new Error(JSON.stringify(settled.error));
  return settled.value;
}

async function makeNamespace(name: string): Promise<void> {
  await must(api.create(NAMESPACES, { metadata: { name } }));
}

/** The API server dials an ExternalName itself, and asks for the Service's name in the handshake. */
async function install(namespace: string, port: number): Promise<void> {
  const name = `${FULLNAME}-webhook`;
  const spec = { type: 'ExternalName', externalName: 'localhost' };
  await must(api.create(SERVICES, { metadata: { namespace, name }, spec }));
  const webhook = {
    name: 'config.rf.example',
    clientConfig: { service: { namespace, name, port } },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    failurePolicy: 'Fail',
    timeoutSeconds: 5,
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  };
  const second = { ...webhook, name: 'second.rf.example' };
  await must(api.create(MUTATING_WEBHOOKS, { metadata: { name: FULLNAME }, webhooks: [webhook, second] }));
}

async function liveBundles(): Promise<string[]> {
  const live = await must(api.get(MUTATING_WEBHOOKS, { name: FULLNAME }));
  const webhooks = live['webhooks'] as { clientConfig: { caBundle?: string } }[];
  return webhooks.map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString());
}

async function secretText(namespace: string, name: string, key: string): Promise<string> {
  const got = await api.get(SECRETS, { namespace, name });
  return got.ok ? textOf(got.value, key) : '';
}

/** Whether the API server reaches the webhook: with failurePolicy Fail nothing is created otherwise. */
async function createThrough(namespace: string, name: string): Promise<string> {
  const created = await api.create(CONFIG_MAPS, { metadata: { namespace, name } });
  if (!created.ok) return created.error.message;
  await api.remove(CONFIG_MAPS, { namespace, name });
  return 'ok';
}

describe('Certificates on a real API server', () => {
  it('rotates twice under clients that shake hands all the time, and none ever fails', async () => {
    const namespace = 'rotating';
    await makeNamespace(namespace);
    const standIn = await WebhookStandIn.start(informers, namespace, `${FULLNAME}-webhook-tls`);
    stops.push(() => standIn.close());
    await install(namespace, standIn.port);
    const lives = { caMs: 28 * SECOND, servingMs: 9 * SECOND, skewMs: 2 * SECOND, settleMs: 1 * SECOND };
    start(namespace, lives);
    const servername = webhookNames({ fullname: FULLNAME, namespace })[0] ?? '';
    const askAll = async (): Promise<string[]> => {
      const [bundle = ''] = await liveBundles();
      const hands = await shakeHands(standIn.port, servername, bundle);
      return [hands, await createThrough(namespace, 'probe')];
    };
    // Another API server, whose watch brings the configuration late.
    const askLate = async (): Promise<string[]> => {
      const read = performance.now();
      const [bundle = ''] = await liveBundles();
      await wait(lives.settleMs / 2);
      const answer = await shakeHands(standIn.port, servername, bundle);
      // Later than is promised, because this machine was held up: that says nothing.
      return performance.now() - read < lives.settleMs ? [answer] : [];
    };
    await vi.waitFor(async () => expect(await askAll()).toEqual(['ok', 'ok']), { timeout: 30 * SECOND });
    const authorities = new Set<string>();
    const failures: string[] = [];
    let handshakes = 0;
    const end = Date.now() + 44 * SECOND;
    const keepAsking = async (ask: () => Promise<string[]>): Promise<void> => {
      while (Date.now() < end) {
        const answers = await ask();
        failures.push(...answers.filter((answer) => answer !== 'ok'));
        handshakes += answers.length;
        authorities.add(await secretText(namespace, `${FULLNAME}-webhook-ca`, 'ca.crt'));
        await wait(10);
      }
    };
    await Promise.all([askAll, askLate, askLate, askLate].map(keepAsking));
    expect(failures).toEqual([]);
    expect(handshakes).toBeGreaterThan(100);
    expect(standIn.reviews).toBeGreaterThan(100);
    expect(authorities.size).toBeGreaterThanOrEqual(3);
    expect(new Set(standIn.serials).size).toBeGreaterThanOrEqual(5);
    expect(said.filter((text) => text.startsWith('failed'))).toEqual([]);
    // What has expired has left the bundle.
    const [bundle = ''] = await liveBundles();
    expect(bundle.match(/BEGIN CERTIFICATE/g)?.length).toBeLessThanOrEqual(3);
  });

  it('repairs a bundle and secrets that people take away, and the API server reaches the webhook again', async () => {
    const namespace = 'repairing';
    await makeNamespace(namespace);
    const standIn = await WebhookStandIn.start(informers, namespace, `${FULLNAME}-webhook-tls`);
    stops.push(() => standIn.close());
    await install(namespace, standIn.port);
    start(namespace, CERTIFICATE_LIVES);
    const isReached = (): Promise<void> =>
      vi.waitFor(async () => expect(await createThrough(namespace, 'probe')).toBe('ok'), {
        timeout: 30 * SECOND,
        interval: 100,
      });
    await isReached();
    const before = await liveBundles();
    expect(new Set(before).size).toBe(1);
    const remove = (index: number) =>
      ({ op: 'remove', path: `/webhooks/${index}/clientConfig/caBundle` }) as const;
    await must(api.patch(MUTATING_WEBHOOKS, { name: FULLNAME }, [remove(0), remove(1)]));
    await vi.waitFor(async () => expect(await liveBundles()).toEqual(before), { timeout: 30 * SECOND });
    const ca = { namespace, name: `${FULLNAME}-webhook-ca` };
    await must(api.remove(SECRETS, ca));
    await vi.waitFor(
      async () => {
        const [bundle = ''] = await liveBundles();
        expect(bundle).not.toBe(before[0]);
        expect(bundle).toContain(before[0]);
      },
      { timeout: 30 * SECOND },
    );
    await isReached();
    await must(api.remove(SECRETS, { namespace, name: `${FULLNAME}-webhook-tls` }));
    await vi.waitFor(
      async () => expect(await secretText(namespace, `${FULLNAME}-webhook-tls`, 'tls.crt')).not.toBe(''),
      { timeout: 30 * SECOND },
    );
    await isReached();
    expect(said.filter((text) => text.startsWith('failed'))).toEqual([]);
  });

  it('goes on after the API server was away', async () => {
    const namespace = 'restarting';
    await makeNamespace(namespace);
    start(namespace, CERTIFICATE_LIVES);
    const serving = (): Promise<string> => secretText(namespace, `${FULLNAME}-webhook-tls`, 'tls.crt');
    await vi.waitFor(async () => expect(await serving()).not.toBe(''), { timeout: 30 * SECOND });
    await controlPlane.restartApiServer();
    await must(api.remove(SECRETS, { namespace, name: `${FULLNAME}-webhook-tls` }));
    await vi.waitFor(async () => expect(await serving()).not.toBe(''), { timeout: 90 * SECOND });
  });
});
