// Config files: where the runtimes' own configuration is on a node, as far as it was gathered. Pure.
import { asArray, asString, own } from '../../domain/json.ts';
import type { ConfigText } from './containerd-config.ts';
import { flagOf, processOf } from './found-process.ts';
import { entriesIn, textAt } from './found.ts';
import type { Found } from './found.ts';
import type { NodeLayout } from '../node-file.ts';
import { readToml } from './toml-read.ts';

const CONTAINERD_FILE = '/etc/containerd/config.toml';
const CRIO_FILE = '/etc/crio/crio.conf';
const DUMP = 'containerd config dump';

export interface ContainerdFiles {
  /** Where it is or would be. */
  readonly file: string;
  /** Of the main file: 1 when it says none. undefined: there is no such file, or it cannot be read. */
  readonly format: number | undefined;
  /** What is in force, undefined when that cannot be seen from here; empty: nothing, so the defaults. */
  readonly texts: readonly ConfigText[] | undefined;
}

/** A path with `*` in its last part, as containerd's `imports` may have it. */
function matches(pattern: string, path: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^/]*')}$`).test(path);
}

/** A file without a version is of the first format. */
function formatOf(version: unknown): number {
  return typeof version === 'number' ? version : 1;
}

/** Looks up files of configuration in what was gathered. */
export class ConfigFiles {
  readonly #found: Found;
  readonly #layout: NodeLayout;

  constructor(found: Found, layout: NodeLayout) {
    this.#found = found;
    this.#layout = layout;
  }

  /** containerd's, the main file first. */
  containerd(): ContainerdFiles {
    const flag = flagOf(processOf(this.#found, 'containerd')?.cmdline ?? [], '--config', '-c');
    const file = flag ?? CONTAINERD_FILE;
    const main = this.#read(file);
    const table = main === undefined ? undefined : readToml(main.text);
    const format = table?.ok === true ? formatOf(own(table.value, 'version')) : undefined;
    return { file, format, texts: this.#containerdTexts(file, main) };
  }

  #containerdTexts(file: string, main: ConfigText | undefined): readonly ConfigText[] | undefined {
    // The program reads its usual place; what it says of that is right whatever is imported.
    const dump = file === CONTAINERD_FILE ? this.#found.containerdDump?.text() : undefined;
    if (dump !== undefined) return [{ path: DUMP, text: dump }];
    if (main !== undefined) return [main, ...this.#imports(main)];
    // Of a path that was not looked for its absence says nothing.
    const isLookedFor = file === `${this.#layout.containerdFolder}/config.toml`;
    return isLookedFor && !this.#found.entries.has(file) ? [] : undefined;
  }

  #imports(main: ConfigText): ConfigText[] {
    const table = readToml(main.text);
    if (!table.ok) return [];
    const folder = main.path.slice(0, main.path.lastIndexOf('/'));
    const patterns = asArray(own(table.value, 'imports')).flatMap((item) => asString(item) ?? []);
    return patterns.flatMap((pattern) => {
      const absolute = pattern.startsWith('/') ? pattern : `${folder}/${pattern}`;
      const paths = [...this.#found.entries.keys()].filter(
        (path) => path !== main.path && matches(absolute, path),
      );
      return paths.flatMap((path) => this.#read(path) ?? []);
    });
  }

  /** CRI-O's in their order; undefined when they cannot be seen from here. */
  crio(): readonly ConfigText[] | undefined {
    const cmdline = processOf(this.#found, 'crio')?.cmdline ?? [];
    const file = flagOf(cmdline, '--config', '-c') ?? CRIO_FILE;
    const folder = flagOf(cmdline, '--config-dir', '-d') ?? `${CRIO_FILE}.d`;
    const isUsual = file === CRIO_FILE && folder === `${CRIO_FILE}.d`;
    if (!isUsual || !this.#found.wholeHost) return undefined;
    const dropIns = entriesIn(this.#found, folder).filter(({ kind }) => kind !== 'directory');
    return [file, ...dropIns.map(({ path }) => path)].flatMap((path) => this.#read(path) ?? []);
  }

  #read(path: string): ConfigText | undefined {
    const text = textAt(this.#found, path);
    return text === undefined ? undefined : { path, text };
  }
}
