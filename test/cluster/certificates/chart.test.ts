// Certificates with the chart's own rights: what the controller's account may do is enough, and helm leaves alone what it has made.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { chart as chartFolder } from '../../../deploy/artifacts.ts';
import { issueCa, issueServing } from '../../../src/certificates/issue.ts';
import { Certificates } from '../../../src/controller/certificates.ts';
import { WebhookBundle } from '../../../src/controller/webhook-bundle.ts';
import { CERTIFICATE_LIVES } from '../../../src/domain/certificate-plan.ts';
import { KubernetesApi } from '../../../src/kubernetes/api.ts';
import { openConnection } from '../../../src/kubernetes/connection.ts';
import type { Connection } from '../../../src/kubernetes/connection.ts';
import { KubernetesInformers } from '../../../src/kubernetes/informers.ts';
import { writeKubeconfig } from '../../lab/kubeconfig.ts';
import { account, install, InstalledChart } from '../rights/installed-chart.ts';

const SECOND = 1_000;
const folder = mkdtempSync(path.join(tmpdir(), 'certificates-'));

let chart: InstalledChart;
let connection: Connection | undefined;

beforeAll(async () => {
  chart = await InstalledChart.start();
  await chart.install();
});
afterAll(async () => {
  connection?.close();
  await chart.stop();
  rmSync(folder, { recursive: true });
});

/** As the pod's token would be. */
async function connectAsController(): Promise<Connection> {
  const { body } = await chart.expectDone({
    method: 'POST',
    path: `/api/v1/namespaces/${install.namespace}/serviceaccounts/${account.controller}/token`,
    body: { spec: { expirationSeconds: 3_600 } },
  });
  const { token } = (body as { status: { token: string } }).status;
  const kubeconfig = path.join(folder, 'kubeconfig');
  writeKubeconfig(kubeconfig, { server: chart.plane.server, caPem: chart.plane.caPem, token });
  const opened = await openConnection({ kubeconfig });
  if (!opened.ok) throw new Error(JSON.stringify(opened.error));
  return opened.value;
}

async function liveBundles(): Promise<(string | undefined)[]> {
  const { body } = await chart.expectDone({
    method: 'GET',
    path: `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${install.fullname}`,
  });
  const { webhooks } = body as { webhooks: { clientConfig: { caBundle?: string } }[] };
  return webhooks.map(({ clientConfig }) => clientConfig.caBundle);
}

async function versions(): Promise<(string | undefined)[]> {
  const found = await Promise.all(
    ['ca', 'tls'].map((suffix) =>
      chart.as('admin', {
        method: 'GET',
        path: `/api/v1/namespaces/${install.namespace}/secrets/${install.fullname}-webhook-${suffix}`,
      }),
    ),
  );
  return found.map(
    ({ body }) => (body as { metadata: { resourceVersion?: string } }).metadata.resourceVersion,
  );
}

it('makes and keeps certificates with the rights of the controller in the chart', async () => {
  connection = await connectAsController();
  const api = new KubernetesApi({ connection, fieldManager: 'registry-failover' });
  const informers = new KubernetesInformers({ api, connection });
  const said: string[] = [];
  const reports = {
    done: (text: string) => said.push(text),
    failed: (text: string) => said.push(`failed: ${text}`),
  };
  const elapsed = (): number => performance.now();
  const common = { api, informers, reports, random: Math.random };
  const bundle = new WebhookBundle({ ...common, name: install.fullname, now: elapsed });
  const certificates = new Certificates({
    ...common,
    issuer: { issueCa, issueServing },
    bundle,
    install,
    lives: CERTIFICATE_LIVES,
    meter: { expires: () => {} },
    clock: { now: () => Date.now(), elapsed },
  });
  const controller = new AbortController();
  const running = [bundle.start(controller.signal), certificates.start(controller.signal)];
  await vi.waitFor(
    async () => {
      expect(await liveBundles()).not.toContain(undefined);
      expect(await versions()).not.toContain(undefined);
    },
    { timeout: 60 * SECOND, interval: 100 },
  );
  // An upgrade that changes something, while nobody repairs anything.
  controller.abort();
  await Promise.all(running);
  const [before, bundles] = [await versions(), await liveBundles()];
  const place = ['--namespace', install.namespace];
  await chart.run('helm', [
    'upgrade',
    install.fullname,
    chartFolder,
    ...place,
    '--set',
    'webhook.replicas=3',
  ]);
  expect(await versions()).toEqual(before);
  expect(await liveBundles()).toEqual(bundles);
  expect(said.filter((text) => text.startsWith('failed'))).toEqual([]);
});
