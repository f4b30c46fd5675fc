// Golden stage: the hosts of the node cases as one recorder on this machine, and their golden files on the lab's nodes.
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { addHosts, removeHosts } from '../../lab/hosts-file.ts';
import { runContained } from '../../lab/image/podman.ts';
import { Journal } from '../../lab/journal.ts';
import type { Lab } from '../../lab/lab.ts';
import { PARK_NETWORK } from '../../lab/network.ts';
import { CRIO_AUTH_FILE } from '../../lab/node-crio.ts';
import { inNode } from '../../lab/nodes.ts';
import type { LabNode, NodeName } from '../../lab/nodes.ts';
import type { Account } from '../../lab/registries/records.ts';
import { run } from '../../lab/run.ts';
import { waitFor } from '../../lab/wait.ts';
import { NODE_CASES } from '../../nodes/cases.ts';
import type { NodeCase } from '../../nodes/cases.ts';
import type { Golden } from '../../nodes/golden-file.ts';
import { Recorder } from './recorder.ts';

const MARKER = 'registry-failover-lab golden';
/** In the lab's network: of a host on the loopback CRI-O verifies no certificate. */
const ADDRESS = '10.87.0.20';
const CRIO = 'crio-node1';
/** What it says when a reload has come to the registries, which follow nearly everything that could stop it. */
const APPLIED = 'Applied new registry configuration';
const RELOAD_MS = 10_000;
const PULL_MS = 30_000;

/** Not every container has it. */
export const HAS_IPV6 = Object.values(networkInterfaces()).some((one) =>
  one?.some(({ address }) => address === '::1'),
);

/** Every host of every case, without and with its port. */
function hostsOfCases(): readonly { readonly name: string; readonly port: number }[] {
  const endpoints = NODE_CASES.flatMap(({ hosts }) => hosts.flatMap(({ sources }) => sources));
  return endpoints.map(({ endpoint }) => {
    const { hostname, port } = new URL(`https://${endpoint}`);
    const name = hostname === 'docker.io' ? 'registry-1.docker.io' : hostname.replaceAll(/[[\]]/g, '');
    return { name, port: port === '' ? 443 : Number(port) };
  });
}

/** What the golden files are laid before. */
export type Program = 'CRI-O' | 'podman' | 'containerd';

/** Where each reads its files. */
const NODE_OF = { 'CRI-O': 'node1', podman: 'node1', containerd: 'node2' } as const;

/** Brings the recorder up under all their names; `close` gives the names back. */
export class GoldenStage {
  readonly recorder: Recorder;
  readonly #lab: Lab;
  readonly #addresses: readonly string[];
  #laid: (() => void)[] = [];

  private constructor(lab: Lab, recorder: Recorder, addresses: readonly string[]) {
    this.#lab = lab;
    this.recorder = recorder;
    this.#addresses = addresses;
  }

  static async open(lab: Lab): Promise<GoldenStage> {
    const hosts = hostsOfCases();
    const names = [...new Set(hosts.map(({ name }) => name))];
    const loopback = ['127.0.0.1', ...(HAS_IPV6 ? ['::1'] : [])];
    const further = names.filter((name) => isIP(name) === 6 && name !== '::1' && HAS_IPV6);
    const added = [`${ADDRESS}/32`, ...further.map((address) => `${address}/128`)];
    for (const address of added)
      await run('ip', ['address', 'replace', address, 'dev', PARK_NETWORK.bridge, 'nodad']);
    const ports = [...new Set(hosts.map(({ port }) => port))];
    const recorder = await Recorder.start({
      addresses: [...loopback, ADDRESS, ...further].flatMap((host) => ports.map((port) => ({ host, port }))),
      certificate: await lab.registries.certificateFor(names),
    });
    const unknown = names.filter((name) => isIP(name) === 0 && name !== 'localhost');
    const lines = Object.fromEntries(unknown.map((name) => [name, ADDRESS]));
    addHosts(Journal.open(lab.folder), MARKER, lines);
    return new GoldenStage(lab, recorder, added);
  }

