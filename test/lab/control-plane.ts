// A real control plane in a folder: etcd and an API server, with controllers and scheduler when asked for. Needs no node and no root.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { answers } from './api-client.ts';
import type { ApiAccess } from './api-client.ts';
import { ensureBinaries } from './binaries.ts';
import {
  ADMIN,
  CONTROLLER_MANAGER,
  kubeconfigFile,
  pkiFile,
  readFacts,
  SCHEDULER,
  writeFacts,
} from './control-plane-files.ts';
import type { ApiUser, ControlPlaneFacts } from './control-plane-files.ts';
import { apiServer, controllerManager, etcd, scheduler } from './control-plane-programs.ts';
import type { Journal } from './journal.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { freePorts } from './ports.ts';
import { Processes } from './processes.ts';

export interface ControlPlaneOptions {
  /** Where data, keys and logs go; a temporary folder, removed by stop(), when absent. */
  readonly folder?: string;
  /** With the controller manager: ServiceAccounts in namespaces, ReplicaSets, garbage collection, namespaces that end. */
  readonly controllerManager?: boolean;
  /** With the scheduler. */
  readonly scheduler?: boolean;
  /**
   * Users with a token, beside the admin. The API server reads them once, at its start: for a user that nobody thought of, call
   * with the admin's token and the headers `Impersonate-User` and `Impersonate-Group` (kubectl: `--as`, `--as-group`).
   */
  readonly users?: readonly ApiUser[];
  /** Of the API server; 127.0.0.1 when absent. */
  readonly address?: string;
  /** Of the API server; a free one when absent. */
  readonly port?: number;
  /** Further names and addresses in the API server's certificate. */
  readonly addresses?: readonly string[];
  readonly apiServerFlags?: readonly string[];
  /** With it the programs go on when this process ends; without it they end with it, however it ends. */
  readonly journal?: Journal;
  readonly say?: (line: string) => void;
}

export interface ControlPlane {
  /** `https://127.0.0.1:port` */
  readonly server: string;
  readonly caPem: string;
  readonly caFile: string;
  /** Of a member of system:masters. */
  readonly adminToken: string;
  /** Path of the admin's kubeconfig. */
  readonly kubeconfig: string;
  /** How the admin calls it. */
  readonly access: ApiAccess;
  readonly processes: Processes;
  /** The token of a user named in the options. Throws for others: see `users` for how to be someone else. */
  token(user: string): string;
  /** Ends it as a crash would; the data stays. */
  stopApiServer(): Promise<void>;
  /** Starts it again on the same port with the same data, and waits until it is ready. */
  startApiServer(): Promise<void>;
  restartApiServer(): Promise<void>;
  /** Ends everything, and removes the folder when it was a temporary one. */
  stop(): Promise<void>;
}

const READY_MS = 60_000;

/** Starts one and waits until it is ready (about 3 s). Several may run side by side. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binary = path.join(await ensureBinaries('kubernetes', options.say ?? (() => {})), 'lab-kubernetes');
  const folder = options.folder ?? mkdtempSync(path.join(tmpdir(), 'control-plane-'));
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const facts = await makeFacts(folder, options);
  for (const user of [ADMIN, CONTROLLER_MANAGER, SCHEDULER, ...(options.users ?? [])])
    writeKubeconfig(kubeconfigFile(folder, user), accessOf(facts, user.name));
  const { journal } = options;
  const processes = new Processes(journal === undefined ? { folder } : { folder, journal });
  const place = { folder, binary, facts };
  const controlPlane = new RunningControlPlane(processes, facts, options.folder === undefined);
  try {
    processes.start(etcd(place));
    processes.start(apiServer(place, options.apiServerFlags ?? []));
    await controlPlane.waitUntilReady();
    if (options.controllerManager === true) processes.start(controllerManager(place));
    if (options.scheduler === true) processes.start(scheduler(place));
  } catch (error) {
    await controlPlane.stop();
    throw error;
  }
  return controlPlane;
}

/** The control plane that another process has started in this folder. Throws when there is none. */
export function openControlPlane(folder: string, journal: Journal): ControlPlane {
  const facts = readFacts(folder);
  if (facts === undefined) throw new Error(`no control plane was started in ${folder}`);
  return new RunningControlPlane(new Processes({ folder, journal }), facts, false);
}

async function makeFacts(folder: string, options: ControlPlaneOptions): Promise<ControlPlaneFacts> {
  const address = options.address ?? '127.0.0.1';
  const [first = 0, ...etcdPorts] = await freePorts(3, '127.0.0.1');
  return await writeFacts(folder, {
    address,
    ports: [options.port ?? first, ...etcdPorts],
    // 10.96.0.1: the first of the range of Services.
    addresses: ['127.0.0.1', '10.96.0.1', address, ...(options.addresses ?? [])],
    users: [ADMIN, CONTROLLER_MANAGER, SCHEDULER, ...(options.users ?? [])],
  });
}

function accessOf(facts: ControlPlaneFacts, user: string): ApiAccess {
  const token = facts.tokens[user];
  if (token === undefined) throw new Error(`no token was made for ${user}`);
  return { server: facts.server, caPem: facts.caPem, token };
}

class RunningControlPlane implements ControlPlane {
  readonly server: string;
  readonly caPem: string;
  readonly caFile: string;
  readonly adminToken: string;
  readonly kubeconfig: string;
  readonly access: ApiAccess;
  readonly processes: Processes;
  readonly #facts: ControlPlaneFacts;
  readonly #isTemporary: boolean;

  constructor(processes: Processes, facts: ControlPlaneFacts, isTemporary: boolean) {
    this.processes = processes;
    this.#facts = facts;
    this.#isTemporary = isTemporary;
    this.server = facts.server;
    this.caPem = facts.caPem;
    this.caFile = pkiFile(processes.folder, 'ca.pem');
    this.access = accessOf(facts, ADMIN.name);
    this.adminToken = this.access.token;
    this.kubeconfig = kubeconfigFile(processes.folder, ADMIN);
  }

  token(user: string): string {
    return accessOf(this.#facts, user).token;
  }

  async stopApiServer(): Promise<void> {
    await this.processes.kill('kube-apiserver');
  }

  async startApiServer(): Promise<void> {
    this.processes.startAgain('kube-apiserver');
    await this.waitUntilReady();
  }

  async restartApiServer(): Promise<void> {
    await this.stopApiServer();
    await this.startApiServer();
  }

  /** Ready is: all its own checks pass, and the namespace that everything starts in is there. */
  async waitUntilReady(): Promise<void> {
    await this.processes.waitUntil('kube-apiserver', READY_MS, async () => {
      if (!this.processes.isRunning('etcd')) throw new Error(`etcd ended: ${this.processes.said('etcd')}`);
      return (
        (await answers(this.access, '/readyz')) && (await answers(this.access, '/api/v1/namespaces/default'))
      );
    });
  }

  async stop(): Promise<void> {
    const names = ['kube-scheduler', 'kube-controller-manager', 'kube-apiserver', 'etcd'];
    for (const name of names) await this.processes.kill(name);
    if (this.#isTemporary) rmSync(this.processes.folder, { recursive: true, force: true });
  }
}
