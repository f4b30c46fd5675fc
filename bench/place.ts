// Place: everything a measurement needs around the server under test: registries, manifests, a reader of the audit, cores.
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { WebhookProcess, bundledNodeFlags, freePort } from '../test/drain/webhook-process.ts';
import { World } from '../test/drain/world.ts';
import { MemoryGroup, ownCopy } from './memory-group.ts';
import { rssMb } from './process-stat.ts';
import { MIRROR_ADDRESS, UPSTREAM_ADDRESS, copiesPath } from './registries.ts';
import type { Order, Places } from './registries.ts';

/** Two cores at least, and the server has one to itself; the load, the registries and the reader share the other. */
export function onCore(core: 'server' | 'load'): readonly string[] {
  if (availableParallelism() < 2) return [];
  return ['taskset', '-c', core === 'server' ? '0' : '1'];
}

function once<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as T));
    child.once('exit', (code) => reject(new Error(`the registries ended with code ${code}`)));
  });
}

/** Both ends of a pipe, and `cat` at the reading one: as a container runtime reads a container's output. */
class ReadPipe {
  readonly fd: number;
  readonly #reader: ChildProcess;

  constructor(file: string) {
    execFileSync('mkfifo', [file]);
    // Both ways, so that opening does not wait for the other side.
    this.fd = openSync(file, constants.O_RDWR);
    const [program, ...words] = [...onCore('load'), 'cat', file];
    this.#reader = spawn(program, words, { stdio: 'ignore' });
  }

  close(): void {
    this.#reader.kill();
    closeSync(this.fd);
  }
}

export class Place {
  readonly world: World;
  readonly registries: Places;
  /** Folder of the declarations: ten sets, each with both mirrors. */
  readonly manifests: string;
  readonly #child: ChildProcess;
  readonly #pipes: ReadPipe[] = [];
  readonly #processes: { kill(): void }[] = [];
  readonly #groups = new Map<WebhookProcess, MemoryGroup>();
  #folders = 0;

  private constructor(world: World, child: ChildProcess, registries: Places) {
    this.world = world;
    this.#child = child;
    this.registries = registries;
    this.manifests = world.declare(
      'manifests',
      registries.upstreams.map((prefix, index) => ({
        name: `set-${index}`,
        prefix,
        mirrors: registries.mirrors.map((mirror) => `${mirror}/${copiesPath(index)}`),
      })),
    );
  }

  static async open(): Promise<Place> {
    const world = await World.create([UPSTREAM_ADDRESS, MIRROR_ADDRESS]);
    const file = path.join(import.meta.dirname, 'registries.ts');
    const [program, ...words] = [...onCore('load'), process.execPath, file, world.certPath, world.keyPath];
    const child = spawn(program, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    return new Place(world, child, await once<Places>(child));
  }

  /** A folder of its own for one load. */
  folder(): string {
    this.#folders += 1;
    const folder = path.join(this.world.folder, `load-${this.#folders}`);
    mkdirSync(folder);
    return folder;
  }

  /** Switches a fault of all upstreams, or of all mirrors. */
  async order(order: Order): Promise<void> {
    const done = once<string>(this.#child);
    this.#child.send(order);
    await done;
  }

  /** The bundled webhook as its image runs it; audit and log go into a pipe that is read. */
  async startWebhook(nodeFlags: readonly string[] = []): Promise<WebhookProcess> {
    const pipe = new ReadPipe(path.join(this.folder(), 'stdout'));
    this.#pipes.push(pipe);
    const group = MemoryGroup.open(`registry-failover-bench-${process.pid}-${this.#folders}`);
    const webhook = await WebhookProcess.start({
      manifests: this.manifests,
      certPath: this.world.certPath,
      keyPath: this.world.keyPath,
      bundle: true,
      stdout: pipe.fd,
      prefix: [...onCore('server'), ...(group?.prefix ?? [])],
      ...(group === undefined ? {} : { node: ownCopy(process.execPath, this.folder()) }),
      nodeFlags,
      flags: ['--cluster-name', 'bench', '--drain', '0s'],
    });
    this.#processes.push(webhook);
    if (group !== undefined) this.#groups.set(webhook, group);
    return webhook;
  }

  /** What the kubelet would count for the webhook, megabytes; its resident memory where no group can be made. */
  memoryMb(webhook: WebhookProcess): number {
    return this.#groups.get(webhook)?.workingSetMb() ?? rssMb(webhook.pid);
  }

  /** Is `memoryMb` the working set of a control group? */
  static get countsGroups(): boolean {
    const group = MemoryGroup.open(`registry-failover-bench-${process.pid}`);
    group?.close();
    return group !== undefined;
  }

  async startEmptyServer(): Promise<{ readonly pid: number; readonly port: number }> {
    const port = await freePort();
    const file = path.join(import.meta.dirname, 'empty-server.ts');
    const [program, ...words] = [...onCore('server'), process.execPath, ...bundledNodeFlags(), file];
    const { certPath, keyPath } = this.world;
    const child = spawn(program, [...words, String(port), certPath, keyPath], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#processes.push(child);
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('exit', (code) => reject(new Error(`the empty server ended with code ${code}`)));
    });
    return { pid: child.pid ?? 0, port };
  }

  /** Ends everything that was started here. */
  close(): void {
    for (const one of this.#processes) one.kill();
    // A group can go when its process has; the kernel needs a moment for that.
    void Promise.all([...this.#groups.keys()].map((webhook) => webhook.ended)).then(() => {
      for (const group of this.#groups.values()) group.close();
    });
    for (const pipe of this.#pipes) pipe.close();
    this.#child.disconnect();
    this.world.close();
  }
}
