// Memory group: a control group of its own for one process, so that its working set can be read as the kubelet reads it.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import path from 'node:path';

const V1 = '/sys/fs/cgroup/memory';
const V2 = '/sys/fs/cgroup';

function numberIn(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
}

/** Where groups that count memory can be made; undefined without the rights or the controller. */
function rootOf():
  { readonly folder: string; readonly usage: string; readonly inactive: string } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  if (existsSync(path.join(V1, 'memory.usage_in_bytes'))) {
    return { folder: V1, usage: 'memory.usage_in_bytes', inactive: 'total_inactive_file' };
  }
  const controllers = path.join(V2, 'cgroup.subtree_control');
  if (!existsSync(controllers) || !readFileSync(controllers, 'utf8').includes('memory')) return undefined;
  return { folder: V2, usage: 'memory.current', inactive: 'inactive_file' };
}

export class MemoryGroup {
  readonly #folder: string;
  readonly #files: { readonly usage: string; readonly inactive: string };

  private constructor(folder: string, files: { readonly usage: string; readonly inactive: string }) {
    this.#folder = folder;
    this.#files = files;
  }

  /** Makes one; undefined where that is not possible. */
  static open(name: string): MemoryGroup | undefined {
    const root = rootOf();
    if (root === undefined) return undefined;
    const folder = path.join(root.folder, name);
    try {
      mkdirSync(folder);
    } catch {
      return undefined;
    }
    return new MemoryGroup(folder, root);
  }

  /** Words to put before a command, so that it starts inside: what it touches first is then counted here. */
  get prefix(): readonly string[] {
    const enter = 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"';
    return ['/bin/sh', '-c', enter, 'sh', this.#folder];
  }

  /** What the kubelet calls the working set, megabytes (10^6): usage less inactive file pages. */
  workingSetMb(): number {
    const usage = Number(readFileSync(path.join(this.#folder, this.#files.usage), 'utf8'));
    const stat = readFileSync(path.join(this.#folder, 'memory.stat'), 'utf8');
    return (usage - numberIn(stat, this.#files.inactive)) / 1e6;
  }

  /** Only when its processes have ended; a group that is still busy stays. */
  close(): void {
    try {
      rmdirSync(this.#folder);
    } catch {
      // It goes with the machine.
    }
  }
}

/**
 * A copy of the program that nobody else has in memory: pages of a shared file are counted to whoever read them first,
 * and in a container that is the container.
 */
export function ownCopy(program: string, folder: string): string {
  const copy = path.join(folder, path.basename(program));
  copyFileSync(program, copy);
  execFileSync('dd', [`of=${copy}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], {
    stdio: 'ignore',
  });
  return copy;
}
