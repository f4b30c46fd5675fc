// The demo's API server against the real admission server: what it sends, what it verifies, what it makes of a bad answer.
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { AdmissionRequest } from '../../src/admission/review.ts';
import { issueCa, issueServing, validFor } from '../../src/certificates/issue.ts';
import { ApiServer } from '../../src/demo/api-server.ts';
import { replicaPod } from '../../src/demo/replica-pod.ts';
import { AdmissionServer } from '../../src/http/admission-server.ts';
import type { AdmissionHandler } from '../../src/http/admission-server.ts';

const NAME = 'registry-failover.registry-failover.svc';
const POD = replicaPod({ app: 'web', image: 'fra/web:1', pullSecrets: ['mine'] });
const ends: (() => Promise<void> | void)[] = [];

async function open(
  handler: AdmissionHandler,
  over: { readonly serviceName?: string; readonly foreignCa?: boolean } = {},
): Promise<{ readonly api: ApiServer; readonly connections: () => number }> {
  const validity = validFor(1, new Date());
  const ca = await issueCa({ name: 'webhook CA', validity });
  const trusted = over.foreignCa === true ? await issueCa({ name: 'another CA', validity }) : ca;
  const { certificatePem: cert, keyPem: key } = await issueServing(ca, { names: [NAME], validity });
  const server = new AdmissionServer({ cert, key, handler, onRefused: () => undefined });
  let seen = 0;
  server.app.server.on('secureConnection', () => (seen += 1));
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  const { address, port } = server.app.server.address() as AddressInfo;
  const api = new ApiServer({
    address,
    port,
    serviceName: over.serviceName ?? NAME,
    caPem: trusted.certificatePem,
  });
  ends.push(
    () => api.close(),
    () => server.close(0),
  );
  return { api, connections: () => seen };
}

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

describe('ApiServer', () => {
  it('sends the creation of a pod as a whole review, with its time-out, over one kept connection', async () => {
    const requests: (readonly [AdmissionRequest, number | undefined])[] = [];
    const { api, connections } = await open({
      admit: (request, timeoutMs) => {
        requests.push([request, timeoutMs]);
        const patch = [{ op: 'replace', path: '/spec/containers/0/image', value: 'ams/web:1' }] as const;
        return { patch, warnings: ['moved'] };
      },
    });
    const first = await api.review(POD);
    await api.review(POD);
    expect(first).toMatchObject({ allowed: true, failure: undefined, warnings: ['moved'] });
    expect(first.patch).toEqual([{ op: 'replace', path: '/spec/containers/0/image', value: 'ams/web:1' }]);
    expect(connections()).toBe(1);
    const [request, timeoutMs] = requests[0]!;
    expect(timeoutMs).toBe(3000);
    expect(request).toMatchObject({
      uid: first.uid,
      namespace: 'shop',
      resource: 'pods',
      operation: 'CREATE',
      requester: 'system:serviceaccount:kube-system:replicaset-controller',
      object: { kind: 'Pod', metadata: { generateName: expect.stringMatching(/^web-[a-z0-9]{10}-$/) } },
    });
    expect(new Set(requests.map(([each]) => each.uid)).size).toBe(2);
  });

  it.each([
    ['a CA that it does not know', { foreignCa: true }, /certificate/],
    ['a name that is not the Service’s', { serviceName: 'somebody-else.svc' }, /altnames/],
  ])('does not talk to a webhook with %s', async (_, over, failure) => {
    let asked = false;
    const admit = (): { patch: []; warnings: [] } => {
      asked = true;
      return { patch: [], warnings: [] };
    };
    const { api } = await open({ admit }, over);
    expect((await api.review(POD)).failure).toMatch(failure);
    expect(asked).toBe(false);
  });

  it('admits the pod as it is when the webhook fails', async () => {
    const { api } = await open({ admit: () => Promise.reject(new Error('boom')) });
    expect(await api.review(POD)).toMatchObject({
      allowed: true,
      patch: [],
      failure: 'the webhook answered 400',
    });
  });
});
