// The verdicts of the API server's own code on the CRD and the examples, as written by make.ts.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { crd } from '../../../deploy/crd.ts';
import { RIGHT, WRONG } from '../mirror-set-examples.ts';

interface Verdict {
  /** Refused whatever the CRD says: its name, its kind. */
  readonly apiServer?: readonly string[];
  /** Fields dropped. */
  readonly pruned?: readonly string[];
  readonly schema?: readonly string[];
  readonly cel?: readonly string[];
}

export interface Verdicts {
  readonly digest: string;
  /** What is wrong with the CRD itself, CEL cost included. */
  readonly crd: readonly string[];
  readonly objects: Readonly<Record<string, Verdict>>;
}

/** Of everything the verdicts rest on; words for people are not among it. */
export function oracleDigest(): string {
  const words = new Set(['description', 'message', 'fix']);
  const text = JSON.stringify({ crd: crd(), RIGHT, WRONG }, (key, value: unknown) =>
    words.has(key) && typeof value === 'string' ? undefined : value,
  );
  return createHash('sha256').update(text).digest('hex');
}

export function readVerdicts(): Verdicts {
  return JSON.parse(readFileSync(path.join(import.meta.dirname, 'verdicts.json'), 'utf8')) as Verdicts;
}
