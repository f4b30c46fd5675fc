// Raw JSON: bodies with values that JSON.stringify cannot write: deep nesting, numbers beyond range, keys that come twice.

const OPEN = '@@raw:';
/** A number that JSON may hold and no double can. */
const OVERFLOW = '1e999';

/** Arrays within arrays, or objects within objects. */
export function nested(depth: number, open = '[', close = ']', core = ''): string {
  return open.repeat(depth) + core + close.repeat(depth);
}

/** Deep enough for every reader that calls itself to fall over. */
const DEEP: Readonly<Record<string, () => string>> = {
  deepArray: () => nested(20_000),
  deepObject: () => nested(20_000, '{"a":', '}', '1'),
};

const LITERALS: Readonly<Record<string, string>> = {
  huge: OVERFLOW,
  minusZero: '-0',
  tiny: '1e-999',
  long: '123456789012345678901234567890.123456789',
  nul: String.raw`"a\u0000b"`,
  twice: '{"image":"a","image":"b"}',
};

/** Names of the raw values that are short, and of those that are deep: the latter cost a hundred times as much. */
export const RAW_LITERALS: readonly string[] = Object.keys(LITERALS);
export const RAW_DEEP: readonly string[] = Object.keys(DEEP);

/** A stand-in for a raw value in an object that is still to be printed. */
export function rawValue(name: string): string {
  return `${OPEN}${name}@@`;
}

const STAND_IN = /"@@raw:(\w+)@@"/g;

/** Prints an object, with the stand-ins replaced by what they stand for. A key stays a string. */
export function printWithRaws(value: unknown): string {
  const text = JSON.stringify(value);
  if (!text.includes(OPEN)) return text;
  return text.replaceAll(STAND_IN, (whole, name: string, at: number) =>
    text[at + whole.length] === ':' ? whole : (LITERALS[name] ?? DEEP[name]?.() ?? 'null'),
  );
}

type Step = { readonly text: string } | { readonly value: unknown };

function open(value: object): Step[] {
  const isArray = Array.isArray(value);
  const steps: Step[] = [{ text: isArray ? '[' : '{' }];
  Object.entries(value).forEach(([key, child], index) => {
    const comma = index === 0 ? '' : ',';
    steps.push({ text: isArray ? comma : `${comma}${JSON.stringify(key)}:` }, { value: child });
  });
  steps.push({ text: isArray ? ']' : '}' });
  return steps;
}

/** JSON.stringify for parsed JSON of any depth, numbers beyond range included; `wrote` is the text it was parsed from. */
export function printJson(root: unknown, wrote: string): string {
  if (wrote.includes(OVERFLOW)) return printDeep(root);
  try {
    return JSON.stringify(root);
  } catch {
    return printDeep(root);
  }
}

/** JSON.stringify would make null of it. */
function printScalar(value: unknown): string {
  return value === Infinity ? OVERFLOW : JSON.stringify(value);
}

function printDeep(root: unknown): string {
  const parts: string[] = [];
  const todo: Step[] = [{ value: root }];
  for (let step = todo.pop(); step !== undefined; step = todo.pop()) {
    if ('text' in step) parts.push(step.text);
    else if (typeof step.value === 'object' && step.value !== null)
      todo.push(...open(step.value).toReversed());
    else parts.push(printScalar(step.value));
  }
  return parts.join('');
}
