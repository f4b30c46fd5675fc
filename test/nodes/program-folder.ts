// Program folder: the programs that a script may count on at a node, and no others, as a PATH of its own.
import { chmodSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Of coreutils; flock is used where there is one. */
const PROGRAMS = [
  ['base64', 'chmod', 'chown', 'cp', 'date', 'head', 'id', 'ln', 'ls', 'mkdir', 'mv', 'rm', 'rmdir'],
  ['sha256sum', 'stat', 'sync', 'timeout', 'tr', 'flock'],
].flat();

/** A folder with links to them. `sleep` is a tenth as long, which is enough for a process to die in. The caller removes it. */
export function makeProgramFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rf-programs-'));
  const places = ['/usr/bin', '/bin'].map((place) => [place, new Set(readdirSync(place))] as const);
  for (const name of PROGRAMS) {
    const place = places.find(([, names]) => names.has(name))?.[0];
    if (place !== undefined) symlinkSync(join(place, name), join(folder, name));
  }
  writeFileSync(join(folder, 'sleep'), '#!/bin/sh\nexec /bin/sleep 0.02\n');
  chmodSync(join(folder, 'sleep'), 0o755);
  return folder;
}
