// Explain file: the subject of `explain`, from a file or standard input, with problems told by line and column.
import { createReadStream } from 'node:fs';
import { LineCounter, isNode, parseAllDocuments } from 'yaml';
import type { Document } from 'yaml';
import { parsePodSubjects } from '../domain/pod-template.ts';
import type { Place, PodSubject, TemplateProblem } from '../domain/pod-template.ts';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';

/** Far above every manifest: the API server takes no object above 3 MiB. */
const MAX_BYTES = 32 * 1024 * 1024;

export interface SubjectFile {
  readonly pods: readonly (PodSubject & { readonly origin: string })[];
  readonly passedOver: readonly string[];
}

const READ_PROBLEMS: Readonly<Record<string, readonly [message: string, fix: string]>> = {
  ENOENT: ['there is no such file', 'Correct the path, or write - for standard input'],
  EISDIR: ['this is a directory', 'Give one file, or write - for standard input'],
  EACCES: ['it may not be read', 'Give yourself the right to read it'],
};

function readProblem(name: string, error: unknown): Problem {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const [message, fix] = READ_PROBLEMS[code] ?? [`it could not be read (${code})`, 'Try another copy'];
  return { path: name, code: 'UnreadableFile', message, fix };
}

async function readText(file: string, name: string): Promise<Result<string, Problem>> {
  const stream = file === '-' ? process.stdin : createReadStream(file);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      const piece = Buffer.from(chunk as Buffer);
      bytes += piece.length;
      if (bytes > MAX_BYTES) {
        const message = 'it is longer than 32 MiB';
        return err({
          path: name,
          code: 'FileTooLong',
          message,
          fix: 'Give the manifests of a few workloads',
        });
      }
      chunks.push(piece);
    }
    return ok(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    return err(readProblem(name, error));
  }
}

const YAML_FIXES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'Indent with spaces',
  DUPLICATE_KEY: 'Remove one of the two',
  BLOCK_AS_IMPLICIT_KEY: 'Put the value in quotes, or on a line of its own',
  BAD_INDENT: 'Correct the indentation, or close the bracket or quote before it',
  MISSING_CHAR: 'Close the quote or bracket, or put the text in quotes',
};

class YamlFile {
  readonly #name: string;
  readonly #lines = new LineCounter();
  readonly #documents: readonly Document[];

  constructor(name: string, text: string) {
    this.#name = name;
    // Merge keys are read as kubectl reads them.
    this.#documents = [
      ...parseAllDocuments(text, { lineCounter: this.#lines, prettyErrors: false, merge: true }),
    ];
  }

  /** What is not YAML. Only the first per document: the others follow from it. */
  problems(): Problem[] {
    return this.#documents.flatMap(({ errors: [first] }) => {
      if (first === undefined) return [];
      // Some messages go on to quote the file, which may hold secrets.
      const message = `this is not YAML: ${first.message.split(/: ["']/)[0] ?? ''}`;
      const fix = YAML_FIXES[first.code] ?? 'Correct the YAML here';
      return [{ path: this.#at(first.pos[0]), code: 'InvalidYaml', message, fix }];
    });
  }

  /** The documents' values; throws where an alias leads nowhere, or to too much. */
  values(): unknown[] {
    return this.#documents.map((document) => document.toJS() as unknown);
  }

  /** `deploy.yaml:12:7`, of the value itself or of what is nearest above it. */
  where({ document, keys }: Place): string {
    const root = this.#documents[document];
    for (let length = keys.length; length >= 0; length -= 1) {
      const node = root?.getIn(keys.slice(0, length), true);
      if (isNode(node) && node.range) return this.#at(node.range[0]);
    }
    return this.#name;
  }

  /** `deploy.yaml:12`. */
  lineOf(place: Place): string {
    return this.where(place).replace(/:\d+$/, '');
  }

  #at(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#name}:${line}:${col}`;
  }
}

function located(file: YamlFile, problem: TemplateProblem): Problem {
  const { code, message, fix, place } = problem;
  return { path: `${file.where(place)} ${problem.path}`.trimEnd(), code, message, fix };
}

function valuesOf(file: YamlFile, name: string): Result<unknown[], Problem> {
  try {
    return ok(file.values());
  } catch {
    const message = 'an alias (*name) has no anchor (&name), or would be expanded without end';
    return err({ path: name, code: 'InvalidYaml', message, fix: 'Write the value out instead of the alias' });
  }
}

/** Reads the pods out of a file, `-` being standard input. All problems at once. */
export async function readSubjects(
  file: string,
  namespace: string,
): Promise<Result<SubjectFile, readonly Problem[]>> {
  const name = file === '-' ? 'standard input' : file;
  const text = await readText(file, name);
  if (!text.ok) return err([text.error]);
  const yaml = new YamlFile(name, text.value);
  const broken = yaml.problems();
  if (broken.length > 0) return err(broken);
  const values = valuesOf(yaml, name);
  if (!values.ok) return err([values.error]);
  const subjects = parsePodSubjects(values.value, namespace);
  if (!subjects.ok) return err(subjects.error.map((problem) => located(yaml, problem)));
  const pods = subjects.value.pods.map((pod) => ({ ...pod, origin: yaml.lineOf(pod.place) }));
  return ok({ pods, passedOver: subjects.value.passedOver });
}
