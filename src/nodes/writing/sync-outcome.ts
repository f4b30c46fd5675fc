// Sync outcome: what the script that changes a node says at its end, or why it says nothing.
import { decodeBase64, decodeUtf8 } from '../../domain/base64.ts';
import type { ShellOutcome } from '../shell.ts';

/**
 * `stopped`: nothing was changed. `rolledback`: it was, and is as before again. `broken`: the way back failed too, every file is whole and
 * the next run goes on. `changed`: something is not as it was when it was looked at; nothing was touched. `unknown`: no word came back.
 */
export type SyncEnd =
  | { readonly end: 'applied'; readonly told: boolean }
  | { readonly end: 'changed'; readonly path: string }
  | { readonly end: 'stopped' | 'rolledback' | 'broken' | 'unknown'; readonly why: string };

const OUTCOME = /^outcome (applied|changed|stopped|rolledback|broken) \+([A-Za-z0-9+/=]*)$/m;
const MAX_WHY = 300;

/** The last thing a program complained about, as one short line. */
function complaint(stderr: string): string {
  const last = stderr
    .split('\n')
    .map((line) => line.replace(/\p{Cc}/gu, ' ').trim())
    .findLast((line) => line !== '');
  return last === undefined ? '' : `: ${last.slice(0, MAX_WHY)}`;
}

/** Reads what came back of a run of `printSyncScript`. */
export function parseSyncOutcome(outcome: ShellOutcome): SyncEnd {
  if (!outcome.ran) return { end: 'unknown', why: outcome.failure };
  const match = OUTCOME.exec(outcome.stdout);
  if (match === null) {
    return { end: 'unknown', why: `the script ended with ${outcome.exit}${complaint(outcome.stderr)}` };
  }
  const [, end, encoded = ''] = match;
  const bytes = decodeBase64(encoded, 'padded');
  const text = bytes === undefined ? '' : decodeUtf8(bytes);
  if (end === 'applied') return { end, told: text.trim() !== '' };
  if (end === 'changed') return { end, path: text };
  const why = `could not ${text}${complaint(outcome.stderr)}`;
  return { end: end === 'stopped' ? 'stopped' : end === 'rolledback' ? 'rolledback' : 'broken', why };
}
