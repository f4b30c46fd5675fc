// Explain file: the subject of `explain`, from a file or standard input, with problems told by line and column.
import { createReadStream } from 'node:fs';
import { LineCounter, isNode, parseAllDocuments } from 'yaml';
import type { Document } from 'yaml';
import { parsePodSubjects } from '../domain/pod-template.ts';
import type { Place, PodSubject, TemplateProblem } from '../domain/pod-template.ts';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';
import { parseYamlDocuments } from '../manifests/yaml-documents.ts';

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

/** Where the values of a file stand in its text. */
class Lines {
  readonly #name: string;
  readonly #counter = new LineCounter();
  readonly #documents: readonly Document[];

  /** The text has been parsed before, without a problem. */
  constructor(name: string, text: string) {
    this.#name = name;
    const options = { lineCounter: this.#counter, prettyErrors: false, merge: true, uniqueKeys: false };
    // Empty documents do not count, here as there.
    this.#documents = [...parseAllDocuments(text, options)].filter((document) => document.toJS() !== null);
  }

  /** `deploy.yaml (line 12, column 7)`: of the value itself, or of what is nearest above it. */
  where(place: Place): string {
    const at = this.#find(place);
    return at === undefined ? this.#name : `${this.#name} (line ${at.line}, column ${at.col})`;
  }

  /** `deploy.yaml:12`, as editors take it. */
  line(place: Place): string {
    return `${this.#name}:${this.#find(place)?.line ?? 1}`;
  }

  #find({ document, keys }: Place): { readonly line: number; readonly col: number } | undefined {
    const root = this.#documents[document];
    for (let length = keys.length; length >= 0; length -= 1) {
      const node = root?.getIn(keys.slice(0, length), true);
      if (isNode(node) && node.range) return this.#counter.linePos(node.range[0]);
    }
    return undefined;
  }
}

function located(lines: Lines, { code, message, fix, place, path }: TemplateProblem): Problem {
  return { path: `${lines.where(place)} ${path}`.trimEnd(), code, message, fix };
}

/** Reads the pods out of a file, `-` being standard input. All problems at once. */
export async function readSubjects(
  file: string,
  namespace: string,
): Promise<Result<SubjectFile, readonly Problem[]>> {
  const name = file === '-' ? 'standard input' : file;
  const text = await readText(file, name);
  if (!text.ok) return err([text.error]);
  const documents = parseYamlDocuments(text.value, name);
  if (!documents.ok) return documents;
  const lines = new Lines(name, text.value);
  const values = documents.value.map((document) => document.value);
  const subjects = parsePodSubjects(values, namespace);
  if (!subjects.ok) return err(subjects.error.map((problem) => located(lines, problem)));
  const pods = subjects.value.pods.map((pod) => ({ ...pod, origin: lines.line(pod.place) }));
  return ok({ pods, passedOver: subjects.value.passedOver });
}