  /** Leaves the lab as it was: no file, no name, a CRI-O that runs and knows none of ours. */
  async close(): Promise<void> {
    await this.clear();
    removeHosts(MARKER);
    for (const address of this.#addresses)
      await run('ip', ['address', 'delete', address, 'dev', PARK_NETWORK.bridge]);
    rmSync(this.#ownFolder(), { recursive: true, force: true });
    await this.recorder.close();
    await this.reload();
  }

  /** The registries that a case has a credential for ask for one. */
  askForLogins({ logins = {} }: Pick<NodeCase, 'logins'>): void {
    this.recorder.askForLogin(Object.keys(logins).map((endpoint) => endpoint.split('/', 1)[0] ?? ''));
  }

  /** Puts the files where the program reads them; answers what CRI-O said when it took them. */
  async give(program: Program, golden: Golden): Promise<string> {
    this.lay(NODE_OF[program], golden);
    return program === 'CRI-O' ? await this.reload() : '';
  }

  /** Puts the files there; `clear` takes them away. Throws when one of another's is in the way. */
  lay(name: NodeName, { files, authEntries }: Golden): void {
    const node = this.#lab.node(name);
    for (const { path: file, mode, content } of files) this.#write(node, file, { mode, content });
    if (authEntries.size === 0) return;
    const auths = Object.fromEntries([...authEntries].map(([key, auth]) => [key, { auth }]));
    this.#write(node, CRIO_AUTH_FILE, { mode: 0o600, content: JSON.stringify({ auths }) });
  }

  /** A CRI-O that could not start with them is started without. */
  async clear(): Promise<void> {
    for (const undo of this.#laid.toReversed()) undo();
    this.#laid = [];
    if (!this.#lab.processes.isRunning(CRIO)) await this.restart();
  }

  /** SIGHUP; answers what CRI-O said until it had the files. Throws when it does not take them. */
  async reload(): Promise<string> {
    const { processes } = this.#lab;
    const log = processes.logFile(CRIO);
    const from = statSync(log).size;
    let said = '';
    process.kill(processes.pidOf(CRIO), 'SIGHUP');
    await processes
      .waitUntil(CRIO, RELOAD_MS, () => {
        said = readFileSync(log).subarray(from).toString('utf8');
        return Promise.resolve(said.includes(APPLIED));
      })
      .catch((error: unknown) => {
        throw new Error(`CRI-O did not take the files: ${said}`, { cause: error });
      });
    return said.slice(0, said.indexOf(APPLIED));
  }

  /** Ends CRI-O and starts it with what is there now; waits until it answers. Containers live on. */
  async restart(): Promise<void> {
    const { processes } = this.#lab;
    await processes.stop(CRIO);
    processes.startAgain(CRIO);
    await processes.waitUntil(CRIO, RELOAD_MS, async () => {
      return await this.#lab.cri('node1', 'version').then(
        () => true,
        () => false,
      );
    });
  }

  /** Waits until both runtimes ask the recorder: Go reads /etc/hosts again after some seconds. */
  async waitUntilNamed(image: string): Promise<void> {
    for (const program of ['CRI-O', 'containerd'] as const) {
      await waitFor(`${program} to ask the recorder`, PULL_MS, async () => {
        await this.pull(program, image);
        return this.recorder.take().length > 0;
      });
    }
  }

  /** Answers why it failed; undefined: it did not. The login is what a kubelet would hand over; podman has the node's. */
  async pull(program: Program, image: string, login?: Account): Promise<string | undefined> {
    try {
      if (program === 'podman') await this.#pullWithPodman(image);
      else await this.#lab.cri(NODE_OF[program], ...this.#loginWords(login), 'pull', image);
      return undefined;
    } catch (error) {
      return String(error);
    }
  }

  /** Takes an image away again that was pulled. */
  async forget(program: Program, image: string): Promise<void> {
    if (program !== 'podman') await this.#lab.cri(NODE_OF[program], 'rmi', image);
  }

  #loginWords(login: Account | undefined): readonly string[] {
    if (login === undefined) return [];
    const file = path.join(this.#ownFolder(), 'password');
    writeFileSync(file, login.password, { mode: 0o600 });
    return ['-user', login.user, '-password-file', file];
  }

  /** As root of node1 does it, in a store of its own. */
  async #pullWithPodman(image: string): Promise<void> {
    const node = this.#lab.node('node1');
    const at = this.#ownFolder();
    const settings = path.join(at, 'containers.conf');
    writeFileSync(settings, '[engine]\nlock_type = "file"\n');
    const place = [
      '--root',
      `${at}/s`,
      '--runroot',
      `${at}/r`,
      '--tmpdir',
      `${at}/t`,
      '--storage-driver=vfs',
    ];
    const own = ['--cgroup-manager=cgroupfs', '--events-backend=none', 'pull', '--quiet'];
    const policy = ['--signature-policy', path.join(node.folder, 'policy.json')];
    const hasLogins = existsSync(path.join(node.etc, path.relative('/etc', CRIO_AUTH_FILE)));
    const logins = hasLogins ? ['--authfile', CRIO_AUTH_FILE] : [];
    const [program = '', ...words] = inNode(node, ['podman', ...place, ...own, ...policy, ...logins, image]);
    await runContained(program, words, {
      timeoutMs: PULL_MS,
      environment: {
        CONTAINERS_CONF: settings,
        SSL_CERT_DIR: path.join(this.#lab.folder, 'trust'),
        HOME: at,
        XDG_RUNTIME_DIR: at,
      },
    });
  }

  /** Short: podman wants it so. */
  #ownFolder(): string {
    const folder = path.join(this.#lab.folder, 'golden');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return folder;
  }
  #write(
    { etc }: LabNode,
    file: string,
    { mode, content }: { readonly mode: number; readonly content: string },
  ): void {
    const place = path.join(etc, path.relative('/etc', file));
    const made = mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, content, { mode, flag: 'wx' });
    this.#laid.push(() => rmSync(made ?? place, { recursive: true, force: true }));
  }
}
