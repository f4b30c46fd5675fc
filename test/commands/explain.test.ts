// Explain: the real command line on real registries over TLS: what it says, its exit codes, and what it never says.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stripVTControlCharacters } from 'node:util';
import { parse } from 'yaml';
import type { ExplainView, PodView } from '../../src/explain/view.ts';
import type { MisbehavingRegistry } from '../support/misbehaving-registry.ts';
import { digestOfText, indexManifest } from '../support/misbehaving-registry.ts';
import {
  CA_BUNDLE,
  ExplainLab,
  caManifest,
  dockerConfig,
  mirrorSet,
  namespaceManifest,
  podManifest,
  pullSecret,
  runCli,
  stream,
} from './explain-lab.ts';
import type { CliRun } from './explain-lab.ts';

const ALICE = { username: 'alice', password: 'alice-has-a-secret' };
const ROBOT = { username: 'robot', password: 'robot-has-a-secret' };
const IMAGE = indexManifest();
const OTHER_BUILD = indexManifest(['linux/amd64'], 'other');

let lab: ExplainLab;
let upstream: MisbehavingRegistry;
let mirror: MisbehavingRegistry;
let granted: MisbehavingRegistry;
let manifests: string;
const runs: CliRun[] = [];

/** Explains manifests from standard input. */
async function explain(manifest: string, ...args: readonly string[]): Promise<CliRun> {
  const run = await runCli(['explain', '-m', manifests, '-f', '-', ...args], manifest);
  runs.push(run);
  return run;
}

function declarations(ca: object): object[] {
  const trusted = { caBundle: CA_BUNDLE, trustedByNodes: true };
  return [
    ca,
    namespaceManifest('shop', { 'registry-failover.io/enabled': 'true', team: 'shop' }),
    namespaceManifest('quiet', {}),
    pullSecret('regcred', 'shop', dockerConfig(upstream.hostPort, ALICE)),
    pullSecret('broken', 'shop', '{"auths": 7}'),
    pullSecret('granted', 'registry-failover', dockerConfig(granted.hostPort, ROBOT)),
    mirrorSet('shop', {
      namespaceSelector: { matchLabels: { team: 'shop' } },
      upstream: { prefix: upstream.hostPort, caBundle: CA_BUNDLE },
      mirrors: [
        { endpoint: mirror.hostPort, credential: { source: 'SameAsUpstream' }, ...trusted },
        {
          endpoint: `${granted.hostPort}/copy`,
          credential: { source: 'Secret', secretRef: { name: 'granted' } },
          ...trusted,
        },
      ],
    }),
    mirrorSet('odd', {
      upstream: { prefix: `${mirror.hostPort}/odd`, caBundle: CA_BUNDLE },
      mirrors: [
        { endpoint: upstream.hostPort, credential: { source: 'Node' }, ...trusted },
        { endpoint: `${upstream.hostPort}/private`, credential: { source: 'None' }, caBundle: CA_BUNDLE },
      ],
    }),
  ];
}

beforeAll(async () => {
  lab = await ExplainLab.open();
  const images = { 'shop/app': { '1': IMAGE }, 'shop/side': { '2': IMAGE } };
  upstream = await lab.registry('127.0.0.5', { credential: ALICE, images });
  mirror = await lab.registry('127.0.0.6', { credential: ALICE, images });
  granted = await lab.registry('127.0.0.7', {
    credential: ROBOT,
    images: { 'copy/shop/app': { '1': OTHER_BUILD }, 'copy/shop/secret': { '1': IMAGE } },
  });
  manifests = await lab.file('manifests.yaml', stream(...declarations(await caManifest())));
});

beforeEach(async () => {
  for (const registry of [upstream, mirror, granted]) {
    registry.fault = 'none';
    await registry.settled();
  }
});

afterAll(async () => {
  await lab.close();
});

