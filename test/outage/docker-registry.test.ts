// The webhook over TLS in front of two real registry servers with different credentials: one of them dies.
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Credential } from '../../src/domain/credential.ts';
import { AdmissionServer } from '../../src/http/admission-server.ts';
import { makeRequest } from '../support/admission.ts';
import { DockerRegistry, whyNoDockerRegistry } from '../support/docker-registry.ts';
import { makePod } from '../support/make.ts';
import { AMS, FRA, pairSet, startEngine } from '../support/outage.ts';
import type { OutageBench, Places } from '../support/outage.ts';
import { testCa } from '../support/tls.ts';

const skipped = whyNoDockerRegistry();
const because = skipped === undefined ? '' : ` (skipped: ${skipped})`;
// bcrypt, cost 4, of the two passwords.
const HTPASSWD = {
  fra: 'fra-robot:$2y$04$9LMOLoyKB/fbi/.IeGF3Juotv2kugAzLsjuY4LxBjxQ3ki1NRKHUS',
  ams: 'ams-robot:$2y$04$IM84B8b2zlnWDYtZjV2fHuajaRU9gMG.APM6b.AyKYt1EBKYj77BK',
};

type Decided = { readonly op: string; readonly path: string; readonly value: unknown }[];

describe.skipIf(skipped !== undefined)(`the webhook in front of real registries${because}`, () => {
  let fra: DockerRegistry;
  let ams: DockerRegistry;
  let places: Places;
  let bench: OutageBench;
  let server: AdmissionServer;

  beforeAll(async () => {
    const start = async (name: string, address: string, line: string, login: typeof FRA) => {
      const registry = await DockerRegistry.start({ name, address, auth: { kind: 'htpasswd', line } });
      await registry.push('team/app', '1.0', `Basic ${new Credential(login).basic()}`);
      return registry;
    };
    [fra, ams] = await Promise.all([
      start('fra.registry.test', '127.0.13.1', HTPASSWD.fra, FRA),
      start('ams.registry.test', '127.0.13.2', HTPASSWD.ams, AMS),
    ]);
    const at = ({ name, address, port, trust }: DockerRegistry) => ({
      address,
      trust,
      hostPort: `${name}:${port}`,
    });
    places = { fra: at(fra), ams: at(ams) };
    const times = { probeTimeoutMs: 1000, budgetMs: 1500, hedgeMs: 200 };
    bench = startEngine(places, [pairSet(places)], { times });
    const { certPem, keyPem } = await (await testCa()).issue({ names: ['127.0.0.1'] });
    const handler = bench.engine.admission;
    server = new AdmissionServer({ cert: certPem, key: keyPem, handler, onRefused: () => {} });
    await server.app.listen({ host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await server.close(0);
    await bench.engine.close();
    await ams.stop();
  });

  async function admit(): Promise<Decided> {
    const pod = makePod([`${places.fra.hostPort}/team/app:1.0`], { pullSecrets: ['fra-pull'] });
    const { object, ...rest } = makeRequest(pod);
    const review = {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: { ...rest, object, resource: { group: '', version: 'v1', resource: 'pods' } },
    };
    const { port } = server.app.server.address() as AddressInfo;
    const ca = (await testCa()).pem;
    const url = `https://127.0.0.1:${port}/mutate?timeout=3s`;
    const text = await new Promise<string>((resolve, reject) => {
      const asked = request(url, { method: 'POST', ca, agent: new Agent() }, (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        answer.once('end', () => resolve(body));
      });
      asked.once('error', reject).end(JSON.stringify(review));
    });
    const { response } = JSON.parse(text) as { response: { allowed: boolean; patch: string } };
    expect(response.allowed).toBe(true);
    return JSON.parse(Buffer.from(response.patch, 'base64').toString('utf8')) as Decided;
  }

  it('keeps the image while the upstream serves it, and takes it from the mirror once it is gone', async () => {
    expect((await admit()).map(({ path }) => path)).not.toContain('/spec/containers/0/image');
    expect(bench.records.at(-1)?.reason).toBe('upstream-available');
    await fra.stop();
    // What was known of the image is served for a while yet: the background notices, as it does in the product.
    bench.engine.health.observe(pairSet(places).upstream, { kind: 'connection-failed', detail: 'gone' });
    expect(await admit()).toContainEqual({
      op: 'replace',
      path: '/spec/containers/0/image',
      value: `${places.ams.hostPort}/team/app:1.0`,
    });
    expect(bench.records.at(-1)).toMatchObject({ reason: 'upstream-unreachable', digest: 'verified' });
  });
});
