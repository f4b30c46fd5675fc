// Problem: the one way in which bad input is reported. Validation returns all of them at once.

/** One thing that is wrong with an input. */
export interface Problem {
  /** Where: a path a person can follow, e.g. `mirrors.yaml#0 spec.mirrors[1].endpoint`, or `--listen`. */
  readonly path: string;
  /** Stable, CamelCase, for machines and conditions, e.g. `PrefixTaken`. */
  readonly code: string;
  /** What is wrong and why, one sentence without a trailing full stop. */
  readonly message: string;
  /** What to do about it, one imperative sentence without a trailing full stop. A command to type comes last. */
  readonly fix: string;
}

/** The same problem seen from one level further out, e.g. under `spec.upstream`. */
export function problemUnder(prefix: string, problem: Problem): Problem {
  return { ...problem, path: problem.path === '' ? prefix : `${prefix}${problem.path}` };
}

const PROGRAMS = 'kubectl|systemctl|helm|npm|registry-failover|apt-get|ssh-add';
/** A program's call that goes on to the end, or a flag with at most its value. */
const COMMAND_AT_END = new RegExp(
  String.raw`(?:(?:^|\s)(?:${PROGRAMS}) (?:(?!\. ).)*|\s--[a-z][a-z-]*(?: \S+)?)$`,
  's',
);

/** With a full stop at the end, unless there is one, or people would copy it along: what ends in a command to type has none. */
export function sentence(text: string): string {
  const isEnded = /[.!?)]$/.test(text) ? !text.endsWith(')') : COMMAND_AT_END.test(text);
  return isEnded ? text : `${text}.`;
}

/** Several on one line. What follows a command stands apart from it, by a space and what ends a command in a shell. */
export function joinSentences(texts: readonly string[]): string {
  const last = texts.length - 1;
  return texts.map((text, index) => (index < last && !/[.!?)]$/.test(text) ? `${text} ;` : text)).join(' ');
}

/** One line for a person. */
export function printProblem(problem: Problem): string {
  return `${problem.path}: ${problem.message} [${problem.code}]. ${sentence(problem.fix)}`;
}
