// Text forms: the strings of a mirror set that have a grammar, each checked in files by the domain's parser and in CEL.
import { z } from 'zod';
import { parseEndpoint } from '../domain/endpoint.ts';
import type { Problem } from '../domain/problem.ts';
import { isPath, isTag, quote } from '../domain/reference-grammar.ts';
import { parsePrefix } from '../domain/reference.ts';
import type { Result } from '../domain/result.ts';
import { COMPONENT, LABEL, PORT } from './registry-grammar.ts';
import { isText, withRules } from './rule.ts';
import type { Rule } from './rule.ts';

// RE2, as CEL has it; the same language as domain/reference-prefix.ts but for the inside of IPv6 brackets.
const NAME = `${LABEL}(?:[.]${LABEL})+(?:${PORT})?|${LABEL}${PORT}|(?i:localhost)`;
const HOST = `(?:${NAME}|[[][a-fA-F0-9:]+[]](?:${PORT})?)`;
const DNS_LABEL = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const DNS_NAME = `${DNS_LABEL}(?:[.]${DNS_LABEL})*`;
const LABEL_NAME = '[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?';

function celMatches(pattern: string): string {
  return `self.matches('^(?:${pattern})$')`;
}

/** The commonest mistakes by name; the rest gets the whole form. */
const REGISTRY_MESSAGE = [
  `self.contains('://') ? 'registries are always reached over https. Remove the scheme' : `,
  `self.contains('*') ? 'there are no wildcards: it covers everything below it. Write the literal host and path' : `,
  `self.contains('@') ? 'a digest or a user name cannot stand here. Write host[:port][/path]' : `,
  `self.endsWith('/') ? 'there is a slash at the end. Remove it' : `,
  `self.matches('/.*:') ? 'a tag cannot stand here. Remove the colon and the tag' : `,
  `!self.matches('^[^/]*[.:[]') ? 'this begins like an image at docker.io, not like a registry. Write the host with its domain or port, or docker.io/...' : `,
  `'not a registry or a path below one. Write host[:port][/path], the path in lower case'`,
].join('');

/** Above every host and path that the grammar allows but the very longest; bounds what CEL costs. */
const MAX_REGISTRY_TEXT = 512;

/** `host[:port][/path]` by a parser of the domain, whose problem says exactly what is wrong. */
function registryText(code: string, parse: (text: string) => Result<unknown, Problem>): z.ZodString {
  const rule: Rule<string> = {
    code,
    message: 'it is not a registry, or a path below one',
    fix: 'Write host[:port][/path]',
    cel: `self == '' || ${celMatches(`${HOST}(?:/${COMPONENT})*`)} && self.split('/')[0].size() <= 259 && self.size() - self.split('/')[0].size() <= 256`,
    celMessage: REGISTRY_MESSAGE,
    find: (text) => {
      // Both are said by the bounds below.
      if (text === '' || text.length > MAX_REGISTRY_TEXT) return [];
      const parsed = parse(text);
      return parsed.ok ? [] : [{ message: parsed.error.message, fix: parsed.error.fix }];
    },
  };
  return withRules(z.string().min(1).max(MAX_REGISTRY_TEXT), isText, [rule]);
}

/** The registry name that pods use: code `InvalidPrefix`. */
export const prefixText = registryText('InvalidPrefix', parsePrefix);

/** A place that serves images: code `InvalidEndpoint`. */
export const endpointText = registryText('InvalidEndpoint', parseEndpoint);

function isCanary(text: string): boolean {
  const colon = text.lastIndexOf(':');
  return colon !== -1 && isPath(text.slice(0, colon)) && isTag(text.slice(colon + 1));
}

/** `repository:tag`, or ''. */
export const canaryText = withRules(z.string().max(384), isText, [
  {
    code: 'InvalidCanary',
    message: 'the canary is not repository:tag',
    fix: 'Write a repository below the prefix, without the host, and a tag: health/canary:1',
    cel: `self == '' || ${celMatches(`${COMPONENT}(?:/${COMPONENT})*:[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}`)}`,
    find: (text) =>
      text === '' || isCanary(text) ? [] : [{ message: `${quote(text)} is not repository:tag` }],
  },
]);

interface Form {
  readonly code: string;
  readonly what: string;
  readonly pattern: string;
  readonly max: number;
  readonly fix: string;
}

function formText({ code, what, pattern, max, fix }: Form): z.ZodString {
  const expression = new RegExp(`^(?:${pattern})$`, 'u');
  const rule: Rule<string> = {
    code,
    message: `it is not ${what}`,
    fix,
    cel: celMatches(pattern),
    find: (text) =>
      expression.test(text) || text === '' ? [] : [{ message: `${quote(text)} is not ${what}` }],
  };
  return withRules(z.string().min(1).max(max), isText, [rule]);
}

/** A name of a Kubernetes object: DNS-1123 subdomain (apimachinery validation). */
export const objectName = formText({
  code: 'InvalidName',
  what: 'the name of a Kubernetes object',
  pattern: DNS_NAME,
  max: 253,
  fix: 'Use lower-case letters, digits, dots and -, with a letter or digit at both ends',
});

/** A key of a ConfigMap (apimachinery IsConfigMapKey). */
export const configMapKey = formText({
  code: 'InvalidKey',
  what: 'a key of a ConfigMap',
  pattern: '[-._a-zA-Z0-9]+',
  max: 253,
  fix: 'Use letters, digits, dots, - and _, for example ca.crt',
});

const LABEL_KEY = `(?:${DNS_NAME}/)?${LABEL_NAME}`;

/** A label key (apimachinery IsQualifiedName). */
export const labelKey = formText({
  code: 'InvalidLabel',
  what: 'a label key',
  pattern: LABEL_KEY,
  max: 317,
  fix: 'Write [domain/]name, the name with at most 63 letters, digits, dots, - and _',
});

/** A label value (apimachinery IsValidLabelValue); '' is one. */
export const labelValue = withRules(z.string().max(63), isText, [
  {
    code: 'InvalidLabel',
    message: 'it is not a label value',
    fix: 'Use at most 63 letters, digits, dots, - and _, with a letter or digit at both ends',
    cel: celMatches(`(?:${LABEL_NAME})?`),
    find: (text) =>
      text === '' || new RegExp(`^${LABEL_NAME}$`, 'u').test(text)
        ? []
        : [{ message: `${quote(text)} is not a label value` }],
  },
]);

/** Is the text a label key? For the keys of a map, which carry no schema of their own. */
export function isLabelKey(text: string): boolean {
  return labelKey.safeParse(text).success;
}

/** The CEL of the same question about each key of a map. */
export const CEL_LABEL_KEYS = `self.all(key, key.matches('^${LABEL_KEY}$'))`;
