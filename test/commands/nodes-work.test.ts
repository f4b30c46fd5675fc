// Nodes work: what is done on one node over any shell: nothing where its system writes the files itself, credentials where sets ask for them.
import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { NodeTarget } from '../../src/commands/nodes/node-target.ts';
import { layDown, lookAt } from '../../src/commands/nodes/nodes-work.ts';
import type { SeenNode } from '../../src/commands/nodes/nodes-work.ts';
import type { NodesSettings } from '../../src/commands/nodes/nodes-settings.ts';
import { managedNode } from '../../src/domain/managed-node.ts';
import type { MirrorSet } from '../../src/domain/mirror-set.ts';
import type { Shell } from '../../src/nodes/shell.ts';
import { quoteForShell } from '../../src/nodes/shell-quote.ts';
import type { NodeScene } from '../nodes/node-scene.ts';
import { Scenes } from '../nodes/scenes.ts';
import { makeMirror, makeNodePolicy, makeSecret, makeSet } from '../support/make.ts';

const scenes = new Scenes();

const NODE: NodeTarget = {
  name: 'n1',
  target: { host: 'n1', user: undefined, port: undefined },
  labels: undefined,
  managed: undefined,
};
const CONTAINERD = [
  `process 4242 1 containerd =${btoa('/usr/bin/containerd\0')}`,
  `program containerd =${btoa('containerd github.com/containerd/containerd/v2 v2.1.9 0123abc\n')}`,
];

function settingsOf({ layout }: NodeScene): NodesSettings {
  return {
    owner: 'ssh/registry-failover',
    layout,
    runtime: undefined,
    allowedEndpoints: [],
    parallel: 1,
    canary: 1,
    keepGoing: false,
    output: 'text',
  };
}

/** The node's shell, for which only the scene's processes are there; `more` is found beside, as the script would say it. */
function shellOf(scene: NodeScene, more: readonly string[]): Shell {
  const real = scene.shell();
  const processes = `proc=${quoteForShell(scene.processFolder)}`;
  return {
    run: async (script, limits) => {
      const outcome = await real.run(script.replace(`proc=${quoteForShell('/proc')}`, processes), limits);
      if (!outcome.ran) return outcome;
      return { ...outcome, stdout: outcome.stdout.replace(/end\n$/, `${[...more, 'end'].join('\n')}\n`) };
    },
  };
}

async function see(scene: NodeScene, more: readonly string[]): Promise<SeenNode> {
  const seen = await lookAt(NODE, shellOf(scene, more), settingsOf(scene));
  if (!('shell' in seen)) throw new Error(seen.error);
  return seen;
}

const SET = makeSet('fra.example.com', [makeMirror('ams.example.com')], {
  name: 'fra',
  nodes: makeNodePolicy(),
});

function apply(seen: SeenNode, scene: NodeScene, set: MirrorSet = SET): ReturnType<typeof layDown> {
  return layDown(seen, { settings: settingsOf(scene), sets: [set], isDryRun: false });
}

describe('a node whose system writes the files itself', () => {
  it('is not even connected to, where the API server has told so', async () => {
    const shell: Shell = {
      run: () => {
        throw new Error('it was connected to');
      },
    };
    const node = { ...NODE, managed: managedNode('Talos') };
    const seen = await lookAt(node, shell, settingsOf(scenes.open()));
    expect(seen).toMatchObject({ state: 'refused', error: expect.stringContaining('talosctl') as string });
  });

  it('is looked at and left alone, where it shows what it is', async () => {
    const scene = scenes.open();
    const shell = shellOf(scene, [...CONTAINERD, 'trace /etc/machine-config-daemon']);
    const seen = await lookAt(NODE, shell, settingsOf(scene));
    expect(seen).toMatchObject({
      state: 'refused',
      error: expect.stringContaining('ImageTagMirrorSet') as string,
    });
  });
});

describe('a node over ssh', () => {
  it('is given the credentials of NodeAuth, in a file that only root may read', async () => {
    const scene = scenes.open();
    const secret = makeSecret('dc1', { 'dc1.example.com': 'robot' });
    const mirror = makeMirror('dc1.example.com', { source: 'Secret', secret });
    const set = { ...SET, mirrors: [mirror], nodes: makeNodePolicy({ credentials: 'NodeAuth' }) };
    const result = await apply(await see(scene, CONTAINERD), scene, set);
    expect(result).toMatchObject({ state: 'changed', leftOut: [], error: undefined });
    const file = 'containerd/certs.d/fra.example.com/hosts.toml';
    expect(scene.read(file)).toContain(`Authorization = ["Basic ${btoa('robot:robot-password')}"]`);
    expect(statSync(scene.path(file)).mode & 0o777).toBe(0o600);
    expect(JSON.stringify(result)).not.toContain(btoa('robot:robot-password'));
  });

  it('is told of what keeps the files from being heeded once they are there', async () => {
    const scene = scenes.open();
    scene.write(
      'containers/registries.conf.d/95-later.conf',
      '[[registry]]\nprefix = "fra.example.com"\nlocation = "other.example.com"\n',
    );
    await scene.startCrio();
    const set = { ...SET, mirrors: [makeMirror('ams.example.com', { source: 'None' })] };
    const seen = await see(scene, [`program crio =${btoa('crio version 1.34.0\n')}`]);
    expect(seen.findings.map(({ code }) => code)).not.toContain('CrioEntryOverridden');
    const result = await apply(seen, scene, set);
    expect(result.state).toBe('changed');
    expect(result.findings.map(({ code }) => code)).toContain('CrioEntryOverridden');
  });
});
