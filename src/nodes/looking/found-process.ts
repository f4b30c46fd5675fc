// Found process: the process of a runtime among those of a node, its flags, and the version that its program says. Pure.
import type { Found, FoundProcess } from './found.ts';
import type { RuntimeName } from '../data/wanted.ts';

/** The value of a flag, as `--flag=value` or `--flag value`. */
export function flagOf(cmdline: readonly string[], ...names: readonly string[]): string | undefined {
  for (const [index, word] of cmdline.entries()) {
    if (names.includes(word)) return cmdline[index + 1];
    const name = names.find((each) => each.startsWith('--') && word.startsWith(`${each}=`));
    if (name !== undefined) return word.slice(name.length + 1);
  }
  return undefined;
}

/** Docker brings a containerd of its own, which no kubelet talks to. */
function isDockers({ cmdline }: FoundProcess): boolean {
  return flagOf(cmdline, '--config', '-c')?.includes('/docker/containerd/') ?? false;
}

/** The process of a runtime that a kubelet may talk to. */
export function processOf(found: Found, name: RuntimeName): FoundProcess | undefined {
  return found.processes.find((process) => process.comm === name && !isDockers(process));
}

/** `crio version 1.34.0`, `containerd github.com/containerd/containerd/v2 v2.1.4 7537…`; not an ABI's or a library's. */
function versionIn(text: string): string | undefined {
  return /(?:^|\s)v?(\d+\.\d+(?:\.\d+)?[0-9A-Za-z.+~_-]{0,40})(?=\s|$)/.exec(text.split('\n')[0] ?? '')?.[1];
}

/** The version that the program of a runtime says. */
export function versionOf(found: Found, name: RuntimeName): string | undefined {
  return versionIn(found.programs.find((program) => program.name === name)?.version ?? '');
}
