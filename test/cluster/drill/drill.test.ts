// Drill in a network namespace: real rules, a real podman and real registries; and what is left when everything dies half-way.
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LocalShell } from '../../../src/agent/local-shell.ts';
import type { DrillFlags } from '../../../src/commands/drill/drill.ts';
import type { DrillView } from '../../../src/explain/drill-view.ts';
import { readOutage } from '../../../src/nodes/drill/drill-look.ts';
import type { DrillBlock } from '../../../src/nodes/drill/drill-rules.ts';
import { blockedPullScript } from '../../../src/nodes/drill/drill-script.ts';
import type { DrillPull } from '../../../src/nodes/drill/drill-script.ts';
import { waitFor } from '../../lab/wait.ts';
import { findProcesses } from '../../lab/proc.ts';
import { DrillNode, MIRROR_FIRST } from './namespace.ts';
import { PLACES, PORT } from './places.ts';

const REGISTRY = `upstream.test:${PORT}`;
const IMAGE = `${REGISTRY}/team/app:1.0`;
const isRoot = process.getuid?.() === 0;
const lacking = ['ip', 'iptables', 'podman', 'unshare', 'setsid'].filter(
  (tool) => spawnSync('which', [tool]).status !== 0,
);
const why = isRoot ? lacking.join(', ') : 'root';

interface Run {
  readonly exit: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly view: DrillView & { readonly result: string };
}

