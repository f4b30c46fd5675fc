// `up`: every step in order, each with what it does and how long it took.
import { existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { findTool } from '../../deploy/tools.ts';
import { answers } from './api-client.ts';
import { BINARY_GROUPS, ensureBinaries, labCache } from './binaries.ts';
import type { BinaryGroup } from './binaries.ts';
import { startControlPlane } from './control-plane.ts';
import type { ControlPlane } from './control-plane.ts';
import { ensureProductImage } from './image/product.ts';
import { Journal } from './journal.ts';
import { readLabFacts, writeLabFacts } from './lab.ts';
import type { LabExtent } from './lab.ts';
import { makeNetwork, PARK_NETWORK } from './network.ts';
import { kubeletUser, labNodes } from './nodes.ts';
import { whyNotNow } from './prerequisites.ts';
import { MARK } from './proc.ts';
import { Registries } from './registries/client.ts';
import { startRegistryPark } from './registries/park.ts';
import type { RegistryPark } from './registries/park.ts';
import { PROXY } from './services.ts';
import { startKubelets, startRuntimes } from './start-nodes.ts';
import { describeLab } from './status.ts';
import { tearDown } from './teardown.ts';
import { waitFor } from './wait.ts';

export interface UpOptions {
  readonly folder: string;
  readonly extent: LabExtent;
  /** Build and push the product's image too. */
  readonly withImage: boolean;
  readonly say: (line: string) => void;
}

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
const API_PORT = 6_443;

const GROUPS: Readonly<Record<LabExtent, readonly BinaryGroup[]>> = {
  everything: BINARY_GROUPS,
  registries: ['witness-registry'],
  'control-plane': ['kubernetes'],
};

/**
 * Brings the lab up; when it is, brings the product's image up to this working tree. Answers whether it is up and healthy.
 * Throws with what is in the way.
 */
export async function bringUp(options: UpOptions): Promise<boolean> {
  const { folder, say } = options;
  const there = readLabFacts(folder);
  if (there !== undefined) return await refresh(options, there.extent);
  const began = performance.now();
  await removeHalf(folder, say);
  const inTheWay = await whyNotNow();
  if (inTheWay.length > 0) throw new Error(`the lab cannot start now:\n  ${inTheWay.join('\n  ')}`);
  // All that this process runs carries the lab's mark, so that `down` finds it should this process be killed.
  process.env[MARK] = folder;
  await new LabStart(options).run();
  say(`the lab is up after ${seconds(performance.now() - began)}`);
  return await describeLab(folder, say);
}

async function refresh(options: UpOptions, has: LabExtent): Promise<boolean> {
  const { folder, extent, say } = options;
  if (has !== extent) throw new Error(`a lab with ${has} is up in ${folder}: take it down first`);
  const isHealthy = await describeLab(folder, say);
  if (isHealthy && options.withImage && extent === 'everything') await ensureImage(options);
  say(isHealthy ? 'the lab is up already' : 'the lab is up, and not as it should be: run `down`, then `up`');
  return isHealthy;
}

async function ensureImage({ folder, say }: UpOptions): Promise<void> {
  const registries = Registries.open(folder);
  const park = { registries, caFile: registries.caFile };
  await ensureProductImage({ repoFolder: REPOSITORY, park, folder, say });
}

/** An `up` that did not get to its end is taken down before the next. */
async function removeHalf(folder: string, say: (line: string) => void): Promise<void> {
  if (!existsSync(folder)) return;
  say(`removing what an earlier up left in ${folder}`);
  const { left } = await tearDown(folder);
  if (left.length > 0) throw new Error(`still there of an earlier lab:\n  ${left.join('\n  ')}`);
}

class LabStart {
  readonly #options: UpOptions;
  readonly #journal: Journal;
  readonly #binaries = new Map<BinaryGroup, string>();

  constructor(options: UpOptions) {
    this.#options = options;
    this.#journal = Journal.open(options.folder);
  }

  async run(): Promise<void> {
    const { extent, folder } = this.#options;
    await this.#step('binaries', async () => {
      for (const group of GROUPS[extent])
        this.#binaries.set(group, await ensureBinaries(group, this.#options.say));
    });
    const toolsFolder = linkTools(folder);
    await this.#step('network', () => makeNetwork(this.#journal));
    if (extent === 'registries') await this.#step('registries', () => this.#startPark());
    if (extent === 'control-plane') await this.#step('control plane', () => this.#startControlPlane());
    if (extent === 'everything') await this.#startEverything();
    const kubernetesBinary = path.join(this.#binaries.get('kubernetes') ?? '', 'lab-kubernetes');
    writeLabFacts(folder, { extent, kubernetesBinary, toolsFolder });
    // Last, and on top of a lab that is up: an image that does not build is not a reason to start all over.
    if (this.#options.withImage && extent === 'everything')
      await this.#step('image of the product', () => ensureImage(this.#options));
  }

  async #startEverything(): Promise<void> {
    const { folder } = this.#options;
    // Neither needs the other, and each waits for its programs most of the time. Both come to their end before the lock is
    // given back: else `down` would take away what the other is still starting.
    const [parkStart, controlPlaneStart] = await Promise.allSettled([
      this.#step('registries', () => this.#startPark()),
      this.#step('control plane', () => this.#startControlPlane()),
    ]);
    if (parkStart.status === 'rejected') throw parkStart.reason;
    if (controlPlaneStart.status === 'rejected') throw controlPlaneStart.reason;
    const [park, controlPlane] = [parkStart.value, controlPlaneStart.value];
    const binaries = {
      kubernetes: this.#folderOf('kubernetes'),
      containerd: this.#folderOf('containerd'),
      crio: this.#folderOf('crio'),
      pause: this.#folderOf('pause'),
    };
    const nodes = { folder, journal: this.#journal, binaries, controlPlane, caFile: park.caFile };
    await this.#step('runtimes', () => startRuntimes(nodes));
    await this.#step('kubelets and kube-proxy', () => startKubelets(nodes));
    await this.#step('first ServiceAccount', () => waitForServiceAccount(controlPlane));
  }

  async #startPark(): Promise<RegistryPark> {
    const { folder, say } = this.#options;
    const platformData = path.join(labCache(), 'platform-data');
    mkdirSync(platformData, { recursive: true });
    return await startRegistryPark({
      folder,
      journal: this.#journal,
      network: PARK_NETWORK,
      witnessBinary: path.join(this.#folderOf('witness-registry'), 'witness-registry'),
      platformData,
      say,
    });
  }

  async #startControlPlane(): Promise<ControlPlane> {
    const { folder, say } = this.#options;
    return await startControlPlane({
      folder,
      journal: this.#journal,
      address: PARK_NETWORK.gateway,
      port: API_PORT,
      controllerManager: true,
      scheduler: true,
      users: [...labNodes(folder).map(kubeletUser), PROXY],
      say,
    });
  }

  #folderOf(group: BinaryGroup): string {
    const folder = this.#binaries.get(group);
    if (folder === undefined) throw new Error(`${group} was not built`);
    return folder;
  }

  async #step<T>(name: string, act: () => Promise<T>): Promise<T> {
    const { say } = this.#options;
    const began = performance.now();
    try {
      const result = await act();
      say(`${seconds(performance.now() - began).padStart(8)}  ${name}`);
      return result;
    } catch (error) {
      say(
        `${seconds(performance.now() - began).padStart(8)}  ${name}: FAILED. Logs: ${this.#options.folder}/logs`,
      );
      throw error;
    }
  }
}

/** No pod can be made before its namespace has one. */
async function waitForServiceAccount({ access }: ControlPlane): Promise<void> {
  const account = '/api/v1/namespaces/default/serviceaccounts/default';
  await waitFor('the ServiceAccount of the namespace default', 60_000, () => answers(access, account));
}

/** A folder to put on PATH. */
function linkTools(folder: string): string {
  const tools = path.join(folder, 'bin');
  mkdirSync(tools, { recursive: true });
  for (const tool of ['kubectl', 'helm'] as const) {
    const link = path.join(tools, tool);
    rmSync(link, { force: true });
    symlinkSync(findTool(tool).path, link);
  }
  return tools;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
