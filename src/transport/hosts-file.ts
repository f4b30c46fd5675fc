// Hosts file: the addresses that the machine's own file gives a name; c-ares look-ups do not read it.
import { readFile, stat } from 'node:fs/promises';
import { isIP } from 'node:net';

/** The lines of a hosts file (hosts(5)): lower-case name → addresses in order. Lines that make no sense are skipped. */
export function parseHosts(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*$/u, '').trim().split(/\s+/u);
    if (isIP(address) === 0) continue;
    for (const name of names) {
      const known = found.get(name.toLowerCase());
      if (known === undefined) found.set(name.toLowerCase(), [address]);
      else if (!known.includes(address)) known.push(address);
    }
  }
  return found;
}

/** One hosts file, read again when its modification time or size has changed. */
export class HostsFile {
  readonly #path: string;
  #version = '';
  #hosts: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(path: string) {
    this.#path = path;
  }

  /** The addresses of a lower-case name; undefined when the file has none or cannot be read. */
  async lookup(name: string): Promise<readonly string[] | undefined> {
    try {
      const { mtimeMs, size, ino } = await stat(this.#path);
      const version = `${mtimeMs}/${size}/${ino}`;
      if (version !== this.#version) {
        this.#hosts = parseHosts(await readFile(this.#path, 'utf8'));
        this.#version = version;
      }
    } catch {
      // An absent file is like an empty one; while it is being replaced the last content stays in use.
    }
    return this.#hosts.get(name);
  }
}
