// A lab that is up, as `up` left it written down: what tests open, and what `status` looks at.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openControlPlane } from './control-plane.ts';
import type { ControlPlane } from './control-plane.ts';
import { Journal } from './journal.ts';
import { labNodes } from './nodes.ts';
import type { LabNode, NodeName } from './nodes.ts';
import type { Processes } from './processes.ts';
import { Registries } from './registries/client.ts';
import { run } from './run.ts';

/** What `up` brings up; less than everything when it was told so. */
export type LabExtent = 'everything' | 'registries' | 'control-plane';

/** `<folder>/lab.json`, written when `up` is done: without it the folder holds half a lab. */
export interface LabFacts {
  readonly extent: LabExtent;
  /** The combined binary of Kubernetes, etcd and the CRI client. */
  readonly kubernetesBinary: string;
  /** kubectl and helm. */
  readonly toolsFolder: string;
}

/** Where the lab is kept; LAB_FOLDER when set. */
export function labFolder(): string {
  return path.resolve(process.env['LAB_FOLDER'] ?? '/run/registry-failover-lab');
}

function factsFile(folder: string): string {
  return path.join(folder, 'lab.json');
}

export function writeLabFacts(folder: string, facts: LabFacts): void {
  writeFileSync(factsFile(folder), JSON.stringify(facts));
}

/** Undefined when no lab is up in this folder. */
export function readLabFacts(folder: string): LabFacts | undefined {
  return existsSync(factsFile(folder))
    ? (JSON.parse(readFileSync(factsFile(folder), 'utf8')) as LabFacts)
    : undefined;
}

/** A lab with everything. Several processes may hold one at once. */
export interface Lab {
  readonly folder: string;
  readonly facts: LabFacts;
  readonly controlPlane: ControlPlane;
  /** Every program of the lab by name: `kubelet-node1`, `crio-node1`, `containerd-node2`, `kube-proxy`, `registry-fra` … */
  readonly processes: Processes;
  readonly registries: Registries;
  node(name: NodeName): LabNode;
  /** The CRI client on a node's runtime: `images`, `inspect REF`, `pull REF`, `rmi REF`, `status` …; answers its JSON. */
  cri(name: NodeName, ...words: readonly string[]): Promise<unknown>;
  /** kubectl as the admin; answers what it prints. Throws with what it complains of. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
}

/** The lab in a folder. Throws with what to do when it is not up, or not as a whole. */
export function openLab(folder = labFolder()): Lab {
  const facts = readLabFacts(folder);
  if (facts?.extent !== 'everything') throw new Error(`no lab is up in ${folder}: npm run cluster -- up`);
  const controlPlane = openControlPlane(folder, Journal.open(folder));
  const node = (name: NodeName): LabNode => {
    const [first, second] = labNodes(folder);
    return name === 'node1' ? first : second;
  };
  return {
    folder,
    facts,
    controlPlane,
    processes: controlPlane.processes,
    registries: Registries.open(folder),
    node,
    cri: async (name, ...words) =>
      JSON.parse(
        await run(facts.kubernetesBinary, ['cri', '-endpoint', `unix://${node(name).socket}`, ...words], {
          timeoutMs: 120_000,
        }),
      ) as unknown,
    kubectl: (args, input) => {
      // kubectl's cache goes with the lab, and does not fill the home of whoever runs the tests.
      const own = [
        '--kubeconfig',
        controlPlane.kubeconfig,
        '--cache-dir',
        path.join(folder, 'kubectl-cache'),
      ];
      return run(path.join(facts.toolsFolder, 'kubectl'), [...own, ...args], {
        timeoutMs: 120_000,
        ...(input === undefined ? {} : { input }),
      });
    },
  };
}
