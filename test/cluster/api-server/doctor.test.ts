// Doctor at a real API server: the chart installed by helm, the real controller beside it; everything is well, then one thing after another is not.
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTool } from '../../../deploy/tools.ts';
import type { DoctorCheck } from '../../../src/explain/doctor/doctor-check.ts';
import { waitFor } from '../../lab/wait.ts';
import { install, InstalledChart } from '../rights/installed-chart.ts';

const MAIN = 'src/main.ts';
const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
const CONFIGURATION = `${ADMISSION}/mutatingwebhookconfigurations/${install.fullname}`;

let chart: InstalledChart;
let controller: ChildProcess | undefined;

interface DoctorRun {
  readonly exit: number;
  readonly text: string;
  readonly checks: readonly DoctorCheck[];
}

async function doctor(...args: readonly string[]): Promise<DoctorRun> {
  const format = args.includes('text') ? [] : ['-o', 'json'];
  return await new Promise((resolve, reject) => {
    const all = [MAIN, 'doctor', '--kubeconfig', chart.plane.kubeconfig, ...format, ...args];
    execFile(process.execPath, all, { maxBuffer: 1 << 24, timeout: 60_000 }, (error, stdout, stderr) => {
      const exit = typeof error?.code === 'number' ? error.code : 0;
      if (error !== null && exit === 0) return reject(error);
      if (stderr !== '') return reject(new Error(stderr));
      const checks = format.length === 0 ? [] : (JSON.parse(stdout) as { checks: DoctorCheck[] }).checks;
      resolve({ exit, text: stdout, checks });
    });
  });
}

function of(run: DoctorRun, check: string): readonly string[] {
  return run.checks.filter((each) => each.check === check).map(({ result }) => result);
}

function messages(run: DoctorRun, result: string): readonly string[] {
  return run.checks
    .filter((each) => each.result === result)
    .map(({ check, message }) => `${check}: ${message}`);
}

async function kubectl(...args: readonly string[]): Promise<string> {
  return await chart.run('kubectl', args);
}

async function apply(...objects: readonly object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  await chart.run('kubectl', ['apply', '-f', '-'], JSON.stringify(list));
}

/** As the endpoint slice controller would write it if pods ran. */
const slice = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name: 'webhook-by-hand',
    namespace: install.namespace,
    labels: {
      'kubernetes.io/service-name': `${install.fullname}-webhook`,
      'endpointslice.kubernetes.io/managed-by': 'test',
    },
  },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: true } }],
  ports: [{ name: 'https', port: 8443, protocol: 'TCP' }],
};

const set = {
  apiVersion: 'registry-failover.io/v1alpha1',
  kind: 'RegistryMirrorSet',
  metadata: { name: 'team' },
  spec: {
    upstream: { prefix: 'upstream.invalid/team' },
    mirrors: [{ endpoint: 'mirror.invalid/team', credential: { source: 'SameAsUpstream' } }],
  },
};

function pullSecret(name: string, config: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'shop' },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(config).toString('base64') },
  };
}

const LOGIN = JSON.stringify({ auths: { 'upstream.invalid': { username: 'u', password: 'p' } } });

