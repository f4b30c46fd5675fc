// doctor and drill on the whole lab: a product that is well, what is found on both nodes, and an outage through each real runtime.
import { execFile } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocalShell } from '../../../src/agent/local-shell.ts';
import { checkHost } from '../../../src/commands/doctor/doctor-host.ts';
import { planDrill, runDrill } from '../../../src/commands/drill/drill-run.ts';
import type { DrillResult } from '../../../src/commands/drill/drill-run.ts';
import type { NodesSettings } from '../../../src/commands/nodes/nodes-settings.ts';
import { layDown, lookAt, takeAway } from '../../../src/commands/nodes/nodes-work.ts';
import type { MirrorSet } from '../../../src/domain/mirror-set.ts';
import type { DoctorCheck } from '../../../src/explain/doctor/doctor-check.ts';
import { DEFAULT_LAYOUT } from '../../../src/nodes/node-file.ts';
import type { RuntimeName } from '../../../src/nodes/data/wanted.ts';
import { inNode } from '../../lab/nodes.ts';
import type { LabNode } from '../../lab/nodes.ts';
import { AMS, FRA, PLATFORM } from '../../lab/registries/records.ts';
import { run } from '../../lab/run.ts';
import { makeEndpoint, makeMirror, makeNodePolicy, makeSet } from '../../support/make.ts';
import { NODES, RUNTIMES, Stage } from './stage.ts';
import type { Runtime } from './stage.ts';

const REPOSITORY = 'drill/app';

let stage: Stage;
let folder: string;

/** A shell that sees the node as one of its own does, and has a crictl: the lab's client in its place. */
function shellOn(node: LabNode): LocalShell {
  const words = inNode(node, ['/bin/sh']).map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  const program = path.join(folder, `shell-${node.name}`);
  writeFileSync(program, `#!/bin/sh\nPATH=${folder}/bin:$PATH\nexport PATH\nexec ${words.join(' ')} "$@"\n`);
  chmodSync(program, 0o755);
  return new LocalShell({ program, path: `${folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin` });
}

/** The programs that a node has in its PATH: the runtimes as they run, for their versions, and crictl. */
function writePrograms(): void {
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  for (const name of ['crio', 'containerd']) {
    const pid = stage.lab.processes.pidOf(`${name}-${name === 'crio' ? 'node1' : 'node2'}`);
    symlinkSync(readlinkSync(`/proc/${pid}/exe`), path.join(bin, name));
  }
  const account = stage.lab.registries.record(FRA).account;
  const password = path.join(folder, 'password');
  writeFileSync(password, account?.password ?? '', { mode: 0o600 });
  const login = `-user ${account?.user ?? ''} -password-file ${password}`;
  writeFileSync(
    path.join(bin, 'crictl'),
    `#!/bin/bash
for word in "$@"; do [ "$last" != --image-endpoint ] || endpoint=$word; last=$word; done
[ "$last" != images ] || { echo '${FRA}/${REPOSITORY} v1 x 1MB'; exit 0; }
exec ${stage.lab.facts.kubernetesBinary} cri -endpoint "$endpoint" -timeout 60s ${login} pull "$last"
`,
    { mode: 0o755 },
  );
}

function settingsFor(runtime: RuntimeName): NodesSettings {
  return {
    owner: 'ssh/drill-test',
    layout: DEFAULT_LAYOUT,
    // Both are processes of this one machine.
    runtime,
    allowedEndpoints: [],
    parallel: 1,
    canary: 0,
    keepGoing: false,
    output: 'text',
  };
}

function targetOf({ name }: LabNode): Parameters<typeof lookAt>[0] {
  return {
    name,
    target: { host: name, user: undefined, port: undefined },
    labels: undefined,
    managed: undefined,
  };
}

/** A public mirror, so that only the way to it counts. */
function sets(): readonly MirrorSet[] {
  const nodes = makeNodePolicy({ wholeHost: true });
  const pem = readFileSync(stage.lab.registries.caFile, 'utf8');
  const trust = { pem, sha256: '0'.repeat(64) };
  const mirror = makeMirror(PLATFORM, { source: 'None', mayReceiveUpstreamCredential: true, trust });
  return [{ ...makeSet(FRA, [mirror], { name: 'drill', nodes }), upstream: makeEndpoint(FRA, trust) }];
}

