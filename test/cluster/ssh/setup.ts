// Setup of the ssh tests: says everything that is missing here at once, before a test fails for it.
import { existsSync } from 'node:fs';

/** Programs, by the Debian package that brings them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  '/usr/sbin/sshd': 'openssh-server',
  '/usr/bin/ssh': 'openssh-client',
  '/usr/bin/sudo': 'sudo',
  '/usr/bin/unshare': 'util-linux',
  '/usr/bin/pgrep': 'procps',
};

export default function setUp(): void {
  if (process.getuid?.() !== 0) throw new Error('the ssh tests need root: they make namespaces and mounts');
  const missing = Object.entries(PROGRAMS).filter(([program]) => !existsSync(program));
  if (missing.length === 0) return;
  const names = missing.map(([, name]) => name).join(' ');
  throw new Error(`the ssh tests need: apt-get install --no-install-recommends ${names}`);
}
