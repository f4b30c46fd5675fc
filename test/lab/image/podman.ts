// Debian's podman (and what else needs mounts) in namespaces of their own: nothing of it outlives the command, whatever ends it.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Journal } from '../journal.ts';
import { run } from '../run.ts';

/**
 * `program args` in mount and process namespaces of its own. When it or this process ends, even by SIGKILL, the kernel ends
 * everything that it started and takes back every mount it made: so there is nothing for the journal.
 */
export async function runContained(
  program: string,
  args: readonly string[],
  options: { readonly timeoutMs: number; readonly environment?: Readonly<Record<string, string>> },
): Promise<string> {
  const contained = ['unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child'];
  return await run(
    'setpriv',
    ['--pdeathsig', 'KILL', '--', ...contained, '--mount-proc', '--', program, ...args],
    options,
  );
}

/**
 * Podman's run-time state. A store remembers where it was and accepts no other place (so none that hangs on the lab's folder), and
 * podman wants it short: 50 characters at most.
 */
const STATE = '/run/registry-failover-podman';

export interface StoreOptions {
  readonly cache: string;
  readonly journal: Journal;
  /** What the layers hang on: other inputs, another store. */
  readonly inputs: readonly string[];
}

/** An image store of our own. */
export class Podman {
  readonly #store: string;

  private constructor(store: string) {
    this.#store = store;
  }

  /**
   * Opens the store `podman-<key>` in the cache; `close` it. Stores of other inputs are removed: layers of an old lock file are
   * of no use, and a store grows with every build. One process at a time.
   */
  static open({ cache, journal, inputs }: StoreOptions): Podman {
    const name = `podman-${shortHash(inputs)}`;
    for (const other of existsSync(cache) ? readdirSync(cache) : []) {
      if (/^podman-[0-9a-f]+$/u.test(other) && other !== name)
        rmSync(path.join(cache, other), { recursive: true });
    }
    journal.record({ kind: 'path', path: STATE });
    const podman = new Podman(path.join(cache, name));
    // What an earlier process left there tells of mounts that are gone.
    podman.close();
    for (const folder of [STATE, podman.#scratch()]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Locks in a file: those in shared memory would stay behind in /dev/shm.
    writeFileSync(path.join(STATE, 'containers.conf'), '[engine]\nlock_type = "file"\n');
    return podman;
  }

  /** Removes its state; the images stay. */
  close(): void {
    for (const folder of [STATE, this.#scratch()]) rmSync(folder, { recursive: true, force: true });
  }

  async run(args: readonly string[], timeoutMs: number): Promise<string> {
    const where = ['--root', this.#store, '--runroot', path.join(STATE, 'run')];
    const how = ['--tmpdir', path.join(STATE, 'libpod'), '--cgroup-manager=cgroupfs'];
    return await runContained('podman', [...where, ...how, '--events-backend=none', ...args], {
      timeoutMs,
      environment: { CONTAINERS_CONF: path.join(STATE, 'containers.conf'), TMPDIR: this.#scratch() },
    });
  }

  /** For layers on their way in or out: beside the images and not in /run, which may be memory. */
  #scratch(): string {
    return path.join(this.#store, 'scratch');
  }

  async has(image: string): Promise<boolean> {
    const names = await this.run(
      ['images', '--format', '{{.Repository}}:{{.Tag}}', '--filter', `reference=${image}`],
      30_000,
    );
    return names.split('\n').includes(image);
  }
}

/** Twelve hex digits that stand for these texts, in this order. */
export function shortHash(texts: Iterable<string | Buffer>): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text.length}:`).update(text);
  return hash.digest('hex').slice(0, 12);
}
