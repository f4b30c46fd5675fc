// What the pod of `helm test` finds out: its own script, run against real servers that answer well and badly.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { issueCa, issueServing, validFor, type CertificateAndKey } from '../../src/certificates/issue.ts';
import { AdmissionServer, type AdmissionHandler } from '../../src/http/admission-server.ts';
import { createOpsServer } from '../../src/http/ops-server.ts';
import { only } from './kubernetes-schema.ts';
import { renderWith } from './values.ts';

const [container] = only(renderWith({}), 'Pod')['spec'].containers;
const serving: AdmissionHandler = { admit: () => ({ patch: [], warnings: [] }) };
const name = 'registry-failover-webhook.registry-failover.svc';

let ca: CertificateAndKey;
beforeAll(async () => {
  ca = await issueCa({ name: 'test', validity: validFor(1, new Date()) });
});

const open: { close(): Promise<unknown> }[] = [];
afterEach(() => Promise.all(open.splice(0).map((each) => each.close())));

interface Faults {
  readonly webhook?: readonly string[];
  readonly controller?: readonly string[];
  readonly names?: readonly string[];
  readonly handler?: AdmissionHandler;
  /** Of what the API server would check against; the CA when absent. */
  readonly bundle?: string;
}

async function portOf(app: Pick<FastifyInstance, 'listen' | 'close' | 'server'>): Promise<string> {
  open.push(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  return String((app.server.address() as AddressInfo).port);
}

const ops = (reasons: readonly string[]): FastifyInstance =>
  createOpsServer({
    notReady: () => reasons,
    metrics: () => Promise.resolve(''),
    metricsContentType: 'text/plain',
  });

/** Runs the container's command with the environment that a kubelet would give it. */
async function runTest(faults: Faults): Promise<{ code: number; said: string }> {
  const names = faults.names ?? [name];
  const { certificatePem, keyPem } = await issueServing(ca, { names, validity: validFor(1, new Date()) });
  const server = new AdmissionServer({
    cert: certificatePem,
    key: keyPem,
    handler: faults.handler ?? serving,
    onRefused: () => {},
  });
  const [program = '', ...args]: string[] = [...container.command, ...container.args];
  expect(program).toBe('node');
  const child = spawn(process.execPath, args, {
    env: {
      WEBHOOK_HOST: '127.0.0.1',
      WEBHOOK_PORT: await portOf(server.app),
      WEBHOOK_OPS_PORT: await portOf(ops(faults.webhook ?? [])),
      WEBHOOK_NAME: container.env.find((one: { name: string }) => one.name === 'WEBHOOK_NAME').value,
      CONTROLLER_HOST: '127.0.0.1',
      CONTROLLER_OPS_PORT: await portOf(ops(faults.controller ?? [])),
      CA_BUNDLE: Buffer.from(faults.bundle ?? ca.certificatePem).toString('base64'),
    },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = (await once(child, 'close')) as [number];
  return { code, said };
}

describe('helm test', () => {
  it('passes when both are ready and an AdmissionReview is answered', async () => {
    const { code, said } = await runTest({});
    expect(said).toBe(
      'the webhook is ready\nthe controller is ready\nan AdmissionReview is answered: admitted\n',
    );
    expect(code).toBe(0);
  });

  it('has no variable that the pod does not set', () => {
    const used: string[] = container.args[0].match(/\b[A-Z]+(?:_[A-Z]+)+\b/g);
    const set: string[] = container.env.map((one: { name: string }) => one.name);
    expect(new Set(used)).toEqual(new Set([...set, 'CA_BUNDLE']));
  });

  it.each<[string, Faults, RegExp]>([
    [
      'the webhook is not ready',
      { webhook: ['no certificate yet'] },
      /the webhook says: .*no certificate yet/,
    ],
    ['the controller is not ready', { controller: ['draining'] }, /the controller says: .*draining/],
    ['the certificate is for another name', { names: ['other.svc'] }, /failed: .*altnames/],
  ])('fails when %s', async (_name, faults, message) => {
    const { code, said } = await runTest(faults);
    expect(said).toMatch(message);
    expect(code).toBe(1);
  });

  it('fails when the certificate is not from the CA that the API server checks', async () => {
    const other = await issueCa({ name: 'other', validity: validFor(1, new Date()) });
    const { code, said } = await runTest({ bundle: other.certificatePem });
    expect(said).toMatch(/failed: .*(certificate|signature)/);
    expect(code).toBe(1);
  });

  it('fails when no answer comes', async () => {
    const { code, said } = await runTest({ handler: { admit: () => new Promise(() => {}) } });
    expect(said).toContain('no answer to an AdmissionReview within 5 s');
    expect(code).toBe(1);
  }, 15_000);
});
