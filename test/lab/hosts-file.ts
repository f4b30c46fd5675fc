// Lines of /etc/hosts that carry a marker: added in one go, removed in one go, and nothing else of the file is touched.
import { readFileSync, writeFileSync } from 'node:fs';
import type { Journal } from './journal.ts';

const FILE = '/etc/hosts';

/** Adds `address name # marker` for each name. */
export function addHosts(journal: Journal, marker: string, names: Readonly<Record<string, string>>): void {
  journal.record({ kind: 'hosts', marker });
  const text = readFileSync(FILE, 'utf8');
  const lines = Object.entries(names).map(([name, address]) => `${address} ${name} # ${marker}\n`);
  // In place and not by rename: in a container the file is a mount of its own.
  writeFileSync(FILE, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${lines.join('')}`);
}

export function removeHosts(marker: string): void {
  const text = readFileSync(FILE, 'utf8');
  const kept = text.split('\n').filter((line) => !line.endsWith(`# ${marker}`));
  const next = kept.join('\n');
  if (next !== text) writeFileSync(FILE, next);
}

export function hasHosts(marker: string): boolean {
  return readFileSync(FILE, 'utf8')
    .split('\n')
    .some((line) => line.endsWith(`# ${marker}`));
}
