// Park: real sshd instances as nodes, each with network, mounts and processes of its own, and an ssh config that reaches them.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run, succeeds } from '../lab/run.ts';
import { waitFor } from '../lab/wait.ts';

/** Of the user that must give it to sudo. */
export const SUDO_PASSWORD = 'open sesame, "$HOME"';

export interface ParkNode {
  /** Its alias in the ssh config. */
  readonly name: string;
  readonly address: string;
  /** The node's root directory as this machine sees it. */
  readonly root: string;
  /** Runs a script as root inside the node, not over ssh. Answers its output. */
  sh(script: string, timeoutMs?: number): Promise<string>;
  /** From now on packets to its ssh port vanish; or come through again. */
  drop(isDropped: boolean): Promise<void>;
  /** Another host key, as after a new installation. */
  changeHostKey(): Promise<void>;
}

export interface Park {
  readonly nodes: readonly ParkNode[];
  /** For `ssh -F`. */
  readonly configFile: string;
  /** Of the key that all users accept. */
  readonly identity: string;
  readonly knownHosts: string;
  readonly folder: string;
  stop(): Promise<void>;
}

/**
 * Who may log in, all with the park's key: root; opc, sudo without a password; deploy, sudo with `SUDO_PASSWORD`; guest, no sudo; noisy, as
 * opc, with start-up files that print; locked, with a login shell that runs nothing.
 */
const USERS_SCRIPT = `
cp -a /etc/skel /root/skel
for user in opc deploy guest noisy locked; do useradd -M -d "/home/$user" -s /bin/bash -p "*" "$user"; done
usermod -s /usr/sbin/nologin locked
for home in /root /home/opc /home/deploy /home/guest /home/noisy /home/locked; do
  mkdir -p "$home/.ssh"; cp "$folder/authorized_keys" "$home/.ssh/authorized_keys"
  chmod 700 "$home/.ssh"; chmod 600 "$home/.ssh/authorized_keys"
  user=$(basename "$home"); chown -R "$user:" "$home"
done
printf '%s\\n' 'echo "Welcome to this machine. registry-failover-ready"' 'echo noise on stderr >&2' > /home/noisy/.bashrc
chpasswd < "$folder/passwords"
cat > /etc/sudoers <<'SUDOERS'
Defaults env_reset
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
opc ALL=(ALL) NOPASSWD: ALL
noisy ALL=(ALL) NOPASSWD: ALL
deploy ALL=(ALL) ALL
SUDOERS
chmod 440 /etc/sudoers
`;

function sshdConfig(folder: string): string {
  return `Port 22
HostKey ${folder}/host_key
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes yes
UseDNS no
LogLevel VERBOSE
MaxStartups 200
Subsystem sftp /usr/lib/openssh/sftp-server
`;
}

interface Cable {
  readonly link: string;
  readonly here: string;
  readonly there: string;
}

/** 198.51.100.0/24 is for documentation (RFC 5737): nobody has it. Four addresses for each node. */
async function layCable(pid: number): Promise<Cable> {
  for (let index = 0; index < 63; index += 1) {
    const link = `rfssh${index}`;
    const here = `198.51.100.${index * 4 + 1}`;
    const there = `198.51.100.${index * 4 + 2}`;
    const peer = ['peer', 'name', 'eth0', 'netns', String(pid)];
    // A link that is there already is another node's, of this or of another run.
    if (await succeeds('ip', ['link', 'add', link, 'type', 'veth', ...peer])) {
      await run('ip', ['addr', 'add', `${here}/30`, 'dev', link]);
      await run('ip', ['link', 'set', link, 'up']);
      return { link, here, there };
    }
  }
  throw new Error('no cable is free: ip link show | grep rfssh');
}

function childOf(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? NaN : Number(children.split(' ')[0]);
}

async function answersOnSsh(address: string): Promise<boolean> {
  return succeeds('bash', ['-c', `exec 3<>/dev/tcp/${address}/22 && head -c 4 <&3`]);
}

async function showsKey(address: string, key: string): Promise<boolean> {
  const look = `ssh-keyscan -T 5 -t ed25519 ${address} 2>/dev/null | grep -qF '${key}'`;
  return succeeds('bash', ['-c', look]);
}

class RunningNode implements ParkNode {
  readonly name: string;
  readonly address: string;
  readonly root: string;
  readonly #pid: number;
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #cable: Cable;

  constructor(at: { name: string; pid: number; folder: string; child: ChildProcess; cable: Cable }) {
    this.name = at.name;
    this.address = at.cable.there;
    this.root = `/proc/${at.pid}/root`;
    this.#pid = at.pid;
    this.#folder = at.folder;
    this.#child = at.child;
    this.#cable = at.cable;
  }

