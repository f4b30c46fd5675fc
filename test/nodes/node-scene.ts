// A node in a scratch folder: its configuration folders, processes of its own, and what a test asks of them.
import { spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { LocalShell } from '../../src/agent/local-shell.ts';
import type { Credential } from '../../src/domain/credential.ts';
import { applyNode, restoreNode } from '../../src/nodes/writing/apply.ts';
import type { NodeLayout } from '../../src/nodes/node-file.ts';
import type { Shell } from '../../src/nodes/shell.ts';
import type { ApplyReport } from '../../src/nodes/writing/sync-report.ts';
import type { NodeWanted, RuntimeName, WantedHost } from '../../src/nodes/data/wanted.ts';

export const OWNER = 'registry-failover/registry-failover';
export const UPSTREAM = 'fra.example.com';
export const MIRROR = 'ams.example.com:5000';

export interface WantedParts {
  readonly runtime?: RuntimeName;
  readonly owner?: string;
  readonly hosts?: readonly WantedHost[];
}

/** One host with one mirror. */
export function makeHost(
  parts: {
    readonly prefix?: string;
    readonly mirror?: string;
    readonly caPem?: string;
    readonly auth?: 'None' | 'Node';
    readonly isOut?: boolean;
  } = {},
): WantedHost {
  const { prefix = UPSTREAM, mirror = MIRROR, caPem = '', auth = 'None', isOut = false } = parts;
  return {
    prefix,
    sources: [
      { endpoint: prefix, role: 'Upstream', auth: 'None', caPem: '' },
      { endpoint: mirror, role: 'Mirror', auth, caPem },
    ],
    order: isOut ? [mirror, prefix] : [prefix, mirror],
  };
}

export function makeWanted({
  runtime = 'crio',
  owner = OWNER,
  hosts = [makeHost()],
}: WantedParts = {}): NodeWanted {
  const version = runtime === 'crio' ? '1.34.0' : '2.1.9';
  return {
    version: 1,
    revision: '0123456789abcdef',
    owner,
    runtime: { name: runtime, version },
    action: 'Apply',
    hosts,
  };
}

/** Everything below a folder: path → what it is, with its mode and its bytes. */
export function photograph(folder: string): Readonly<Record<string, string>> {
  const photo: Record<string, string> = {};
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const full = join(folder, path);
    const stat = lstatSync(full);
    const facts = `${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid}`;
    if (stat.isSymbolicLink()) photo[path] = `link ${readlinkSync(full)}`;
    else if (stat.isDirectory()) photo[path] = `folder ${facts}`;
    else photo[path] = `file ${facts}\n${readFileSync(full, 'latin1')}`;
  }
  return photo;
}

export interface SceneOptions {
  /** The shell. */
  readonly program?: string;
  /** Below `etc`. */
  readonly authFile?: string;
  /** PATH of the scripts. */
  readonly path?: string;
}

/** A process that a script takes for CRI-O: it reads its drop-in when it is told to. */
export interface FakeCrio {
  /** How often it was told. */
  readonly hups: () => number;
  /** The drop-in as it was when it was last told; '' when there was none, or it was never told. */
  readonly view: () => string;
  readonly pid: number;
  /** Lets one that is starting catch SIGHUP from now on. */
  readonly wake: () => void;
  readonly stop: () => Promise<void>;
}

export class NodeScene {
  readonly folder: string;
  readonly layout: NodeLayout;
  readonly processFolder: string;
  readonly #program: string;
  readonly #path: string | undefined;
  readonly #children: ChildProcess[] = [];

