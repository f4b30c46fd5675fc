// Kills: ssh ends at random moments of a run on a real sshd node; what the node is then, once the script has ended, and after the next run.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { applyNode, restoreNode } from '../../src/nodes/writing/apply.ts';
import type { Shell, ShellOutcome } from '../../src/nodes/shell.ts';
import type { ApplyReport } from '../../src/nodes/writing/sync-report.ts';
import type { NodeWanted } from '../../src/nodes/data/wanted.ts';
import { createSshShell } from '../../src/ssh/ssh-shell.ts';
import { Random } from '../fuzz/random.ts';
import { credentials, SCENARIOS } from '../kill/scenarios.ts';
import type { Scenario } from '../kill/scenarios.ts';
import { difference, judgeMoment } from '../kill/state.ts';
import type { Photo } from '../kill/state.ts';
import { OWNER, photograph } from '../nodes/node-scene.ts';
import { startPark } from './park.ts';
import type { Park, ParkNode } from './park.ts';
import { startCrio } from './stand-ins.ts';

/** The folders of this suite on the node. */
const ETC = '/etc/rf';
const LAYOUT = {
  containersFolder: `${ETC}/containers`,
  containerdFolder: `${ETC}/containerd`,
  authFile: `${ETC}/auth.json`,
};
const DROP_IN = `${LAYOUT.containersFolder}/registries.conf.d/90-registry-failover.conf`;
/** What the stand-in for CRI-O has read last. */
const VIEW = '/run/crio-view';

/** Those in which something is there to lose. A runtime that dies has its own suite. */
const CHOSEN = SCENARIOS.filter(({ before, crioDies }) => before !== undefined && crioDies !== true);

export interface KillCounts {
  kills: number;
  /** When ssh was killed: before the script had begun, while it ran, after its end. */
  early: number;
  hits: number;
  late: number;
  /** Of those runs of which the node knows nothing: killed while it was looked at. */
  looking: number;
  /** Looked at the node: at once, when the script had ended, and after the next run. */
  looks: number;
  readonly invalid: string[];
}

/** A scenario with its two ends, measured on the node. */
interface Stage {
  readonly scenario: Scenario;
  readonly old: Photo;
  readonly next: Photo;
  /** Of the two connections when nobody kills them, the last time: the machine may have other work. */
  durations: readonly [gather: number, write: number];
}