describe('explain', () => {
  it('explains a Deployment of three images to a newcomer, and exits 0', async () => {
    const app = { name: 'app', image: `${upstream.hostPort}/shop/app:1` };
    const side = { name: 'side', image: `${upstream.hostPort}/shop/side:2` };
    const spec = { imagePullSecrets: [{ name: 'regcred' }], initContainers: [app], containers: [app, side] };
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'shop' },
      spec: { template: { spec } },
    };
    const file = await lab.file('deploy.yaml', stream(deployment));
    const run = await runCli(['explain', '-m', manifests, '-f', file]);
    runs.push(run);
    const { code, stdout, stderr } = run;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(`Deployment/web in namespace shop (${file}:1)`);
    expect(stdout).toContain('Namespace shop is opted in: the API server asks the webhook about this pod.');
    expect(stdout).toContain('  initContainers/app, containers/app\n');
    expect(stdout).toContain(`served by ${upstream.hostPort} (upstream)`);
    expect(stdout).toContain('The upstream registry serves this image.');
    expect(stdout).toMatch(new RegExp(`-> upstream +${upstream.hostPort} +available +\\d+ ms`));
    expect(stdout).toContain(`${digestOfText(IMAGE).slice(0, 19)}, with pull secret regcred`);
    expect(stdout).toMatch(/mirror 2 +127\.0\.0\.7:\d+\/copy +missing/);
    expect(stdout).toContain('Another build than the upstream has under this tag.');
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      'every pod creator in the selected namespaces can read all that this credential can read.',
    );
    expect(stdout).toContain('{"name":"registry-failover-from-regcred"}');
    expect(stdout).toMatch(/Every image would be served\.\n$/);
    // No colours in a pipe, and nothing beyond 80 columns but what has no space to wrap at.
    expect(stdout).not.toContain('\u001B');
    expect(stdout.split('\n').filter((line) => line.length > 80 && line.trim().includes(' '))).toEqual([]);
  });

  it('shows the way to the mirror, with the mirrors that the decision did not need', async () => {
    upstream.fault = 'refused';
    await upstream.settled();
    const pod = podManifest('web', [`${upstream.hostPort}/shop/app:1`], {
      imagePullSecrets: [{ name: 'regcred' }],
    });
    const run = await explain(stream(pod), '-o', 'json');
    expect(run.code).toBe(0);
    const { pods, ...rest } = JSON.parse(run.stdout) as ExplainView;
    expect(rest).toMatchObject({ kind: 'explain', v: 1, result: 'served', problems: [] });
    const moved = `${mirror.hostPort}/shop/app:1`;
    expect(pods[0]?.images).toMatchObject([
      {
        slot: 'containers/c0',
        result: 'served',
        action: 'rewrite',
        reason: 'upstream-unreachable',
        chosen: moved,
        candidates: [
          { endpoint: upstream.hostPort, outcome: 'unreachable', chosen: false },
          {
            endpoint: mirror.hostPort,
            outcome: 'available',
            chosen: true,
            secret: 'registry-failover-from-regcred',
            digest: digestOfText(IMAGE),
          },
          {
            endpoint: `${granted.hostPort}/copy`,
            outcome: 'available',
            secret: 'registry-failover-set-shop',
          },
        ],
      },
    ]);
    expect(pods[0]?.patch).toContainEqual({ op: 'replace', path: '/spec/containers/0/image', value: moved });
    expect(pods[0]?.pullSecrets).toEqual([
      { name: 'regcred', added: false, state: 'read', covers: [upstream.hostPort] },
      { name: 'registry-failover-from-regcred', added: true, state: 'derived', covers: [mirror.hostPort] },
      {
        name: 'registry-failover-set-shop',
        added: true,
        state: 'derived',
        covers: [`${granted.hostPort}/copy`],
      },
    ]);
  });

  it('exits 3 for a registry that does not exist, in colours where they are forced', async () => {
    const pod = stream(podManifest('web', ['127.0.0.9:1/team/app:1']));
    const run = await runCli(['explain', '-m', manifests, '-f', '-'], pod, { FORCE_COLOR: '1' });
    expect(run.code).toBe(3);
    const { stdout } = run;
    expect(stdout).toContain('No RegistryMirrorSet covers this image.');
    expect(stdout).toContain('\u001B[33munreachable\u001B[39m');
    expect(stripVTControlCharacters(stdout)).toMatch(/-> upstream +127\.0\.0\.9:1 +unreachable/);
    expect(stdout).toContain('connection refused');
    expect(stripVTControlCharacters(stdout)).toMatch(/Could not tell: .*\n$/);
  });

  describe('of many pods at once, as YAML', () => {
    let code: number | null;
    let explained: ExplainView;
    const pods = (): Record<string, PodView> =>
      Object.fromEntries(explained.pods.map((pod) => [pod.workload.slice('Pod/'.length), pod]));
    const notesOf = (pod: PodView | undefined): readonly string[] =>
      pod?.images[0]?.candidates.map((candidate) => candidate.notes.join(' ')) ?? [];

    beforeAll(async () => {
      const app = `${upstream.hostPort}/shop/app:1`;
      const regcred = { imagePullSecrets: [{ name: 'regcred' }] };
      const run = await explain(
        stream(
          podManifest('secret', [`${upstream.hostPort}/shop/secret:1`], regcred),
          podManifest('quiet', [app], {}, 'quiet'),
          podManifest('odd', [`${mirror.hostPort}/odd/app:1`], {}, 'elsewhere'),
          podManifest('lost', [app], { imagePullSecrets: [{ name: 'lost' }, { name: 'regcred' }] }),
          podManifest('broken', [app], { imagePullSecrets: [{ name: 'broken' }] }),
          podManifest('unreadable', ['shop/APP:1'], regcred),
          { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' } },
        ),
        '-o',
        'yaml',
      );
      code = run.code;
      explained = parse(run.stdout) as ExplainView;
    });

    it('takes the worst of them for the exit code, and names what it passed over', () => {
      expect(code).toBe(1);
      expect(explained).toMatchObject({ kind: 'explain', v: 1, result: 'not-served' });
      expect(explained.passedOver).toEqual(['Service/web']);
    });

    it("keeps an operator's credential from granting what the upstream says is not there", () => {
      const [image] = pods()['secret']?.images ?? [];
      expect(image).toMatchObject({ result: 'not-served', reason: 'no-mirror-available' });
      expect(image?.candidates.map(({ outcome }) => outcome)).toEqual(['missing', 'missing', 'available']);
      expect(image?.candidates[2]?.notes.join(' ')).toContain('must not grant');
    });

    it('says that the API server would not even ask, and which set is not for this namespace', () => {
      expect(pods()['quiet']?.optIn).toMatchObject({ asked: 'no' });
      expect(pods()['quiet']?.optIn.sentence).toContain('the API server would not even ask');
      const [image] = pods()['quiet']?.images ?? [];
      expect(image?.notes.join(' ')).toContain('its namespaceSelector does not select namespace quiet');
      // The set does not apply, so that the registry's private CA is unknown as well.
      expect(image).toMatchObject({ result: 'unknown', candidates: [{ outcome: 'unreachable' }] });
    });

    it('tells what only the node can know, what nodes do not trust, and what a service account may add', () => {
      expect(pods()['odd']?.optIn).toMatchObject({ asked: 'unknown' });
      const notes = notesOf(pods()['odd']);
      expect(notes[0]).toContain('No pull secret of the pod has an entry for');
      expect(notes[1]).toContain('cannot be tried from here');
      expect(notes[2]).toContain('nodes do not trust its private CA');
      expect(pods()['odd']?.notes.join(' ')).toContain('service account default');
    });

    it('names a pull secret that nothing provides', () => {
      const secret = pods()['lost']?.pullSecrets[0];
      expect(secret).toMatchObject({ name: 'lost', state: 'absent', covers: [] });
      expect(pods()['lost']?.images[0]).toMatchObject({ result: 'served' });
    });

    it('asks nobody for a pod whose pulls the kubelet refuses, or whose image is no reference', () => {
      expect(pods()['broken']?.pullSecrets[0]).toMatchObject({ name: 'broken', state: 'broken' });
      const [image] = pods()['broken']?.images ?? [];
      expect(image?.result).toBe('not-served');
      expect(image?.candidates.map(({ outcome }) => outcome)).toEqual(Array(3).fill('not-asked'));
      const [unreadable] = pods()['unreadable']?.images ?? [];
      expect(unreadable).toMatchObject({ result: 'not-served', candidates: [] });
      expect(unreadable?.notes.join(' ')).toContain('upper-case');
    });
  });

  it('asked each registry with its own credential only, and printed no password in all this', () => {
    const shown = (registry: MisbehavingRegistry): Set<string | undefined> =>
      new Set(registry.requests.map((request) => request.basic));
    expect(shown(upstream)).toEqual(new Set([undefined, 'alice:alice-has-a-secret']));
    expect(shown(granted)).toEqual(new Set([undefined, 'robot:robot-has-a-secret']));
    const said = runs.map(({ stdout, stderr }) => stdout + stderr).join('\n');
    expect(said.length).toBeGreaterThan(10_000);
    for (const { username, password } of [ALICE, ROBOT]) {
      const basic = Buffer.from(`${username}:${password}`).toString('base64');
      expect(said).not.toContain(password);
      expect(said).not.toContain(basic);
    }
  });
});
