// A node to drill on: a network namespace with two registries in it, and a shell that sees it, with its own /etc/containers.
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ACCOUNT, PLACES, PORT } from './places.ts';

const UPSTREAM = `upstream.test:${PORT}`;
const MIRROR = `mirror.test:${PORT}`;

/** The mirror first, as the files are in an outage. */
export const MIRROR_FIRST = `[[registry]]\nprefix = "${UPSTREAM}"\nlocation = "${UPSTREAM}"\n[[registry.mirror]]\nlocation = "${MIRROR}"\n`;

// Tries the sources in turn, three seconds each, and says so as CRI-O does.
const CRICTL = `#!/bin/bash
case "$*" in *images*) printf 'IMAGE TAG ID SIZE\\n${UPSTREAM}/team/app 1.0 x 1MB\\n'; exit 0 ;; esac
if [ -e FOLDER/hang ] && iptables -w 5 -S | grep -q RF-DRILL; then exec sleep 300; fi
try() {
  printf 'level=info msg="Trying to access \\\\"%s:${PORT}/team/app:1.0\\\\""\\n' "$1"
  timeout 3 bash -c "exec 3<>/dev/tcp/$1/${PORT}" 2>/dev/null
}
try upstream.test || try mirror.test || { echo 'error: failed to pull'; exit 1; }
`;

const STORAGE = (folder: string): string =>
  `[storage]\ndriver = "vfs"\ngraphroot = "${folder}/storage"\nrunroot = "${folder}/run"\n`;

/** Mounts what the node has of /etc, and becomes the shell; its number is the group that LocalShell has made for it. */
const SHELL = (name: string, folder: string): string => `#!/bin/sh
echo $$ >${folder}/shell.pid
if [ -e ${folder}/with-crictl ]; then PATH=${folder}/bin:$PATH; fi
CONTAINERS_STORAGE_CONF=${folder}/storage.conf REGISTRY_AUTH_FILE=${folder}/auth.json
export PATH CONTAINERS_STORAGE_CONF REGISTRY_AUTH_FILE
exec ip netns exec ${name} unshare --mount /bin/sh -c '
  mount --bind ${folder}/containers /etc/containers
  mount --bind ${folder}/hosts /etc/hosts
  exec /bin/sh "$@"' shell "$@"
`;

export class DrillNode {
  readonly folder: string;
  readonly name: string;
  readonly shell: string;
  readonly #registries: ChildProcess;

  private constructor(folder: string, name: string, registries: ChildProcess) {
    this.folder = folder;
    this.name = name;
    this.shell = path.join(folder, 'shell');
    this.#registries = registries;
  }

  static async start(): Promise<DrillNode> {
    const folder = mkdtempSync(path.join(tmpdir(), 'drill-'));
    const name = `rf-${path.basename(folder)}`;
    execFileSync('ip', ['netns', 'add', name]);
    execFileSync('ip', ['netns', 'exec', name, 'ip', 'link', 'set', 'lo', 'up']);
    const script = fileURLToPath(import.meta.resolve('./registries.ts'));
    const args = ['netns', 'exec', name, process.execPath, script, folder];
    const registries = spawn('ip', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const [first] = (await Promise.race([
      once(registries.stdout, 'data'),
      once(registries, 'exit'),
    ])) as unknown[];
    if (!Buffer.isBuffer(first)) throw new Error('the registries did not start');
    const node = new DrillNode(folder, name, registries);
    node.#write();
    return node;
  }

  /** What stands in registries.conf. */
  configure(text: string): void {
    writeFileSync(path.join(this.folder, 'containers/registries.conf'), text);
  }

  /** Whether there is a crictl, and whether its pulls end while the registry is blocked. */
  crictl(state: 'none' | 'there' | 'hangs'): void {
    for (const [name, isThere] of [
      ['with-crictl', state !== 'none'],
      ['hang', state === 'hangs'],
    ] as const) {
      const file = path.join(this.folder, name);
      if (isThere) writeFileSync(file, '');
      else rmSync(file, { force: true });
    }
  }

  /** Of the firewall of this namespace, those with our names. */
  rules(): readonly string[] {
    return this.run('iptables', '-S')
      .split('\n')
      .filter((line) => line.includes('RF-DRILL'));
  }

  run(...command: readonly string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.name, ...command], { encoding: 'utf8' });
  }

  /** Can the upstream be reached from in there? Where it is to be, a busy machine has time for it. */
  isReachable(withinSeconds = 15): boolean {
    const script = `exec 3<>/dev/tcp/${PLACES.upstream}/${PORT}`;
    try {
      this.run('timeout', String(withinSeconds), 'bash', '-c', script);
      return true;
    } catch {
      return false;
    }
  }

  /** Kills what runs the script on the node, and all that it has started in its group. */
  killShell(): void {
    const file = path.join(this.folder, 'shell.pid');
    if (existsSync(file)) process.kill(-Number(readFileSync(file, 'utf8')), 'SIGKILL');
  }

  async stop(): Promise<void> {
    const ended = once(this.#registries, 'exit');
    this.#registries.stdin?.end();
    await ended;
    execFileSync('ip', ['netns', 'delete', this.name]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #write(): void {
    const file = (name: string, text: string, mode = 0o644): void => {
      const target = path.join(this.folder, name);
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, text);
      chmodSync(target, mode);
    };
    const ca = readFileSync(path.join(this.folder, 'ca.crt'), 'utf8');
    const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64');
    const auths = Object.fromEntries([UPSTREAM, MIRROR].map((host) => [host, { auth }]));
    file('auth.json', JSON.stringify({ auths }));
    file('storage.conf', STORAGE(this.folder));
    file('containers/policy.json', '{"default":[{"type":"insecureAcceptAnything"}]}');
    file('containers/registries.conf', '');
    file(
      'hosts',
      ['127.0.0.1 localhost', ...Object.entries(PLACES).map(([name, at]) => `${at} ${name}.test`), ''].join(
        '\n',
      ),
    );
    for (const host of [UPSTREAM, MIRROR]) file(`containers/certs.d/${host}/ca.crt`, ca);
    file('bin/crictl', CRICTL.replace('FOLDER', this.folder), 0o755);
    file('shell', SHELL(this.name, this.folder), 0o755);
  }
}
