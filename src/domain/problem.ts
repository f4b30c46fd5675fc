// Problem: the one way in which bad input is reported. Validation returns all of them at once.

/** One thing that is wrong with an input. */
export interface Problem {
  /** Where: a path a person can follow, e.g. `mirrors.yaml#0 spec.mirrors[1].endpoint`, or `--listen`. */
  readonly path: string;
  /** Stable, CamelCase, for machines and conditions, e.g. `PrefixTaken`. */
  readonly code: string;
  /** What is wrong and why, one sentence without a trailing full stop. */
  readonly message: string;
  /** What to do about it, one imperative sentence without a trailing full stop. */
  readonly fix: string;
}

/** The same problem seen from one level further out, e.g. under `spec.upstream`. */
export function problemUnder(prefix: string, problem: Problem): Problem {
  return { ...problem, path: problem.path === '' ? prefix : `${prefix}${problem.path}` };
}

/** One line for a person. */
export function printProblem(problem: Problem): string {
  return `${problem.path}: ${problem.message} [${problem.code}]. ${problem.fix}.`;
}
