// Flag reader: the values of flags one by one, and all that is wrong with them.
import type { Problem } from '../domain/problem.ts';

/** Reads values one by one and keeps what is wrong with them. */
export class FlagReader {
  readonly problems: Problem[] = [];
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  refuse(flag: string, message: string, fix: string): void {
    this.problems.push({ path: `--${flag}`, code: 'InvalidFlag', message, fix });
  }

  /** undefined: not given, or given as nothing, which is how a chart says "none". */
  text(flag: string): string | undefined {
    const value = this.#values[flag];
    return typeof value === 'string' && value !== '' ? value : undefined;
  }

  list(flag: string): readonly string[] {
    const value = this.#values[flag];
    return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
  }

  required(flag: string, form: RegExp, example: string): string {
    const value = this.text(flag);
    if (value === undefined) this.refuse(flag, 'it is missing', `Give it, for example --${flag}=${example}`);
    return this.#checked(flag, value ?? example, form, example);
  }

  optional(flag: string, form: RegExp, example: string): string | undefined {
    const value = this.text(flag);
    return value === undefined ? undefined : this.#checked(flag, value, form, example);
  }

  #checked(flag: string, value: string, form: RegExp, example: string): string {
    if (!form.test(value)) {
      this.refuse(flag, `${JSON.stringify(value)} is not of the right form`, `Write it like ${example}`);
    }
    return value;
  }
}