async function drill(node: LabNode, seconds: number): Promise<DrillResult> {
  const shell = shellOn(node);
  const order = {
    registry: makeEndpoint(FRA),
    image: `${FRA}/${REPOSITORY}:v1`,
    seconds,
    socket: node.socket,
    hostsFolder: '/etc/containerd/certs.d',
    id: node.name === 'node1' ? '0000000a' : '0000000b',
  };
  const plan = await planDrill(shell, order);
  if (!plan.ok) throw new Error(plan.error);
  const result = await runDrill(shell, plan.value, FRA, { onPull: () => {}, onBlock: () => {} });
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function doctor(): Promise<{ readonly exit: number; readonly checks: readonly DoctorCheck[] }> {
  const args = ['src/main.ts', 'doctor', '--kubeconfig', stage.lab.controlPlane.kubeconfig, '-o', 'json'];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { maxBuffer: 1 << 24 }, (error, stdout) => {
      const { checks } = JSON.parse(stdout) as { checks: DoctorCheck[] };
      resolve({ exit: typeof error?.code === 'number' ? error.code : 0, checks });
    });
  });
}

beforeAll(async () => {
  stage = new Stage();
  folder = mkdtempSync(path.join(tmpdir(), 'doctor-drill-'));
  await stage.lab.registries.reset();
  writePrograms();
  for (const host of [FRA, PLATFORM] as const)
    await stage.lab.registries.push({ host, repository: REPOSITORY, tag: 'v1', content: 'drill' });
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await stage.close();
});

describe('doctor in the lab', () => {
  it('finds the product well', async () => {
    const namespace = await stage.open('doctor');
    const image = await stage.image(FRA, AMS);
    await stage.apply(stage.podManifest(namespace, 'seen', 'crio', [`${FRA}/${image}`]));
    await stage.waitRunning(namespace, 'seen');
    const { exit, checks } = await doctor();
    const grave = checks.filter(({ result }) => result === 'error' || result === 'unknown');
    expect(grave).toEqual([]);
    expect(exit).toBe(0);
    const well = checks.filter(({ result }) => result === 'ok').map(({ check }) => check);
    const all = [
      'namespaces',
      'webhook-service',
      'webhook-certificate',
      'leader',
      'rights',
      'derived-secrets',
    ];
    expect(well).toEqual(expect.arrayContaining([...all, 'pods-seen', 'policies', 'clock']));
  });
});

describe.each(RUNTIMES)('on the node with %s', (runtime: Runtime) => {
  const node = (): LabNode => stage.lab.node(NODES[runtime]);

  it('says what is there, lays down what is declared, and finds it as declared', async () => {
    const visit = {
      node: targetOf(node()),
      shell: shellOn(node()),
      settings: settingsFor(runtime),
      sets: sets(),
    };
    const before = await checkHost(visit);
    expect(before.filter(({ result }) => result === 'error' || result === 'unknown')).toEqual([]);
    expect(before.filter(({ result }) => result === 'warning').map(({ check }) => check)).toEqual([
      'node-files',
    ]);
    const seen = await lookAt(visit.node, visit.shell, visit.settings);
    if (!('shell' in seen)) throw new Error(seen.error);
    const laid = await layDown(seen, { settings: visit.settings, sets: visit.sets, isDryRun: false });
    expect([laid.state, laid.error]).toEqual(['changed', undefined]);
    expect((await checkHost(visit)).filter(({ result }) => result !== 'ok')).toEqual([]);
  });

  it('measures an outage, and leaves no rule', async () => {
    // CRI-O dials the upstream that is first for 30 s, and this drill gives it seven.
    const { healthy, outage } = await drill(node(), runtime === 'crio' ? 10 : 30);
    expect(healthy.isOk).toBe(true);
    expect(outage?.dropped).toBeGreaterThan(0);
    expect(outage?.pulled?.isOk).toBe(runtime === 'containerd');
    expect(await run('iptables', ['-w', '-S'])).not.toContain('RF-DRILL');
  });

  it('gives back what was there', async () => {
    const result = await takeAway(targetOf(node()), shellOn(node()), {
      settings: settingsFor(runtime),
      sets: undefined,
      isDryRun: false,
    });
    expect([result.state, result.error]).toEqual(['restored', undefined]);
  });
});
