// Toml read: other people's TOML as untrusted tables; a syntax error is a value with its line.
import { parse, TomlError } from 'smol-toml';
import { asObject, own } from '../../domain/json.ts';
import type { JsonObject } from '../../domain/json.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';

/** Deeper than anything a runtime reads: a parser that recurses must not be led deeper. */
const MAX_DEPTH = 100;

/** The table of a text, or where it is no TOML: `line 3`. Nothing of the text itself is repeated. */
export function readToml(text: string): Result<JsonObject, string> {
  try {
    // Numbers of others may be larger than ours; a table is asked for.
    return ok(parse(text, { maxDepth: MAX_DEPTH, integersAsBigInt: 'asNeeded' }));
  } catch (error) {
    return err(error instanceof TomlError ? `line ${error.line}` : 'somewhere');
  }
}

/** The table below these keys, or undefined. */
export function tableAt(table: JsonObject | undefined, ...keys: readonly string[]): JsonObject | undefined {
  let found = table;
  for (const key of keys) found = asObject(own(found, key));
  return found;
}
