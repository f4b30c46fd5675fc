// Shrink: makes a failing review smaller as long as it fails in the same way, and leaves it in a temporary file.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { placesOf } from './mutations.ts';
import { printJson } from './raw-json.ts';
import { runTrial } from './trial.ts';
import type { Trial } from './trial.ts';

/** Enough for any pod; a defect that hangs must not be tried for ever. */
const MAX_TRIES = 1_500;
const MAX_MS = 30_000;

interface Budget {
  tries: number;
  readonly until: number;
}

async function stillFails(trial: Trial, text: string, check: string, budget: Budget): Promise<boolean> {
  budget.tries += 1;
  const { failure } = await runTrial({ ...trial, text });
  return failure?.check === check;
}

function isSpent(budget: Budget): boolean {
  return budget.tries >= MAX_TRIES || performance.now() > budget.until;
}

/** Every review that is smaller by one part, or by half a text. */
function* smaller(text: string): Generator<string> {
  const count = placesOf(JSON.parse(text)).length;
  for (let index = 0; index < count; index += 1) {
    const review: unknown = JSON.parse(text);
    const at = placesOf(review)[index];
    if (at === undefined) continue;
    const { holder, key } = at;
    const value: unknown = Reflect.get(holder, key);
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else Reflect.deleteProperty(holder, key);
    yield printJson(review, text);
    if (typeof value !== 'string' || value.length < 40 || Array.isArray(holder)) continue;
    const other: unknown = JSON.parse(text);
    const again = placesOf(other)[index];
    if (again === undefined) continue;
    Reflect.set(again.holder, key, value.slice(0, value.length / 2));
    yield printJson(other, text);
  }
}

async function findSmaller(trial: Trial, text: string, check: string, budget: Budget) {
  for (const candidate of smaller(text)) {
    if (isSpent(budget)) return undefined;
    if (await stillFails(trial, candidate, check, budget)) return candidate;
  }
  return undefined;
}

/** The smallest review found that breaks the same promise. */
export async function shrink(trial: Trial, check: string): Promise<string> {
  const budget: Budget = { tries: 0, until: performance.now() + MAX_MS };
  let text = trial.text;
  for (;;) {
    const found = await findSmaller(trial, text, check, budget);
    if (found === undefined) return text;
    text = found;
  }
}

let folder: string | undefined;

/** Writes a reproduction; returns where it is. */
export function keep(name: string, content: string | Buffer): string {
  folder ??= mkdtempSync(path.join(tmpdir(), 'registry-failover-fuzz-'));
  const file = path.join(folder, name.replaceAll(/[^\w.-]+/g, '-'));
  writeFileSync(file, content);
  return file;
}
