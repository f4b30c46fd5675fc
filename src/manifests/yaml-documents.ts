// YAML documents: a stream of text becomes plain values with their places, or problems that quote none of the text.
import { LineCounter, isCollection, isScalar, parseAllDocuments, visit } from 'yaml';
import type { Document, ParsedNode, YAMLError } from 'yaml';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';

/** One document of a stream. */
export interface YamlDocument {
  /** `file.yaml`, or `file.yaml (document 2)` when there are several. */
  readonly origin: string;
  readonly value: unknown;
}

/** Aliases multiply: ten levels of ten make ten thousand million values out of 500 bytes. */
const MAX_ALIASES = 100;

/** Deeper than any manifest; what comes after may recurse. */
const MAX_DEPTH = 64;

/** The parser's own words may quote the text, and the text may be a Secret's. */
const WORDS: Readonly<Partial<Record<string, string>>> = {
  BAD_ALIAS: 'an alias (*) names an anchor (&) that is not there',
  BAD_DQ_ESCAPE: 'there is an unknown escape (\\) inside double quotes',
  BAD_INDENT: 'the indentation is wrong, or a bracket or a quote is still open',
  BAD_SCALAR_START: 'a plain text begins with a character that has a meaning in YAML',
  BLOCK_AS_IMPLICIT_KEY: 'there is a second ": " in one line',
  BLOCK_IN_FLOW: 'an indented block stands inside brackets or braces',
  DUPLICATE_KEY: 'a key is there twice',
  MISSING_CHAR: 'a closing quote, bracket, brace or comma, or a colon, is missing',
  MULTILINE_IMPLICIT_KEY: 'a key goes over several lines, or its colon is missing',
  TAB_AS_INDENT: 'a tab is used to indent',
  TOO_DEEP: `it is nested more than ${MAX_DEPTH} deep`,
};

interface Fault {
  readonly code: string;
  readonly offset: number;
}

/** The parser's own check compares every key with every other: 15 s for 40,000 keys. */
function findStructureFault(document: Document): Fault | undefined {
  let fault: Fault | undefined;
  visit(document, {
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        const name = isScalar(key) ? String(key.value) : undefined;
        // A merge (<<) may be there more than once.
        if (name !== undefined && name !== '<<' && seen.has(name)) {
          fault = { code: 'DUPLICATE_KEY', offset: (key as ParsedNode).range[0] };
          return visit.BREAK;
        }
        seen.add(name);
      }
      return undefined;
    },
    Node(_, node, path) {
      // The path has the pairs of maps as well.
      if (path.length <= MAX_DEPTH || path.filter(isCollection).length <= MAX_DEPTH) return undefined;
      fault = { code: 'TOO_DEEP', offset: (node as ParsedNode).range[0] };
      return visit.BREAK;
    },
  });
  return fault;
}

function faultOf(document: Document): Fault | undefined {
  const [error]: readonly YAMLError[] = document.errors;
  // The first is the cause, the others follow from it.
  return error === undefined ? findStructureFault(document) : { code: error.code, offset: error.pos[0] };
}

function syntaxProblem(path: string, code: string): Problem {
  const word = WORDS[code];
  return {
    path,
    code: 'InvalidYaml',
    message: `this is not valid YAML${word === undefined ? '' : `: ${word}`}`,
    fix: 'Correct the file at this place',
  };
}

function valueOf(document: Document, origin: string): Result<YamlDocument, Problem> {
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return ok({ origin, value });
  } catch {
    // The one thing that is left to go wrong: aliases.
    return err({
      path: origin,
      code: 'InvalidAlias',
      message: `an alias (*) names an anchor (&) that is not there, or aliases stand for more than ${MAX_ALIASES} copies`,
      fix: 'Write the values out',
    });
  }
}

function parseDocuments(text: string, lines: LineCounter): readonly Document[] | undefined {
  try {
    return parseAllDocuments(text, {
      lineCounter: lines,
      logLevel: 'error',
      merge: true,
      prettyErrors: false,
      uniqueKeys: false,
    });
  } catch {
    return undefined;
  }
}

/**
 * Parses a stream of YAML 1.2 (JSON is a part of it). Empty documents are left out. Either all documents, or a problem for
 * each that is broken, with line and column: `file.yaml (line 3, column 7)`.
 */
export function parseYamlDocuments(
  text: string,
  origin: string,
): Result<readonly YamlDocument[], readonly Problem[]> {
  const lines = new LineCounter();
  const documents = parseDocuments(text, lines);
  if (documents === undefined) return err([syntaxProblem(origin, '')]);
  const read = documents.map((document, index) => {
    const place = documents.length === 1 ? origin : `${origin} (document ${index + 1})`;
    const fault = faultOf(document);
    if (fault === undefined) return valueOf(document, place);
    const { line, col } = lines.linePos(fault.offset);
    return err(syntaxProblem(`${origin} (line ${line}, column ${col})`, fault.code));
  });
  const problems = read.flatMap((document) => (document.ok ? [] : document.error));
  if (problems.length > 0) return err(problems);
  return ok(read.flatMap((document) => (document.ok && document.value.value !== null ? document.value : [])));
}
