// Config path edit: containerd's config.toml with ONE config_path in it, everything else as it was, comments included. Pure.
import { asObject, own } from '../../domain/json.ts';
import type { JsonObject } from '../../domain/json.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';
import { readToml } from '../looking/toml-read.ts';

/** Where the setting is, by the format of the file (internal/cri/config, docs/cri/registry.md). */
const SECTIONS: Readonly<Record<2 | 3, readonly string[]>> = {
  2: ['plugins', 'io.containerd.grpc.v1.cri', 'registry'],
  3: ['plugins', 'io.containerd.cri.v1.images', 'registry'],
};

const KEY = 'config_path';

/** Deeper than any configuration. */
const MAX_DEPTH = 100;

function isSameTable(a: JsonObject, b: JsonObject, depth: number): boolean {
  const keys = Object.keys(a);
  if (depth > MAX_DEPTH || keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && isSame(a[key], b[key], depth + 1));
}

/** Lists are compared as tables: both have their positions for keys. */
function isSame(a: unknown, b: unknown, depth = 0): boolean {
  const [x, y] = [asTable(a), asTable(b)];
  if (x !== undefined && y !== undefined)
    return Array.isArray(a) === Array.isArray(b) && isSameTable(x, y, depth);
  return a instanceof Date && b instanceof Date ? String(a) === String(b) : Object.is(a, b);
}

function asTable(value: unknown): JsonObject | undefined {
  if (value instanceof Date || typeof value !== 'object' || value === null) return undefined;
  return value as JsonObject;
}

/** The table with one value set below these keys. */
function withValue(table: JsonObject, keys: readonly string[], value: string): JsonObject {
  const [key = '', ...rest] = keys;
  const inner = rest.length === 0 ? value : withValue(asObject(own(table, key)) ?? {}, rest, value);
  return { ...table, [key]: inner };
}

/** A basic string of TOML: the path has no character that would have to be escaped. */
function assignment(path: string): string {
  return `${KEY} = "${path}"`;
}

/** Is the line the header of this table? A line that only looks like one is found out when the result is read back. */
function isHeader(line: string, keys: readonly string[]): boolean {
  if (!/^\s*\[[^[]/.test(line)) return false;
  const table = readToml(`${line}\n`);
  return (
    table.ok &&
    isSame(
      table.value,
      keys.toReversed().reduce<JsonObject>((inner, key) => ({ [key]: inner }), {}),
    )
  );
}

const ASSIGNED = /^(\s*(?:config_path|"config_path"|'config_path')\s*=\s*)(?:"[^"]*"|'[^']*')(.*)$/s;

/** The line with another value, or with an assignment below it, or neither. */
function changesOf(line: string, keys: readonly string[], path: string): readonly (readonly string[])[] {
  const assigned = ASSIGNED.exec(line);
  if (assigned !== null) return [[`${assigned[1] ?? ''}"${path}"${assigned[2] ?? ''}`]];
  const indent = line.slice(0, line.length - line.trimStart().length);
  return isHeader(line, keys) ? [[line, `${indent}  ${assignment(path)}`]] : [];
}

/** All texts that might be meant: an assignment replaced, a line after a header, a table at the end. */
function* candidates(text: string, keys: readonly string[], path: string): Generator<string> {
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    for (const change of changesOf(line, keys, path)) yield lines.toSpliced(index, 1, ...change).join('\n');
  }
  const gap = text.endsWith('\n') ? '' : '\n';
  const [plugins, plugin, registry] = keys;
  yield `${text}${gap}\n[${plugins}."${plugin}".${registry}]\n  ${assignment(path)}\n`;
}

/** Why a file is left as it is. One sentence each. */
export type EditRefusal = string;

/** A file that says nothing is made anew; one without a version is of format 1. */
function startOf(
  text: string,
  newFormat: 2 | 3,
): { text: string; table: JsonObject; format: 2 | 3 } | EditRefusal {
  const read = readToml(text);
  if (!read.ok) return `config.toml is not TOML (${read.error})`;
  if (Object.keys(read.value).length === 0)
    return { text: `version = ${newFormat}\n${text}`, table: { version: newFormat }, format: newFormat };
  const format = own(read.value, 'version');
  if (format === 2 || format === 3) return { text, table: read.value, format };
  return 'config.toml is of a format other than 2 and 3: containerd config migrate prints it in a newer one';
}

export interface ConfigPathEdit {
  /** The text of config.toml; '' when there is none. */
  readonly text: string;
  /** Format of a file that is made anew: 3 from containerd 2.0 on. */
  readonly newFormat: 2 | 3;
  /** Absolute, of letters, digits, `.`, `_`, `-` and `/`. */
  readonly path: string;
}

/**
 * The whole new text. It is given only when a TOML parser reads it as the old one with this single value set; how the table
 * was written before does not matter then.
 */
export function editConfigPath({ text, newFormat, path }: ConfigPathEdit): Result<string, EditRefusal> {
  if (!/^[A-Za-z0-9._/-]+$/.test(path)) return err('the path has characters that are not written');
  const start = startOf(text, newFormat);
  if (typeof start === 'string') return err(start);
  const keys = SECTIONS[start.format];
  const wanted = withValue(start.table, [...keys, KEY], path);
  if (isSame(start.table, wanted)) return err('it has this config_path already');
  for (const candidate of candidates(start.text, keys, path)) {
    const read = readToml(candidate);
    if (read.ok && isSame(read.value, wanted)) return ok(candidate);
  }
  return err('its tables are written in a way that cannot be added to without rewriting them');
}