/** A shell whose ssh can be killed. */
class MortalShell implements Shell {
  readonly outcomes: ShellOutcome[] = [];
  readonly durations: number[] = [];
  readonly #shell: Shell;
  readonly #pidFile: string;
  #onRun: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(park: Park, host: string) {
    this.#pidFile = path.join(park.folder, `${host}.pid`);
    const program = path.join(park.folder, 'mortal-ssh');
    writeFileSync(program, `#!/bin/sh\necho $$ > '${this.#pidFile}'\nexec ssh "$@"\n`, { mode: 0o755 });
    this.#shell = createSshShell(
      { host, user: undefined, port: undefined },
      { configFile: park.configFile, program },
    );
  }

  async run(...words: Parameters<Shell['run']>): Promise<ShellOutcome> {
    const start = performance.now();
    rmSync(this.#pidFile, { force: true });
    const going = this.#shell.run(...words);
    this.#onRun?.();
    const outcome = await going;
    // A kill that comes too late must not hit the next connection.
    clearTimeout(this.#timer);
    this.outcomes.push(outcome);
    this.durations.push(performance.now() - start);
    return outcome;
  }

  /** Kills the ssh of run number `index` (0 or 1), `delayMs` after its start. */
  killLater(index: number, delayMs: number): void {
    let seen = -1;
    this.#onRun = () => {
      seen += 1;
      if (seen === index) this.#timer = setTimeout(() => this.#kill(), delayMs);
    };
  }

  #kill(): void {
    try {
      process.kill(Number(readFileSync(this.#pidFile, 'utf8')), 'SIGKILL');
    } catch {
      // It has ended before, or has not begun.
    }
  }
}

class KillSuite {
  readonly #park: Park;
  readonly #node: ParkNode;
  readonly #random: Random;
  readonly #say: (line: string) => void;
  readonly #stages = new Map<Scenario, Stage>();
  readonly counts: KillCounts = { kills: 0, early: 0, hits: 0, late: 0, looking: 0, looks: 0, invalid: [] };

  constructor(park: Park, random: Random, say: (line: string) => void) {
    this.#say = say;
    this.#park = park;
    this.#node = park.nodes[0] as ParkNode;
    this.#random = random;
  }

  #photo(): Photo {
    return photograph(`${this.#node.root}${ETC}`);
  }

  #apply(shell: Shell, wanted: NodeWanted | undefined): Promise<ApplyReport> {
    const common = { layout: LAYOUT, dryRun: false };
    if (wanted === undefined) return restoreNode(shell, { ...common, owner: OWNER });
    return applyNode(shell, { ...common, wanted, credentials: credentials() });
  }

  /** Puts what was there before us in place, and our old state on top of it; then goes to the new one once, unharmed. */
  async #measure(scenario: Scenario): Promise<Stage> {
    const files = Object.entries(scenario.found).map(
      ([name, content]) =>
        `mkdir -p "$(dirname ${ETC}/${name})"; printf %s ${Buffer.from(content).toString('base64')} | base64 -d > ${ETC}/${name}`,
    );
    await this.#node.sh(
      `rm -rf ${ETC}; mkdir -p ${ETC}/containers ${ETC}/containerd
${files.join('\n')}
[ ! -e ${LAYOUT.authFile} ] || chmod 640 ${LAYOUT.authFile}`,
    );
    const shell = new MortalShell(this.#park, this.#node.name);
    const before = await this.#apply(shell, scenario.before);
    const old = this.#photo();
    await this.#node.sh(`cp -a ${ETC} '${ETC}.old ${scenario.name}'`);
    shell.durations.length = 0;
    const after = await this.#apply(shell, scenario.wanted);
    for (const { outcome, error } of [before, after]) {
      if (outcome !== 'Applied' && outcome !== 'Restored')
        throw new Error(`${scenario.name}: ${error ?? outcome}`);
    }
    const [gather = 0, write = 0] = shell.durations;
    return { scenario, old, next: this.#photo(), durations: [gather, write] };
  }

  async #stageOf(scenario: Scenario): Promise<Stage> {
    const known = this.#stages.get(scenario);
    if (known !== undefined) return known;
    const stage = await this.#measure(scenario);
    this.#stages.set(scenario, stage);
    return stage;
  }

  /** The script may still be at work: everything on the node but its first process stands still for the picture. */
  async #judge(stage: Stage, when: string): Promise<void> {
    this.counts.looks += 1;
    await this.#node.sh('kill -STOP -1');
    const photo = this.#photo();
    await this.#node.sh('kill -CONT -1');
    const problems = judgeMoment(photo, { old: stage.old, next: stage.next, root: ETC });
    this.#tell(problems.map((text) => `${stage.scenario.name}, ${when}: ${text}`));
  }

  #tell(problems: readonly string[]): void {
    this.counts.invalid.push(...problems);
    for (const text of problems) this.#say(text);
  }

  #note(shell: MortalShell, index: number): void {
    this.counts.kills += 1;
    const outcome = shell.outcomes[index];
    if (index === 0) this.counts.looking += 1;
    if (outcome === undefined || outcome.ran) this.counts.late += 1;
    else if (outcome.failure.includes('while the script ran')) this.counts.hits += 1;
    else this.counts.early += 1;
  }

  /** The script goes on without its connection: until neither it nor what would start it is there. */
  async #settle(): Promise<void> {
    const isBusy = `pgrep -f '[r]egistry-failover-ready' >/dev/null || [ "$(pgrep -c -x sshd)" -gt 1 ]`;
    await this.#node.sh(`n=0; while ${isBusy}; do sleep 0.05; n=$((n+1)); [ $n -lt 1200 ]; done`, 70_000);
  }

  async #heal(stage: Stage): Promise<void> {
    const shell = new MortalShell(this.#park, this.#node.name);
    const { outcome, error } = await this.#apply(shell, stage.scenario.wanted);
    const [gather, write] = shell.durations;
    if (gather !== undefined && write !== undefined) stage.durations = [gather, write];
    const problems = difference(this.#photo(), stage.next).map((name) => `${name} is not as wanted`);
    if (!['Applied', 'Restored', 'Unchanged'].includes(outcome)) problems.push(error ?? outcome);
    if (stage.scenario.hasCrio && !(await this.#hasRead())) problems.push('CRI-O has not read its files');
    this.counts.looks += 1;
    this.#tell(problems.map((text) => `${stage.scenario.name}, next run: ${text}`));
  }

  async #hasRead(): Promise<boolean> {
    const look = `n=0; until cmp -s ${VIEW} ${DROP_IN} || { [ ! -e ${DROP_IN} ] && [ ! -s ${VIEW} ]; }; do
      sleep 0.05; n=$((n+1)); [ $n -lt 600 ] || { echo no; exit 0; }; done; echo yes`;
    return (await this.#node.sh(look)).trim() === 'yes';
  }

  async kill(): Promise<void> {
    const stage = await this.#stageOf(this.#random.pick(CHOSEN));
    const { name, wanted } = stage.scenario;
    await this.#node.sh(
      `rm -rf ${ETC}; cp -a '${ETC}.old ${name}' ${ETC}; cp ${DROP_IN} ${VIEW} 2>/dev/null || : > ${VIEW}`,
    );
    const shell = new MortalShell(this.#park, this.#node.name);
    // Most of them where files are written.
    const index = this.#random.chance(0.2) ? 0 : 1;
    // The first half of the time goes by until the script is there: later moments are likelier.
    shell.killLater(index, Math.sqrt(this.#random.next()) * stage.durations[index]);
    await this.#apply(shell, wanted);
    await this.#judge(stage, 'at once');
    this.#note(shell, index);
    await this.#settle();
    await this.#judge(stage, 'when the script had ended');
    await this.#heal(stage);
  }
}

export interface KillOptions {
  readonly n: number;
  readonly seed: number;
  readonly say?: (line: string) => void;
}

/** Kills ssh `n` times. Needs root. */
export async function runKills({ n, seed, say = () => {} }: KillOptions): Promise<KillCounts> {
  const park = await startPark(['victim']);
  const suite = new KillSuite(park, new Random(seed, 0), say);
  try {
    await startCrio(park.nodes[0] as ParkNode, { reads: [DROP_IN, VIEW] });
    for (let index = 0; index < n; index += 1) {
      await suite.kill();
      if ((index + 1) % 10 === 0) say(`${index + 1} of ${n}, invalid: ${suite.counts.invalid.length}`);
    }
    return suite.counts;
  } finally {
    await park.stop();
  }
}

/** For people. */
export function printKills(counts: KillCounts, seed: number): string {
  const { kills, early, hits, late, looking, looks, invalid } = counts;
  return [
    `ssh killed:               ${kills} times (seed ${seed})`,
    `  before the script ran:  ${early}`,
    `  while it ran:           ${hits}`,
    `  when it had ended:      ${late}`,
    `  (${looking} of all in the connection that looks, the others in the one that writes)`,
    `node looked at:           ${looks} times`,
    `invalid states found:     ${invalid.length}`,
    ...invalid.slice(0, 20).map((text) => `  ${text}`),
  ].join('\n');
}
