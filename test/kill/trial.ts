// Trial: one scenario on one shell, killed at one system call: what the node is then, after the next run, and after a restore.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Shell } from '../../src/nodes/shell.ts';
import type { ApplyReport } from '../../src/nodes/writing/sync-report.ts';
import { NodeScene, type FakeCrio } from '../nodes/node-scene.ts';
import { credentials, furnish, type Scenario } from './scenarios.ts';
import { difference, judgeMoment, type Photo } from './state.ts';
import { runTraced } from './tracer.ts';

const LIMIT_MS = 30_000;

async function until(condition: () => boolean): Promise<boolean> {
  const end = Date.now() + LIMIT_MS;
  while (!condition()) {
    if (Date.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return true;
}

export interface TrialResult {
  readonly call: string;
  readonly wasKilled: boolean;
  /** What is wrong; empty: nothing. */
  readonly problems: readonly string[];
}

/** A scenario made ready: the old state to come back to, the script, and what it is to lead to. */
export class Theatre {
  readonly scenario: Scenario;
  readonly #scene: NodeScene;
  readonly #program: string;
  readonly #path: string;
  #crio: FakeCrio | undefined;
  #origin: Photo = {};
  #old: Photo = {};
  #next: Photo = {};
  #script = '';
  calls: readonly string[] = [];

  constructor(scenario: Scenario, program: string, path: string) {
    this.scenario = scenario;
    this.#program = program;
    this.#path = path;
    this.#scene = new NodeScene({ program, path, authFile: 'auth.json' });
  }

  /** The scenario and the shell. */
  get name(): string {
    return `${this.scenario.name} (${this.#program.slice(this.#program.lastIndexOf('/') + 1)})`;
  }

  get #etc(): string {
    return join(this.#scene.folder, 'etc');
  }

  #run(shell?: Shell): Promise<ApplyReport> {
    const { wanted } = this.scenario;
    if (wanted === undefined) return this.#scene.restore(undefined, shell);
    return this.#scene.apply(wanted, {
      credentials: credentials(),
      ...(shell === undefined ? {} : { shell }),
    });
  }

  /** Plays everything once: the state before, the script, a whole run of it under the tracer, the state after. */
  async open(): Promise<void> {
    furnish(this.#scene, this.scenario);
    this.#origin = this.#scene.photo();
    if (this.scenario.hasCrio) this.#crio = await this.#scene.startCrio();
    const { before } = this.scenario;
    if (before !== undefined) {
      const report = await this.#scene.apply(before, { credentials: credentials() });
      if (report.outcome !== 'Applied')
        throw new Error(`${this.scenario.name}: ${report.error ?? report.outcome}`);
    }
    this.#old = this.#scene.photo();
    cpSync(this.#etc, `${this.#etc}.old`, { recursive: true, preserveTimestamps: true });
    this.#script = await this.#catchScript();
    const report = await this.#run();
    if (!['Applied', 'Restored'].includes(report.outcome))
      throw new Error(`${this.scenario.name}: ${report.error ?? report.outcome}`);
    this.#next = this.#scene.photo();
    await this.#reset();
    this.calls = (await this.#trace(0)).calls;
    if (this.calls.length === 0) throw new Error(`${this.scenario.name}: no call was seen`);
  }

  /** The script of this change, as it would be run. */
  async #catchScript(): Promise<string> {
    let caught = '';
    const real = this.#scene.shell();
    const shell: Shell = {
      run: (script, limits) => {
        if (!script.includes('trap ')) return real.run(script, limits);
        caught = script;
        return Promise.resolve({ ran: false, failure: 'caught', stderr: '' });
      },
    };
    await this.#run(shell);
    return caught;
  }

  #trace(at: number): ReturnType<typeof runTraced> {
    return runTraced({
      script: this.#script,
      program: this.#program,
      path: this.#path,
      folder: this.#etc,
      at,
    });
  }

  /** Back to the old state, with a CRI-O that has read it. */
  async #reset(): Promise<void> {
    rmSync(this.#etc, { recursive: true });
    cpSync(`${this.#etc}.old`, this.#etc, { recursive: true, preserveTimestamps: true });
    if (!this.scenario.hasCrio) return;
    await this.#crio?.stop();
    this.#crio = await this.#scene.startCrio({ dies: this.scenario.crioDies === true });
    const dropIn = 'containers/registries.conf.d/90-registry-failover.conf';
    if (dropIn in this.#old)
      writeFileSync(join(this.#scene.folder, 'crio-view'), readFileSync(join(this.#etc, dropIn)));
  }

  /** CRI-O has read what is on the disk, or its death was the end of that. */
  async #hasReload(): Promise<boolean> {
    if (this.#crio === undefined || this.scenario.crioDies === true) return true;
    const crio = this.#crio;
    const dropIn = 'containers/registries.conf.d/90-registry-failover.conf';
    const names = new Set(this.#scene.names());
    return until(() => crio.view() === (names.has(dropIn) ? this.#scene.read(dropIn) : ''));
  }

  async #heal(): Promise<readonly string[]> {
    const report = await this.#run();
    if (this.scenario.crioDies === true && report.outcome === 'RolledBack') return this.#heal();
    const problems = ['Applied', 'Restored', 'Unchanged'].includes(report.outcome)
      ? []
      : [`the next run: ${report.error ?? report.outcome}`];
    const differs = difference(this.#scene.photo(), this.#next).map(
      (path) => `${path} is not as wanted after the next run`,
    );
    const isRead = await this.#hasReload();
    return [...problems, ...differs, ...(isRead ? [] : ['CRI-O has not read what is on the disk'])];
  }

  async #restore(): Promise<readonly string[]> {
    const report = await this.#scene.restore();
    const problems = ['Restored', 'Unchanged'].includes(report.outcome)
      ? []
      : [`restore: ${report.error ?? report.outcome}`];
    return [
      ...problems,
      ...difference(this.#scene.photo(), this.#origin).map((path) => `${path} is not as it was before us`),
    ];
  }

  /** Kills at one call, 1 to `calls.length`; what is then, is judged at once, after the next run and, when asked, after a restore. */
  async kill(at: number, restores = true): Promise<TrialResult> {
    await this.#reset();
    const { wasKilled, calls } = await this.#trace(at);
    const moment = judgeMoment(this.#scene.photo(), { old: this.#old, next: this.#next, root: this.#etc });
    const healed = await this.#heal();
    const problems = [...moment, ...healed, ...(restores ? await this.#restore() : [])];
    return { call: calls.at(-1) ?? '', wasKilled, problems };
  }

  close(): void {
    this.#scene.close();
  }
}
