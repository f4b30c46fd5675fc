// TOML text: the few forms of TOML that our files are made of, with every text escaped. What is not written here cannot be in a file of ours.

/** Written with these letters; every other control character by its code (TOML 1.0, basic strings). */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\b', '\\b'],
  ['\t', '\\t'],
  ['\n', '\\n'],
  ['\f', '\\f'],
  ['\r', '\\r'],
]);

// Line and paragraph separators are allowed, and look like line breaks to people and to some programs.
const UNSAFE = /["\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function escape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16).toUpperCase();
  const byCode = code > 0xffff ? `\\U${hex.padStart(8, '0')}` : `\\u${hex.padStart(4, '0')}`;
  return ESCAPES.get(character) ?? byCode;
}

/** A basic string in quotes. Throws for text that is no Unicode (half a surrogate pair), which no TOML can hold. */
export function printText(text: string): string {
  if (!text.isWellFormed()) throw new TypeError('half a surrogate pair cannot be written in TOML');
  return `"${text.replaceAll(UNSAFE, escape)}"`;
}

/** A text, or a list of texts in one line. */
export type TomlValue = string | boolean | readonly string[];

function printValue(value: TomlValue): string {
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'string' ? printText(value) : `[${value.map(printText).join(', ')}]`;
}

/** One key of a table. A value that is undefined is not written. */
export type TomlPair = readonly [key: string, value: TomlValue | undefined];

function printKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : printText(key);
}

/** `key = value` lines. */
export function printPairs(pairs: readonly TomlPair[]): string[] {
  return pairs.flatMap(([key, value]) =>
    value === undefined ? [] : [`${printKey(key)} = ${printValue(value)}`],
  );
}

/** `[a."b"]` and what is in it. */
export function printTable(path: readonly string[], pairs: readonly TomlPair[]): string[] {
  return [`[${path.map(printKey).join('.')}]`, ...printPairs(pairs)];
}

/** `[[a.b]]` and what is in it. */
export function printListItem(path: readonly string[], pairs: readonly TomlPair[]): string[] {
  return [`[[${path.map(printKey).join('.')}]]`, ...printPairs(pairs)];
}
