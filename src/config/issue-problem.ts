// Issue → Problem: what zod found, said so that a person at three in the morning knows what to type.
import type { z } from 'zod';
import type { Problem } from '../domain/problem.ts';
import { quote } from '../domain/reference-grammar.ts';
import { printFieldPath, valueAt } from './schema-field.ts';
import type { FieldPath, SchemaFields } from './schema-field.ts';
import { nearestWord } from './spelling.ts';

type Issue = z.core.$ZodIssue;

/** What the translation looks at beside the issue itself. */
export interface IssueContext {
  readonly input: unknown;
  readonly fields: SchemaFields;
}

const NAMES: Readonly<Record<string, string>> = {
  object: 'a map of fields',
  record: 'a map',
  array: 'a list',
  string: 'a text',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
};

function describeValue(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string'
    ? `the text ${quote(value)}`
    : `the ${typeof value} ${JSON.stringify(value)}`;
}

/** First sentence of a description, to stand inside another sentence. */
function purposeOf(path: FieldPath, { fields }: IssueContext): string {
  const [first] = fields.at(path)?.description?.split(/\.(?:\s|$)/, 1) ?? [];
  if (first === undefined) return '';
  const isWord = /^[A-Z][a-z]/.test(first);
  return `: ${isWord ? first.charAt(0).toLowerCase() + first.slice(1) : first}`;
}

function missing(path: FieldPath, context: IssueContext): Omit<Problem, 'path'> {
  const name = String(path.at(-1) ?? 'the object');
  return {
    code: 'Required',
    message: `${name} is required and is not there`,
    fix: `Add ${name}${purposeOf(path, context)}`,
  };
}

function typeFix(expected: string, path: FieldPath, { input, fields }: IssueContext): string {
  const value = valueAt(input, path);
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean'))
    return `Put it in quotes: "${String(value)}"`;
  if (expected === 'boolean') return 'Write true or false, without quotes';
  if (expected === 'array') return 'Write a list: one item per line, each after "- "';
  const below = fields.at(path)?.fields ?? [];
  if (below.length > 0) return `Write its fields below it, indented: ${below.join(', ')}`;
  return `Write ${NAMES[expected] ?? expected}`;
}

function wrongType(expected: string, path: FieldPath, context: IssueContext): Omit<Problem, 'path'> {
  const value = valueAt(context.input, path);
  if (value === undefined) return missing(path, context);
  return {
    code: 'WrongType',
    message: `${describeValue(value)} stands where ${NAMES[expected] ?? expected} belongs`,
    fix: typeFix(expected, path, context),
  };
}

function wrongValue(
  values: readonly unknown[],
  path: FieldPath,
  context: IssueContext,
): Omit<Problem, 'path'> {
  const value = valueAt(context.input, path);
  if (value === undefined) return missing(path, context);
  const known = values.map(String);
  const nearest = typeof value === 'string' ? nearestWord(value, known) : undefined;
  const list = known.join(', ');
  return {
    code: 'UnknownValue',
    message:
      known.length === 1
        ? `${describeValue(value)} is not ${list}`
        : `${describeValue(value)} is none of ${list}`,
    fix: known.length > 1 && nearest === undefined ? 'Write one of them' : `Write ${nearest ?? list}`,
  };
}

/** Length of a text, a list or a map, whatever the input is. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : Number(value);
}

function tooBig(maximum: number, path: FieldPath, { input }: IssueContext): Omit<Problem, 'path'> {
  const value = valueAt(input, path);
  const size = sizeOf(value);
  if (typeof value === 'string')
    return {
      code: 'TooLong',
      message: `the text has ${size} characters, ${maximum} are allowed`,
      fix: 'Shorten it',
    };
  if (typeof value === 'number')
    return { code: 'OutOfRange', message: `${size} is above ${maximum}`, fix: 'Write a smaller number' };
  return {
    code: 'TooMany',
    message: `there are ${size} entries, ${maximum} are allowed`,
    fix: `Remove ${size - maximum}`,
  };
}

function tooSmall(minimum: number, path: FieldPath, context: IssueContext): Omit<Problem, 'path'> {
  const value = valueAt(context.input, path);
  if (typeof value === 'number')
    return { code: 'OutOfRange', message: `${value} is below ${minimum}`, fix: `Write at least ${minimum}` };
  const name = String(path.at(-1) ?? 'it');
  return {
    code: 'Empty',
    message: `${name} is empty`,
    fix: `Write ${typeof value === 'string' ? name : 'at least one entry'}${purposeOf(path, context)}`,
  };
}

function unknownField(key: string, parent: FieldPath, { fields }: IssueContext): Problem {
  const known = fields.at(parent)?.fields ?? [];
  // YAML 1.1, which kubectl reads, takes a bare on for true.
  const nearest = key === 'true' && known.includes('on') ? '"on", in quotes' : nearestWord(key, known);
  const places = fields.placesOf(key);
  const owner = parent.length === 0 ? 'a RegistryMirrorSet' : printFieldPath(parent);
  const elsewhere = places.length === 0 ? undefined : `Move it to ${places.join(' or ')}`;
  const near = nearest === undefined ? undefined : `Write ${nearest}`;
  return {
    path: printFieldPath([...parent, key]),
    code: 'UnknownField',
    message: `${owner} has no field ${quote(key)}, so it would have no effect`,
    fix: near ?? elsewhere ?? `Remove it: the fields here are ${known.join(', ')}`,
  };
}

function custom(issue: Issue & { readonly code: 'custom' }): Omit<Problem, 'path'> {
  const { code, fix } = issue.params ?? {};
  return { code: String(code), message: issue.message, fix: String(fix) };
}

function translate(issue: Issue, context: IssueContext): Omit<Problem, 'path'> {
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the list is zod's, and grows with its releases
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.expected, issue.path, context);
    case 'invalid_value':
      return wrongValue(issue.values, issue.path, context);
    case 'too_big':
      return tooBig(Number(issue.maximum), issue.path, context);
    case 'too_small':
      return tooSmall(Number(issue.minimum), issue.path, context);
    case 'custom':
      return custom(issue);
    default:
      // No other kind of issue can come of these schemas.
      return { code: 'Invalid', message: issue.message, fix: 'See kubectl explain registrymirrorset' };
  }
}

/** One issue becomes one problem, but for unknown fields, which are one each. Paths begin at the object: `spec.mirrors[1]…`. */
export function problemsOfIssue(issue: Issue, context: IssueContext): readonly Problem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => unknownField(key, issue.path, context));
  }
  return [{ path: printFieldPath(issue.path), ...translate(issue, context) }];
}