describe.skipIf(why !== '')(`drill${why === '' ? '' : ` (skipped, for want of ${why})`}`, () => {
  let node: DrillNode;

  beforeAll(async () => {
    node = await DrillNode.start();
  });
  afterAll(() => node?.stop());
  beforeEach(() => {
    node.configure('');
    node.crictl('there');
  });

  function start(flags: Partial<DrillFlags>): ChildProcess {
    const all: DrillFlags = {
      host: 'n1',
      registry: REGISTRY,
      seconds: '10',
      containerdFolder: '/etc/containerd',
      socket: '/run/none.sock',
      yes: true,
      output: 'json',
      ...flags,
    };
    const script = fileURLToPath(import.meta.resolve('./drill-process.ts'));
    return spawn(process.execPath, [script, node.shell, JSON.stringify(all)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  async function drill(flags: Partial<DrillFlags> = {}): Promise<Run> {
    const child = start(flags);
    let [stdout, stderr] = ['', ''];
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const [exit] = (await once(child, 'close')) as [number | null];
    const view = (stdout.startsWith('{') ? JSON.parse(stdout) : {}) as Run['view'];
    return { exit, stdout, stderr, view };
  }

  /** Starts one, and waits until it has blocked the registry. */
  async function startBlocking(seconds: string): Promise<ChildProcess> {
    // The healthy pull ends; the second one never does.
    node.crictl('hangs');
    const child = start({ seconds });
    // The last of them: until it is there nothing is blocked.
    const isBlocked = (): boolean => node.rules().some((rule) => rule.startsWith('-A OUTPUT'));
    await waitFor('the rules', 60_000, () => Promise.resolve(isBlocked()));
    return child;
  }

  /** The script that blocks and pulls, alone: with rules that a drill would not choose. */
  async function pullBlocked(rules: Pick<DrillBlock, 'firewall' | 'addresses' | 'chain'>) {
    const block: DrillBlock = { ...rules, port: PORT, seconds: 8 };
    const pull: DrillPull = {
      tool: 'crictl',
      socket: undefined,
      image: IMAGE,
      hostsFolder: '/x',
      seconds: 6,
      unit: undefined,
    };
    const limits = { timeoutMs: 20_000, maxBytes: 1 << 20 };
    const ran = await new LocalShell({ program: node.shell }).run(
      blockedPullScript(pull, block, 'upstream.test'),
      limits,
    );
    return ran.ran ? readOutage(ran.stdout) : undefined;
  }

  it('says what it would do, and does nothing', async () => {
    const { exit, stdout } = await drill({ dryRun: true, output: 'text' });
    expect(exit).toBe(0);
    expect(stdout).toContain(`-d ${PLACES.upstream} -p tcp --dport ${PORT}`);
    expect(stdout).toMatch(/iptables -w 5 -D OUTPUT -j RF-DRILL-[0-9a-f]{8}/);
    expect(node.rules()).toEqual([]);
  });

  it('does not begin where there is nobody to ask', async () => {
    const { exit, stderr } = await drill({ yes: undefined });
    expect(exit).toBe(2);
    expect(stderr).toContain('--yes');
    expect(node.rules()).toEqual([]);
  });

  it('tells a node that survives, what was tried first, and which source served', async () => {
    const { exit, view } = await drill();
    expect(view.result).toBe('survived');
    expect(exit).toBe(0);
    expect(view.healthy.source).toBe(IMAGE);
    expect(view.outage?.pulled?.source).toBe(`mirror.test:${PORT}/team/app:1.0`);
    expect(view.outage?.dropped).toBeGreaterThan(0);
    // The dial of three seconds that the fake runtime gives it.
    expect(view.outage?.pulled?.ms).toBeGreaterThan(2_900);
    expect(node.rules()).toEqual([]);
    expect(node.isReachable()).toBe(true);
  });

  it('leaves no timer behind', async () => {
    await drill({ seconds: '577' });
    await waitFor('the timer to go', 20_000, () => Promise.resolve(findProcesses('sleep 577').length === 0));
  });

  it('pulls with podman where there is nothing better, from the mirror that comes first', async () => {
    node.crictl('none');
    node.configure(MIRROR_FIRST);
    const { exit, view } = await drill({ image: IMAGE, seconds: '40' });
    expect(view.command).toContain('podman');
    expect(view.result).toBe('survived');
    expect(exit).toBe(0);
    expect(view.outage?.dropped).toBe(0);
    expect(view.outage?.pulled?.source).toBe(`mirror.test:${PORT}/team/app:1.0`);
    expect(view.notes.join(' ')).toContain('nothing of CRI-O');
  });

  it('tells a node that does not survive', async () => {
    node.crictl('none');
    const { exit, view } = await drill({ image: IMAGE, seconds: '10' });
    expect(view.result).toBe('not-survived');
    expect(exit).toBe(1);
    expect(view.outage?.dropped).toBeGreaterThan(0);
    expect(node.rules()).toEqual([]);
  });

  it('blocks nothing when the healthy pull fails', async () => {
    node.crictl('none');
    const { exit, view } = await drill({ image: `${REGISTRY}/team/none:1` });
    expect(exit).toBe(3);
    expect(view.outage).toBeUndefined();
    expect(view.healthy.isOk).toBe(false);
  });

  it('says that the node does not know the registry', async () => {
    const { exit, stderr } = await drill({ registry: 'nowhere.invalid', image: 'nowhere.invalid/a:1' });
    expect(exit).toBe(3);
    expect(stderr).toContain('cannot resolve nowhere.invalid');
  });

  it('undoes itself when the drill and everything on the node that it had started are killed half-way', async () => {
    const child = await startBlocking('20');
    expect(node.isReachable(2)).toBe(false);
    child.kill('SIGKILL');
    node.killShell();
    // Nobody is left but the timer.
    expect(node.rules().length).toBeGreaterThan(0);
    await waitFor('the timer to take the rules away', 40_000, () =>
      Promise.resolve(node.rules().length === 0),
    );
    expect(node.isReachable()).toBe(true);
  });

  it('lets the kernel end the rules when the timer has been killed too', async () => {
    const child = await startBlocking('25');
    child.kill('SIGKILL');
    node.killShell();
    const [timer] = findProcesses('sh -c sleep 25; unblock');
    process.kill(Number(timer), 'SIGKILL');
    expect(node.isReachable(2)).toBe(false);
    await waitFor('the rules to end', 90_000, () => Promise.resolve(node.isReachable()));
    // They are still there, and match nothing any more.
    expect(node.rules().length).toBeGreaterThan(0);
    expect(node.rules().join('\n')).toContain('--datestop');
    for (const rule of node.rules().filter((line) => line.startsWith('-A OUTPUT')))
      node.run('iptables', ...rule.replace('-A', '-D').split(' '));
    for (const chain of node.rules().filter((line) => line.startsWith('-N'))) {
      node.run('iptables', '-F', chain.slice(3));
      node.run('iptables', '-X', chain.slice(3));
    }
  });

  it.skipIf(spawnSync('which', ['nft']).status !== 0)(
    'blocks with nft as well (skipped where there is none)',
    async () => {
      const addresses = [PLACES.upstream, 'fd00::11'];
      const outage = await pullBlocked({ firewall: 'nft', addresses, chain: 'RF-DRILL-0000000a' });
      expect(outage).toMatchObject({
        unblockable: undefined,
        isStillBlocked: false,
        after: [PLACES.upstream],
      });
      expect(outage?.pulled?.source).toContain('mirror.test');
      expect(outage?.dropped).toBeGreaterThan(0);
      expect(node.run('nft', 'list', 'tables')).not.toContain('RF-DRILL');
    },
  );

  it('says why, when the rules are refused, and pulls nothing', async () => {
    const addresses = ['300.1.1.1'];
    const outage = await pullBlocked({ firewall: 'iptables', addresses, chain: 'RF-DRILL-0000000b' });
    expect(outage?.pulled).toBeUndefined();
    expect(outage?.unblockable).not.toBe('');
    expect(outage?.unblockable).toBeDefined();
    expect(node.rules()).toEqual([]);
  });
});