  sh(script: string, timeoutMs = 20_000): Promise<string> {
    const inside = ['--target', String(this.#pid), '--mount', '--net', '--pid', '--ipc', '--uts'];
    return run('nsenter', [...inside, 'sh', '-eu', '-s'], { input: `${script}\n`, timeoutMs });
  }

  async drop(isDropped: boolean): Promise<void> {
    const rule = 'INPUT -p tcp --dport 22 -j DROP';
    await this.sh(`iptables -w 5 ${isDropped ? '-A' : '-D'} ${rule}`);
  }

  async changeHostKey(): Promise<void> {
    await makeKey(path.join(this.#folder, 'host_key'));
    await this.sh('kill -HUP "$(pgrep -o -x sshd)"');
    const key = readFileSync(path.join(this.#folder, 'host_key.pub'), 'utf8').split(' ')[1] ?? '';
    // Until it has heard the signal it shows the old one.
    await waitFor('sshd with its new key', 30_000, () => showsKey(this.address, key));
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => {
      this.#child.once('exit', resolve);
    });
    this.#child.kill('SIGKILL');
    if (this.#child.exitCode === null && this.#child.signalCode === null) await ended;
    await succeeds('ip', ['link', 'del', this.#cable.link]);
  }
}

async function makeKey(file: string): Promise<void> {
  rmSync(file, { force: true });
  rmSync(`${file}.pub`, { force: true });
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'park', '-f', file]);
}

async function startNode(name: string, parkFolder: string): Promise<RunningNode> {
  const folder = path.join(parkFolder, name);
  mkdirSync(path.join(folder, 'disk'), { recursive: true });
  await makeKey(path.join(folder, 'host_key'));
  writeFileSync(path.join(folder, 'sshd_config'), sshdConfig(folder));
  writeFileSync(path.join(folder, 'users.sh'), USERS_SCRIPT);
  writeFileSync(path.join(folder, 'passwords'), `deploy:${SUDO_PASSWORD}\n`, { mode: 0o600 });
  const key = readFileSync(path.join(parkFolder, 'key.pub'), 'utf8');
  writeFileSync(path.join(folder, 'authorized_keys'), key);
  const own = ['--net', '--mount', '--pid', '--ipc', '--uts', '--fork', '--kill-child', '--mount-proc'];
  const init = ['sh', path.join(import.meta.dirname, 'node-init.sh'), folder];
  // However this process ends, the node ends with it.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...own, ...init], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('setpriv is not installed');
  let first = NaN;
  await waitFor(`the first process of ${name}`, 30_000, async () => {
    first = childOf(pid);
    return await Promise.resolve(!Number.isNaN(first));
  });
  // The first process may still be in this machine's namespaces of which unshare itself has left the network.
  const cable = await layCable(first);
  writeFileSync(path.join(folder, 'address'), `${cable.there}/30`);
  const node = new RunningNode({ name, pid: first, folder, child, cable });
  await waitFor(`sshd of ${name}`, 60_000, () => answersOnSsh(cable.there));
  return node;
}

function configOf(
  park: { folder: string; identity: string; knownHosts: string },
  nodes: readonly ParkNode[],
): string {
  const hosts = nodes.map(
    ({ name, address }) => `Host ${name}\n  HostName ${address}\n  HostKeyAlias ${name}\n`,
  );
  return `${hosts.join('\n')}
Host nowhere
  HostName no..such..name

Host closed
  HostName 127.0.0.1
  Port 1

Host stranger
  HostName ${nodes[0]?.address ?? ''}
  HostKeyAlias nobody-knows-it

Host *
  IdentityFile ${park.identity}
  IdentitiesOnly yes
  UserKnownHostsFile ${park.knownHosts}
  GlobalKnownHostsFile /dev/null
  HashKnownHosts no
`;
}

/** Starts one node for each name. Needs root. */
export async function startPark(names: readonly string[]): Promise<Park> {
  const folder = mkdtempSync(path.join(tmpdir(), 'rf-park-'));
  // Users of the nodes read their keys' folder through no one's rights but root's; sshd does that.
  chmodSync(folder, 0o755);
  const identity = path.join(folder, 'key');
  const knownHosts = path.join(folder, 'known_hosts');
  await makeKey(identity);
  const nodes: RunningNode[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const name of names) nodes.push(await startNode(name, folder));
    const keys = nodes.map(({ name }) => {
      const key = readFileSync(path.join(folder, name, 'host_key.pub'), 'utf8');
      return `${name} ${key}`;
    });
    writeFileSync(knownHosts, keys.join(''));
    const configFile = path.join(folder, 'config');
    writeFileSync(configFile, configOf({ folder, identity, knownHosts }, nodes));
    return { nodes, configFile, identity, knownHosts, folder, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
