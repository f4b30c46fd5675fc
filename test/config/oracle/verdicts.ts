// The verdicts of the API server's own code on the CRDs and the examples, as written by make.ts.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { crds } from '../../../deploy/crd.ts';
import * as sets from '../mirror-set-examples.ts';
import * as nodes from '../node-mirror-state-examples.ts';

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

/** What the API server is asked about: a kind's CRD, and objects of it that are right and wrong. */
export const SUBJECTS = {
  RegistryMirrorSet: {
    file: 'verdicts.json',
    crd: crds().RegistryMirrorSet,
    RIGHT: sets.RIGHT,
    WRONG: sets.WRONG,
  },
  NodeMirrorState: {
    file: 'node-verdicts.json',
    crd: crds().NodeMirrorState,
    RIGHT: nodes.RIGHT,
    WRONG: nodes.WRONG,
  },
} as const;
export type Subject = keyof typeof SUBJECTS;
export const SUBJECT_NAMES = Object.keys(SUBJECTS) as Subject[];

/** Of everything the verdicts rest on; words for people are not among it. */
export function oracleDigest(subject: Subject): string {
  const words = new Set(['description', 'message', 'fix']);
  const { crd, RIGHT, WRONG } = SUBJECTS[subject];
  const text = JSON.stringify({ crd, RIGHT, WRONG }, (key, value: unknown) =>
    words.has(key) && typeof value === 'string' ? undefined : value,
  );
  return createHash('sha256').update(text).digest('hex');
}

export function readVerdicts(subject: Subject): Verdicts {
  const file = path.join(import.meta.dirname, SUBJECTS[subject].file);
  return JSON.parse(readFileSync(file, 'utf8')) as Verdicts;
}
