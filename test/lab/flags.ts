// Command lines of Go programs: `--name=value` for each.

/** In the order given. A list is a flag given so many times. */
export function printFlags(
  values: Readonly<Record<string, string | number | boolean | readonly string[]>>,
): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => `--${name}=${String(one)}`),
  );
}