  constructor({ program = '/bin/dash', authFile, path }: SceneOptions = {}) {
    this.folder = mkdtempSync(join(tmpdir(), 'rf-node-'));
    this.#program = program;
    this.#path = path;
    this.processFolder = join(this.folder, 'proc');
    const [containersFolder, containerdFolder] = ['containers', 'containerd'].map((name) =>
      join(this.folder, 'etc', name),
    );
    for (const made of [containersFolder, containerdFolder, this.processFolder])
      mkdirSync(made ?? '', { recursive: true });
    this.layout = {
      containersFolder: containersFolder ?? '',
      containerdFolder: containerdFolder ?? '',
      authFile: authFile === undefined ? undefined : join(this.folder, 'etc', authFile),
    };
  }

  shell(): Shell {
    return new LocalShell({ program: this.#program, path: this.#path });
  }

  path(name: string): string {
    return join(this.folder, 'etc', name);
  }

  write(name: string, content: string, mode = 0o644): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
    chmodSync(this.path(name), mode);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  photo(): Readonly<Record<string, string>> {
    return photograph(join(this.folder, 'etc'));
  }

  names(): readonly string[] {
    return Object.entries(this.photo())
      .filter(([, facts]) => !facts.startsWith('folder'))
      .map(([path]) => path);
  }

  apply(
    wanted: NodeWanted = makeWanted(),
    rest: {
      readonly credentials?: ReadonlyMap<string, Credential>;
      readonly dryRun?: boolean;
      readonly shell?: Shell;
    } = {},
  ): Promise<ApplyReport> {
    const { credentials = new Map<string, Credential>(), dryRun = false, shell = this.shell() } = rest;
    return applyNode(shell, {
      wanted,
      layout: this.layout,
      credentials,
      dryRun,
      processFolder: this.processFolder,
    });
  }

  restore(owner = OWNER, shell: Shell = this.shell()): Promise<ApplyReport> {
    return restoreNode(shell, {
      owner,
      layout: this.layout,
      dryRun: false,
      processFolder: this.processFolder,
    });
  }

  /** `dies`: of the signal, as CRI-O does not. `starts`: until it is woken a SIGHUP ends it, as it does end a CRI-O that is starting. */
  async startCrio({
    dies = false,
    starts = false,
  }: { readonly dies?: boolean; readonly starts?: boolean } = {}): Promise<FakeCrio> {
    // A folder of its own: bash reads its script bit by bit.
    const program = join(mkdtempSync(join(this.folder, 'program-')), 'not-crio');
    const [hups, view] = [join(this.folder, 'crio-hups'), join(this.folder, 'crio-view')];
    const dropIn = `${this.layout.containersFolder}/registries.conf.d/90-registry-failover.conf`;
    const reads = `cat ${dropIn} >${view}.new 2>/dev/null; mv ${view}.new ${view}; echo hup >>${hups}`;
    writeFileSync(hups, '');
    writeFileSync(view, '');
    // It lives as long as its standard input, which is ours.
    writeFileSync(
      program,
      [
        '#!/bin/bash',
        starts ? 'echo starting; read -r line || exit' : '',
        `trap '${dies ? 'exit 1' : reads}' HUP`,
        'echo ready',
        'while read -r line; do :; done\n',
      ].join('\n'),
    );
    chmodSync(program, 0o755);
    const child = spawn(program, { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#children.push(child);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const pid = child.pid ?? 0;
    const entry = join(this.processFolder, String(pid));
    // Called `crio` here only: other tests, and other people's, look for such processes in the real /proc.
    mkdirSync(entry);
    writeFileSync(join(entry, 'comm'), 'crio\n');
    for (const name of ['stat', 'status', 'task', 'cmdline'])
      symlinkSync(`/proc/${pid}/${name}`, join(entry, name));
    const ended = new Promise((resolve) => child.once('exit', resolve));
    return {
      hups: () => readFileSync(hups, 'utf8').split('\n').length - 1,
      view: () => readFileSync(view, 'utf8'),
      pid,
      wake: () => void child.stdin.write('\n'),
      stop: async () => {
        child.kill('SIGKILL');
        await ended;
        rmSync(entry, { recursive: true, force: true });
      },
    };
  }

  relative(path: string): string {
    return relative(join(this.folder, 'etc'), path);
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
