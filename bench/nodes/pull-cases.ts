// Pull cases: hand-made mirror configuration as people write it, and how long a pod waits for an image under it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DC1, FRA2 } from '../../test/lab/registries/records.ts';
import type { RegistryHost } from '../../test/lab/registries/records.ts';
import { NODES, unique, waitFor } from '../../test/cluster/lab/stage.ts';
import type { Runtime, Stage } from '../../test/cluster/lab/stage.ts';

/** Below the prefix that the product's set has in these measurements. */
export const REPOSITORY = 'private/app';
/** Longer nobody looks on. */
export const PATIENCE_MS = 150_000;

/** What a pod came to: it ran, its first pull failed, or neither within PATIENCE_MS. */
export interface PullOutcome {
  readonly end: 'running' | 'failed' | 'waiting';
  readonly ms: number;
}

export interface PullPlace {
  readonly namespace: string;
  readonly reachable: readonly RegistryHost[];
}

interface EventObject {
  readonly reason: string;
  readonly regarding: { readonly name: string };
}

/** From the creation of a pod to its end. No node has seen the image; it is pushed to the `reachable` ones of its registries. */
export async function pull(
  stage: Stage,
  { namespace, reachable }: PullPlace,
  runtime: Runtime,
): Promise<PullOutcome> {
  const image = `${FRA2}/${await stage.imageOf(REPOSITORY, ...reachable)}`;
  const name = unique('pull');
  const began = performance.now();
  await stage.apply(stage.podManifest(namespace, name, runtime, [image]));
  let end: PullOutcome['end'] = 'waiting';
  await waitFor(`the pull of ${image}`, PATIENCE_MS, async () => {
    const pod = await stage.pod(namespace, name);
    if (pod.status.phase === 'Running') end = 'running';
    else {
      const events = await stage.list<EventObject>('events', namespace);
      if (events.some(({ reason, regarding }) => regarding.name === name && reason === 'Failed'))
        end = 'failed';
    }
    return end !== 'waiting';
  }).catch(() => {});
  const ms = performance.now() - began;
  await stage.kubectl('delete', 'pod', '-n', namespace, name, '--wait=false', '--grace-period=0', '--force');
  return { end, ms };
}

/** The order in a hand-made file. `mirror-first` is what the guides show; the other one is the best that can be written by hand. */
export type Recipe = 'mirror-first' | 'upstream-first';

function crioText(recipe: Recipe): string {
  const [first, last] = recipe === 'mirror-first' ? [DC1, FRA2] : [FRA2, DC1];
  return `[[registry]]\nprefix = "${FRA2}"\nlocation = "${last}"\n\n[[registry.mirror]]\nlocation = "${first}"\n`;
}

function containerdText(recipe: Recipe, credential: string | undefined): string {
  const [first, last] = recipe === 'mirror-first' ? [DC1, FRA2] : [FRA2, DC1];
  const hosts = [first, last].map((host) => {
    const header =
      credential === undefined || host !== DC1
        ? ''
        : `  [host."https://${host}".header]\n    Authorization = ["Basic ${credential}"]\n`;
    return `[host."https://${host}"]\n  capabilities = ["pull", "resolve"]\n${header}`;
  });
  return `server = "https://${last}"\n\n${hosts.join('\n')}`;
}

function reloadCrio(stage: Stage): void {
  process.kill(stage.lab.processes.pidOf('crio-node1'), 'SIGHUP');
  // The log is not waited for: it is applied within 0.1 s (measured), and what follows takes longer.
  execFileSync('sleep', ['1']);
}

/** Writes the recipe on both nodes; with `withCredential` the mirror's credential too, as NodeAuth does. Answers how to take it away. */
export function writeRecipe(stage: Stage, recipe: Recipe, withCredential: boolean): () => void {
  const { account } = stage.lab.registries.record(DC1);
  const credential =
    withCredential && account !== undefined
      ? Buffer.from(`${account.user}:${account.password}`).toString('base64')
      : undefined;
  const [crio, containerd] = [stage.lab.node(NODES.crio), stage.lab.node(NODES.containerd)];
  const dropIn = path.join(crio.mirrorsFolder, '50-hand-made.conf');
  const authFile = path.join(crio.etc, 'containers/auth.json');
  const hostFolder = path.join(containerd.mirrorsFolder, FRA2);
  writeFileSync(dropIn, crioText(recipe));
  if (credential !== undefined) {
    writeFileSync(authFile, JSON.stringify({ auths: { [DC1]: { auth: credential } } }), { mode: 0o600 });
  }
  mkdirSync(hostFolder, { recursive: true });
  writeFileSync(path.join(hostFolder, 'hosts.toml'), containerdText(recipe, credential));
  reloadCrio(stage);
  return () => {
    rmSync(dropIn, { force: true });
    if (credential !== undefined) rmSync(authFile, { force: true });
    rmSync(hostFolder, { recursive: true, force: true });
    reloadCrio(stage);
  };
}
