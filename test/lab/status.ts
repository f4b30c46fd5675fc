// What runs of a lab, in lines for people.
import { findProductImage } from './image/product.ts';
import { readyNodes } from './start-nodes.ts';
import { openControlPlane } from './control-plane.ts';
import type { ControlPlane } from './control-plane.ts';
import { Journal } from './journal.ts';
import { readLabFacts } from './lab.ts';
import type { LabFacts } from './lab.ts';
import { Processes } from './processes.ts';
import { Registries } from './registries/client.ts';

type Say = (line: string) => void;

/** Says what runs, which nodes are ready, which registries serve, and how to use it. Answers whether all is as it should be. */
export async function describeLab(folder: string, say: Say): Promise<boolean> {
  const facts = readLabFacts(folder);
  if (facts === undefined) {
    say(`no lab is up in ${folder}`);
    return false;
  }
  const isWhole = describePrograms(new Processes({ folder, journal: Journal.open(folder) }), say);
  const { extent } = facts;
  const serve = extent === 'control-plane' || (await describeRegistries(Registries.open(folder), say));
  if (extent === 'registries') return isWhole && serve;
  const controlPlane = openControlPlane(folder, Journal.open(folder));
  const isReady = extent === 'control-plane' || (await describeNodes(controlPlane, say));
  describeUse(folder, facts, controlPlane, say);
  return isWhole && serve && isReady;
}

function describePrograms(processes: Processes, say: Say): boolean {
  const names = processes.names();
  const ended = names.filter((name) => !processes.isRunning(name));
  say(`programs: ${names.map((name) => `${name} ${processes.pidOf(name)}`).join(', ')}`);
  for (const name of ended) say(`  ${name} has ENDED: ${processes.logFile(name)}`);
  return ended.length === 0;
}

async function describeRegistries(registries: Registries, say: Say): Promise<boolean> {
  let serve = true;
  say('registries:');
  for (const { host, address, account } of registries.list()) {
    const who = account === undefined ? 'anybody' : `user ${account.user}, password ${account.password}`;
    const problem = await why(() => registries.verify(host));
    serve &&= problem === undefined;
    say(`  ${host} ${address} ${who}${problem === undefined ? '' : `: DOES NOT SERVE: ${problem}`}`);
  }
  say(`  their CA: ${registries.caFile}`);
  return serve;
}

async function describeNodes(controlPlane: ControlPlane, say: Say): Promise<boolean> {
  let ready: readonly string[] = [];
  const problem = await why(async () => {
    ready = await readyNodes(controlPlane.access);
  });
  if (problem !== undefined) say(`the API server does NOT answer: ${problem}`);
  say(`nodes ready: ${ready.length === 0 ? 'NONE' : ready.join(', ')}`);
  return ready.length === 2;
}

/** The lines to paste. */
function describeUse(folder: string, facts: LabFacts, controlPlane: ControlPlane, say: Say): void {
  say(`export KUBECONFIG=${controlPlane.kubeconfig}`);
  say(`export PATH=${facts.toolsFolder}:$PATH`);
  const image = findProductImage(folder);
  if (image === undefined) return;
  say(
    'helm install registry-failover deploy/helm/registry-failover -n registry-failover --create-namespace --wait \\',
  );
  say(`  --set image.repository=${image.repository} --set image.tag=${image.tag}`);
}

async function why(act: () => Promise<void>): Promise<string | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
