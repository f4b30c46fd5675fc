// Sync lines: how the lines of a run's script are written: a step by its name, a call with its words quoted.
import { quoteForShell } from '../shell-quote.ts';

/** A step's name comes first: when it fails, it is the reason. */
export function step(name: string, ...lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`step=${quoteForShell(name)}`, ...lines];
}

/** One of the script's functions, or a program, with its words. */
export function call(verb: string, ...words: readonly string[]): string {
  return [verb, ...words.map(quoteForShell)].join(' ');
}
