// The README's walk through the lab, command by command: what a newcomer types works, and what is promised is seen.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../lab/run.ts';
import { declare, install, uninstall } from './product.ts';
import { INSTALL_NAMESPACE, Stage } from './stage.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const WALK_MS = 420_000;
const CRDS = ['registrymirrorsets.registry-failover.io', 'nodemirrorstates.registry-failover.io'];
const NAMESPACES = ['shop', 'plain'];
/** The lab is up for all the tests: these two lines of the walk are its own beginning and end. */
const OF_THE_LAB = /npm run cluster -- (up|down)$/;

let stage: Stage;
beforeAll(async () => {
  stage = new Stage();
  await stage.lab.registries.reset();
  await stage.kubectl('delete', 'registrymirrorsets', '--all', '--ignore-not-found');
  await uninstall();
  await stage.kubectl('delete', 'crd', ...CRDS, '--ignore-not-found');
  await stage.kubectl('delete', 'namespace', INSTALL_NAMESPACE, ...NAMESPACES, '--ignore-not-found');
});
afterAll(async () => {
  await stage.kubectl('delete', 'namespace', ...NAMESPACES, '--ignore-not-found', '--wait=false');
  // Where the walk has ended early: an upgrade without agents is refused while they have files on nodes.
  await uninstall();
  await install();
  await declare();
  await stage.close();
});

/** The console blocks between the README's markers, as one script. */
function walk(): string {
  const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  const part = readme.slice(readme.indexOf('<!-- lab:begin -->'), readme.indexOf('<!-- lab:end -->'));
  const blocks = [...part.matchAll(/^```console\n([\s\S]*?)^```$/gmu)].map((match) => match[1] ?? '');
  return blocks
    .join('\n')
    .split('\n')
    .filter((line) => !OF_THE_LAB.test(line))
    .join('\n');
}

/** As in a terminal: one stream for all that is said. Throws with its end when a command fails. */
async function type(script: string): Promise<string> {
  const terminal = path.join(stage.lab.folder, 'readme-walk.log');
  const words = ['-euxo', 'pipefail', '-c', `exec >"$0" 2>&1\n${script}`, terminal];
  try {
    await run('bash', words, { cwd: ROOT, timeoutMs: WALK_MS });
  } catch {
    throw new Error(`the walk ended with:\n${readFileSync(terminal, 'utf8').slice(-6_000)}`);
  }
  return readFileSync(terminal, 'utf8');
}

describe('the README', () => {
  it('walks from the install to an outage, back, and away again', { timeout: WALK_MS + 10_000 }, async () => {
    const script = walk();
    expect(script.split('\n').length).toBeGreaterThan(30);
    const said = await type(script);
    expect(said).toContain('Phase:          Succeeded');
    expect(said).toMatch(/fra\s+fra\.registry\.test\s+Serving\s+NoNamespace/u);
    expect(said).toMatch(
      /side-\S+\s+ams\.registry\.test\/team\/side:v1\s+fra-pull,registry-failover-set-fra/u,
    );
    expect(said).toMatch(/ImageRerouted\s+pod\/side-/u);
    expect(said).toMatch(/fra\s+fra\.registry\.test\s+Unreachable\s+Ready/u);
    expect(said).toMatch(/side-\S+\s+fra\.registry\.test\/team\/side:v1/u);
    expect(said).toMatch(/node1 +crio +([0-9a-f]{16}) +\1 +UpToDate/u);
    expect(said).toMatch(/node2 +containerd +([0-9a-f]{16}) +\1 +UpToDate/u);
    expect(said).toMatch(/Pulled +pod\/\S*canary/u);
    expect(said).toContain('location = "ams.registry.test"');
    expect(said).toContain('server = "https://ams.registry.test"');
    expect(said).toMatch(/on-node1 +1\/1 +Running[^\n]* node1 /u);
    expect(said).toMatch(/on-node2 +1\/1 +Running[^\n]* node2 /u);
    expect(said).toContain('2 of 2 nodes are as they were.');
    // A difference would have ended the walk, as diff answers 1.
    expect(said).not.toMatch(/^Only in /mu);
    expect(said).toContain('release "registry-failover" uninstalled');
  });
});