async function startController(): Promise<void> {
  const flags = [
    '--kubeconfig',
    chart.plane.kubeconfig,
    '--ops-listen',
    '127.0.0.1:0',
    '--log-level',
    'error',
  ];
  controller = spawn(process.execPath, [MAIN, 'controller', ...flags], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await waitFor('the derived secret and the status', 120_000, async () => {
    const secrets = await kubectl('get', 'secrets', '-n', 'shop', '-o', 'name');
    const status = await kubectl(
      'get',
      'registrymirrorset',
      'team',
      '-o',
      'jsonpath={.status.conditions[*].reason}',
    );
    return secrets.includes('registry-failover-from-regcred') && status.includes('Ready');
  });
}

async function stopController(): Promise<void> {
  if (controller === undefined) return;
  const ended = once(controller, 'exit');
  controller.kill('SIGTERM');
  await ended;
  controller = undefined;
}

beforeAll(async () => {
  chart = await InstalledChart.start();
  await chart.install();
});

afterAll(async () => {
  await stopController();
  await chart?.stop();
});

describe('doctor', () => {
  it('says of a fresh installation what is missing', async () => {
    const run = await doctor();
    expect(run.exit).toBe(1);
    expect(of(run, 'mirror-sets')).toEqual(['error']);
    expect(of(run, 'namespaces')).toEqual(['error']);
    expect(of(run, 'leader')).toEqual(['error']);
    expect(of(run, 'webhook-configuration')).toEqual(['ok']);
    expect(of(run, 'webhook-service')).toEqual(['error']);
    expect(of(run, 'webhook-ca')).toEqual(['error']);
    expect(of(run, 'rights')).toEqual(['ok']);
    expect(of(run, 'clock')).toEqual(['ok']);
  });

  it('finds nothing wrong where everything is well', async () => {
    await chart.makeNamespace('shop', { 'registry-failover.io/enabled': 'true' });
    await apply(set, slice, pullSecret('regcred', LOGIN));
    await startController();
    // The certificate, its CA in the configuration and the look at the upstream come in no order of their own.
    let run = await doctor();
    await waitFor('all to be well', 60_000, async () => {
      run = await doctor();
      return run.exit === 0 && messages(run, 'warning').some((each) => each.includes('UpstreamAvailable'));
    }).catch(() => undefined);
    expect(messages(run, 'error')).toEqual([]);
    expect(messages(run, 'unknown')).toEqual([]);
    expect(run.exit).toBe(0);
    // Neither registry exists, which is an outage and no fault of the installation.
    expect(messages(run, 'warning')).toEqual([expect.stringContaining('UpstreamAvailable')]);
    const well = run.checks.filter(({ result }) => result === 'ok').map(({ check }) => check);
    expect(well.toSorted()).toEqual([
      'clock',
      'derived-secrets',
      'leader',
      'namespaces',
      'pods-seen',
      'policies',
      'rights',
      'webhook-ca',
      'webhook-certificate',
      'webhook-configuration',
      'webhook-service',
    ]);
  });

  it('stores nothing', async () => {
    const before = await kubectl('get', 'pods', '-A', '-o', 'name');
    await doctor();
    expect(await kubectl('get', 'pods', '-A', '-o', 'name')).toBe(before);
  });

  it('tells of pods that were not seen', async () => {
    // Created while nothing answers at the Service's address, so that the API server passes the webhook by. One that comes
    // right after the opt-in is none to wonder about, so there is another one with each look.
    let pods = 0;
    await waitFor('a pod that came well after the opt-in', 120_000, async () => {
      pods += 1;
      await kubectl(
        'run',
        `unseen-${pods}`,
        '-n',
        'shop',
        '--labels=test=unseen',
        '--image=upstream.invalid/team/app:1',
      );
      return of(await doctor(), 'pods-seen')[0] === 'error';
    });
    const [said] = messages(await doctor(), 'error').filter((each) => each.startsWith('pods-seen'));
    expect(said).toContain('shop/unseen');
    await kubectl('delete', 'pods', '-n', 'shop', '-l', 'test=unseen', '--now');
  });

  it('tells of a policy that refuses a pod that was pointed at a mirror', async () => {
    const expression = "object.spec.containers.all(c, !c.image.startsWith('mirror.invalid/'))";
    const policy = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: 'our-registry-only' },
      spec: {
        matchConstraints: {
          resourceRules: [
            { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
          ],
        },
        validations: [{ expression, message: 'images come from our own registry only' }],
      },
    };
    const binding = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: 'our-registry-only' },
      spec: { policyName: 'our-registry-only', validationActions: ['Deny'] },
    };
    await apply(policy, binding);
    await waitFor('the policy to be in force', 60_000, async () =>
      of(await doctor(), 'policies').includes('error'),
    );
    const run = await doctor();
    expect(run.exit).toBe(1);
    expect(messages(run, 'error')).toEqual([
      expect.stringContaining('images come from our own registry only'),
    ]);
    await kubectl(
      'delete',
      'validatingadmissionpolicybinding,validatingadmissionpolicy',
      'our-registry-only',
    );
  });

  it('tells of a pull secret that the kubelet cannot read, and shows nothing of it', async () => {
    await apply(pullSecret('broken', '{"auths":{"upstream.invalid":{"auth":"!!hunter2!!"}}}'));
    const run = await doctor();
    expect(of(run, 'derived-secrets')).toEqual(['error']);
    expect(run.text).not.toContain('hunter2');
    await kubectl('delete', 'secret', '-n', 'shop', 'broken');
  });

  it('tells of a controller that does not lead, and of rights and secrets that are gone', async () => {
    await stopController();
    await kubectl('delete', 'rolebinding', '-n', 'shop', `${install.fullname}-webhook`);
    await kubectl('delete', 'secret', '-n', 'shop', 'registry-failover-from-regcred');
    const run = await doctor();
    const errors = messages(run, 'error');
    expect(errors).toEqual(
      expect.arrayContaining([
        expect.stringContaining('no controller leads'),
        expect.stringContaining('webhook: get secrets in shop'),
        expect.stringContaining('registry-failover-from-regcred'),
      ]),
    );
    expect(run.exit).toBe(1);
  });

  it('tells of a certificate that nobody trusts, and of a Service with nothing behind', async () => {
    const other = await kubectl(
      'get',
      'configmap',
      '-n',
      'shop',
      'kube-root-ca.crt',
      '-o',
      'jsonpath={.data.ca\\.crt}',
    );
    const value = Buffer.from(other).toString('base64');
    await chart.expectDone({
      method: 'PATCH',
      path: CONFIGURATION,
      patch: 'json',
      body: [{ op: 'replace', path: '/webhooks/0/clientConfig/caBundle', value }],
    });
    await kubectl('delete', 'endpointslice', '-n', install.namespace, 'webhook-by-hand');
    const run = await doctor();
    expect(of(run, 'webhook-ca')).toEqual(['ok']);
    expect(of(run, 'webhook-certificate')).toEqual(['error']);
    expect(messages(run, 'error').join('\n')).toContain('is signed by none of the CAs in caBundle');
    expect(of(run, 'webhook-service')).toEqual(['error']);
  });

  it('tells people in words, each fault with what to do', async () => {
    const run = await doctor('-o', 'text');
    expect(run.exit).toBe(1);
    expect(run.text).toContain('WRONG  no controller leads');
    expect(run.text).toMatch(/→ Look at: kubectl -n registry-failover get pods/);
    expect(Math.max(...run.text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(200);
  });

  it('does not take what it may not read for well', async () => {
    await apply({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'nobody', namespace: 'shop' },
    });
    const token = (await kubectl('create', 'token', '-n', 'shop', 'nobody')).trim();
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'x',
      contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
      users: [{ name: 'x', user: { token } }],
      clusters: [
        {
          name: 'x',
          cluster: {
            server: chart.plane.server,
            'certificate-authority-data': Buffer.from(chart.plane.caPem).toString('base64'),
          },
        },
      ],
    };
    const { mkdtemp, rm, writeFile } = await import('node:fs/promises');
    const folder = await mkdtemp('/tmp/doctor-');
    await writeFile(`${folder}/config`, JSON.stringify(config));
    const run = await doctor('--kubeconfig', `${folder}/config`);
    await rm(folder, { recursive: true });
    expect(run.exit).toBe(3);
    expect(messages(run, 'error')).toEqual([]);
    expect(messages(run, 'unknown').length).toBeGreaterThan(4);
  });
});

// The tool must be there before anything is started.
findTool('kubectl');
