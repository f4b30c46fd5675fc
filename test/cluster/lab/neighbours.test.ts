// Another mutating webhook beside ours: what it adds is judged as well, whether it is called before us or after.
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueCa, issueServing, validFor } from '../../../src/certificates/issue.ts';
import { PARK_NETWORK } from '../../lab/network.ts';
import { AMS, FRA } from '../../lab/registries/records.ts';
import { Stage, decisionOf, unique, waitFor } from './stage.ts';

let stage: Stage;
let namespace: string;
let server: Server;
let caPem: string;
let image: string;
let calls = 0;

/** Adds a container to every pod that has none of that name, as meshes do. */
function answer(body: string, sidecar: string): string {
  const { request } = JSON.parse(body) as {
    readonly request: { readonly uid: string; readonly object: { spec: { containers: { name: string }[] } } };
  };
  const isThere = request.object.spec.containers.some((container) => container.name === 'mesh');
  const operations = [{ op: 'add', path: '/spec/containers/-', value: { name: 'mesh', image: sidecar } }];
  const patch = Buffer.from(JSON.stringify(isThere ? [] : operations)).toString('base64');
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: { uid: request.uid, allowed: true, patchType: 'JSONPatch', patch },
  });
}

beforeAll(async () => {
  stage = new Stage();
  namespace = await stage.open('neighbours');
  image = await stage.image(FRA, AMS);
  const validity = validFor(2, new Date());
  const ca = await issueCa({ name: 'neighbour', validity });
  const serving = await issueServing(ca, { names: [PARK_NETWORK.gateway], validity });
  caPem = ca.certificatePem;
  server = createServer({ cert: serving.certificatePem, key: serving.keyPem }, (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.once('end', () => {
      calls += 1;
      response.setHeader('content-type', 'application/json');
      response.end(answer(body, `${FRA}/team/side:v1`));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, PARK_NETWORK.gateway, resolve);
  });
});
afterAll(async () => {
  server.close();
  await stage.close();
});

/** `a…` is called before `registry-failover`, `z…` after: the API server goes by the names of the configurations. */
describe.each([
  ['before ours', 'a-neighbour'],
  ['after ours', 'z-neighbour'],
])('a webhook that is called %s', (_when, name) => {
  beforeAll(async () => {
    const { port } = server.address() as AddressInfo;
    await stage.apply({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name },
      webhooks: [
        {
          name: 'mesh.neighbour.test',
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Fail',
          clientConfig: {
            url: `https://${PARK_NETWORK.gateway}:${port}/`,
            caBundle: Buffer.from(caPem).toString('base64'),
          },
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
        },
      ],
    });
    // A new configuration is in force about a second after it was made.
    await waitFor('the neighbour to be called', 20_000, async () => {
      const judged = await stage.judge(namespace, [`${FRA}/${image}`]);
      return judged.spec.containers.some((container) => container.name === 'mesh');
    });
    await stage.waitJudged(namespace, `${FRA}/${image}`, 'upstream-available');
  });
  afterAll(async () => {
    await stage.kubectl('delete', 'mutatingwebhookconfiguration', name);
  });

  it('its sidecar is judged and moved with the rest, once', async () => {
    try {
      await stage.stopped(namespace, FRA, image);
      const pod = unique('meshed');
      const before = calls;
      await stage.apply(stage.podManifest(namespace, pod, 'crio', [`${FRA}/${image}`]));
      expect(calls - before).toBe(1);
      const live = await stage.waitRunning(namespace, pod);
      expect(live.spec.containers.map((one) => one.image)).toEqual([
        `${AMS}/${image}`,
        `${AMS}/team/side:v1`,
      ]);
      expect(Object.keys(decisionOf(live))).toEqual(['containers/c0', 'containers/mesh']);
      const secrets = live.spec.imagePullSecrets?.map((one) => one.name);
      expect(secrets).toEqual(['upstream', 'registry-failover-set-fra']);
    } finally {
      await stage.lab.registries.reset();
    }
  });
});
