// Golden file: what rendering came to for one case and runtime, as a text that a person reads and the lab takes apart again.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { NodeFile } from '../../src/nodes/node-file.ts';
import type { Rendered } from '../../src/nodes/rendering/render.ts';
import type { Runtime } from '../../src/nodes/data/wanted.ts';
import type { NodeCase } from './cases.ts';

/** The files of a golden file, and the entries of CRI-O's auth file: key and base64. */
export interface Golden {
  readonly files: readonly NodeFile[];
  readonly authEntries: ReadonlyMap<string, string>;
}

export function titleOf(one: NodeCase, { name, version }: Runtime): string {
  return `${one.name}, ${name} ${version}`;
}

/** Below this folder. */
export function goldenName(one: NodeCase, runtime: Runtime): string {
  return `golden/${titleOf(one, runtime).replaceAll(/[^\w.]+/g, '-')}.txt`;
}

function printFile({ path: file, mode, content }: NodeFile): string {
  return `==> ${file} ${mode.toString(8).padStart(4, '0')}\n${content}`;
}

export function printGolden({ files, authEntries, leftOut }: Rendered): string {
  return [
    ...files.map(printFile),
    ...[...authEntries].map(([key, login]) => `==> auth entry ${key} ${login.basic()}\n`),
    ...leftOut.map(
      ({ prefix, endpoint = '-', reason, message }) =>
        `==> left out ${prefix} ${endpoint} ${reason}\n${message}\n`,
    ),
  ].join('\n');
}

/** What a node is to be given, to the byte. */
export function readGolden(one: NodeCase, runtime: Runtime): Golden {
  const text = readFileSync(path.join(import.meta.dirname, goldenName(one, runtime)), 'utf8');
  // Between two parts there is an empty line that belongs to neither.
  const parts = text.split(/(?<=\n)\n(?===> )/);
  const files = parts.flatMap((part) => {
    const [, file, mode, content] = /^==> (\/.*) ([0-7]{4})\n(.*)$/s.exec(part) ?? [];
    if (file === undefined || mode === undefined || content === undefined) return [];
    return [{ path: file, mode: Number.parseInt(mode, 8), content }];
  });
  const entries = [...text.matchAll(/^==> auth entry (\S+) (\S+)$/gm)];
  return { files, authEntries: new Map(entries.map(([, key = '', login = '']) => [key, login])) };
}

/** The same with other words in it: in paths, contents, keys and logins. */
export function reworded(golden: Golden, words: Readonly<Record<string, string>>): Golden {
  const reword = (text: string): string =>
    Object.entries(words).reduce((so, [word, other]) => so.replaceAll(word, other), text);
  const files = golden.files.map(({ path: file, mode, content }): NodeFile => {
    return { path: reword(file), mode, content: reword(content) };
  });
  const entries = [...golden.authEntries].map(([key, login]) => [reword(key), reword(login)] as const);
  return { files, authEntries: new Map(entries) };
}
