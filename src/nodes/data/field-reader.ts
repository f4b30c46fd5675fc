// Field reader: untrusted data read field by field, with every problem noted on the way.
import { asObject, own } from '../../domain/json.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { Problem } from '../../domain/problem.ts';

export type ProblemParts = Omit<Problem, 'path'>;

/** Problems of one document, each once, in the order in which they were met. */
export class ProblemList {
  readonly #problems: Problem[] = [];

  add(path: string, parts: ProblemParts): void {
    this.#problems.push({ path, ...parts });
  }

  all(): readonly Problem[] {
    return this.#problems;
  }
}

/** What a text has to be. */
export interface TextForm {
  readonly isRight: (text: string) => boolean;
  readonly code: string;
  /** What is wrong when it is not, and what to do. */
  readonly message: string;
  readonly fix: string;
}

/** The fields of one object. A field that is wrong is read as undefined and noted. */
export class FieldReader {
  readonly path: string;
  readonly #fields: JsonObject | undefined;
  readonly #problems: ProblemList;

  constructor(value: unknown, path: string, problems: ProblemList) {
    this.path = path;
    this.#fields = asObject(value);
    this.#problems = problems;
    if (this.#fields !== undefined) return;
    problems.add(path, { code: 'InvalidType', message: 'it is not an object', fix: 'Write an object' });
  }

  at(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`;
  }

  note(name: string, parts: ProblemParts): void {
    this.#problems.add(this.at(name), parts);
  }

  raw(name: string): unknown {
    return own(this.#fields, name);
  }

  /** Notes fields that nobody knows: whoever wrote them believes that they do something. */
  only(names: readonly string[]): void {
    for (const name of Object.keys(this.#fields ?? {}).slice(0, 64)) {
      if (names.includes(name)) continue;
      this.note(name.slice(0, 64), {
        code: 'UnknownField',
        message: 'there is no such field in this version of the data',
        fix: `Remove it; there are ${names.join(', ')}`,
      });
    }
  }

  text(name: string, form: TextForm): string | undefined {
    const value = this.raw(name);
    if (typeof value === 'string' && form.isRight(value)) return value;
    if (this.#fields === undefined) return undefined;
    const { code, message, fix } = form;
    this.note(name, { code, message, fix });
    return undefined;
  }

  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const form = {
      isRight: (text: string) => choices.some((choice) => choice === text),
      code: 'InvalidValue',
      message: `it is not one of ${choices.join(', ')}`,
      fix: `Write ${choices.join(' or ')}`,
    };
    return this.text(name, form) as T | undefined;
  }

  /** @param bounds Number of items. A list outside of them is noted and not read. */
  list(name: string, bounds: { readonly min: number; readonly max: number }): readonly unknown[] {
    const value = this.raw(name);
    if (Array.isArray(value) && value.length >= bounds.min && value.length <= bounds.max) {
      return value as readonly unknown[];
    }
    if (this.#fields === undefined) return [];
    this.note(name, {
      code: 'InvalidList',
      message: `it is not a list of ${bounds.min} to ${bounds.max} items`,
      fix: `Write a list of ${bounds.min} to ${bounds.max} items`,
    });
    return [];
  }
}
