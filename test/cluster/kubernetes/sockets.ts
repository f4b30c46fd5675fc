// Sockets: how many TCP connections this very process has to a port, as the kernel counts them.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const ESTABLISHED = '01';

function ownInodes(): Set<string> {
  const inodes = new Set<string>();
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch {
      // Closed meanwhile: the listing's own descriptor among them.
    }
  }
  return inodes;
}

/** proc(5), /proc/net/tcp: local, remote (hexadecimal address:port), state, ..., inode as the tenth field. */
export function establishedTo(port: number): number {
  const own = ownInodes();
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/self/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((field) => field[2]?.endsWith(remote) && field[3] === ESTABLISHED && own.has(field[9] ?? ''))
    .length;
}
