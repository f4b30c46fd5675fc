// Manifest state: what is in force after files have changed. What was valid last stays where the new text is not. Pure.
import type { Problem } from '../domain/problem.ts';
import type { ManifestEntry, Refusal } from './manifest-entry.ts';
import type { StreamReading } from './manifest-stream.ts';

/** A file with what it says now. */
export interface FileReading extends StreamReading {
  readonly file: string;
}

/** An object in force, and the file it came from. */
interface HeldEntry extends ManifestEntry {
  readonly file: string;
}

export interface ManifestState {
  readonly entries: readonly HeldEntry[];
  readonly problems: readonly Problem[];
}

export const NO_MANIFESTS: ManifestState = { entries: [], problems: [] };

function duplicate(entry: ManifestEntry, first: ManifestEntry): Problem {
  return {
    path: entry.origin,
    code: 'DuplicateObject',
    message: `${entry.key} is declared in ${first.origin} already, and that one is used`,
    fix: 'Remove one of them',
  };
}

/** Was this object meant by the refused one? By name; where the name cannot be read, by its place. */
function isMeant(held: HeldEntry, refusal: Refusal): boolean {
  return refusal.key === undefined ? refusal.origin === held.origin : refusal.key === held.key;
}

/**
 * The state that follows from the files as they are now and the state before. An object that is refused now keeps its last
 * valid content, a file that is no YAML keeps all that it held; what is gone from its file is gone. Of two objects with
 * one name the first counts.
 */
export function nextState(before: ManifestState, readings: readonly FileReading[]): ManifestState {
  const entries = new Map<string, HeldEntry>();
  const duplicates: Problem[] = [];
  for (const reading of readings) {
    for (const entry of reading.entries) {
      const first = entries.get(entry.key);
      if (first === undefined) entries.set(entry.key, { ...entry, file: reading.file });
      else duplicates.push(duplicate(entry, first));
    }
  }
  const broken = new Set(readings.flatMap((reading) => (reading.isBroken ? reading.file : [])));
  const refusals = readings.flatMap((reading) => reading.refusals);
  for (const held of before.entries) {
    const isKept = broken.has(held.file) || refusals.some((refusal) => isMeant(held, refusal));
    if (isKept && !entries.has(held.key)) entries.set(held.key, held);
  }
  const problems = readings.flatMap((reading) => [
    ...reading.problems,
    ...reading.refusals.flatMap((refusal) => refusal.problems),
  ]);
  return { entries: [...entries.values()], problems: [...problems, ...duplicates] };
}
