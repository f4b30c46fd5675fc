// The chart's values as a Markdown table, from values.schema.json (what they mean) and values.yaml (their defaults).
import { parse } from 'yaml';

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** One row for each value that has a description, in the schema's order. Throws when a value has none, or no default. */
export function renderValuesTable(schema: unknown, valuesYaml: string): string {
  const defaults: unknown = parse(valuesYaml);
  const rows = Object.entries((schema as Schema).properties ?? {})
    .filter(([name]) => name !== 'global')
    .flatMap(([name, child]) => rowsOf(name, child, defaultOf(defaults, name)));
  return `| value | default | meaning |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function rowsOf(name: string, schema: Schema, value: unknown): readonly string[] {
  if (schema.description !== undefined) {
    if (value === undefined) throw new Error(`values.yaml has no default for ${name}`);
    return [`| \`${name}\` | \`${JSON.stringify(value)}\` | ${schema.description.replaceAll('|', '\\|')} |`];
  }
  if (schema.properties === undefined) throw new Error(`values.schema.json does not say what ${name} means`);
  return Object.entries(schema.properties).flatMap(([key, child]) =>
    rowsOf(`${name}.${key}`, child, defaultOf(value, key)),
  );
}

function defaultOf(values: unknown, key: string): unknown {
  return typeof values === 'object' && values !== null ? (values as Record<string, unknown>)[key] : undefined;
}
