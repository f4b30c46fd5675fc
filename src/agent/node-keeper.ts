// Node keeper: keeps the node as it was last told to be: what to do in a run, and what to tell of it.
import type { Result } from '../domain/result.ts';
import type { NodeWanted } from '../nodes/data/wanted.ts';
import { parseAssignment, readPresentFirst, type Assignment, type AssignmentRules } from './assignment.ts';
import type { Installation, Installer } from './installer.ts';
import type { Log } from './log.ts';
import type { AgentMetrics } from './metrics.ts';
import type { NodeAuth } from './node-auth.ts';
import { firstsOf, type PresentFirst, type SettledOrder } from './order.ts';
import type { OwnState } from './own-state.ts';
import type { RunVerdict } from './run-loop.ts';
import { printRefusal, statusOf, type NodeStatus } from './status.ts';

export interface KeeperParts {
  readonly rules: AssignmentRules;
  readonly install: Installer;
  /** The handshakes that a change of order needs. */
  readonly settle: (wanted: NodeWanted, present: PresentFirst) => Promise<SettledOrder>;
  readonly readNodeAuth: () => Promise<Result<NodeAuth, string>>;
  readonly writer: { set(status: NodeStatus): void; forget(): void };
  readonly metrics: AgentMetrics;
  readonly log: Log;
  readonly agentVersion: string;
  readonly now: () => number;
}

/** A run: what was tried, and what came of it. */
interface Attempt extends Installation {
  readonly tried: NodeWanted;
  readonly unmet: readonly string[];
}

const IN_PLACE = new Set<string>(['Unchanged', 'Applied', 'Restored']);

export class NodeKeeper {
  readonly #parts: KeeperParts;
  #assignment: Assignment | undefined;
  /** The last data that was valid: what drift is repaired by. Memory only, so that a restart without the API server touches nothing. */
  #good: NodeWanted | undefined;
  #present: PresentFirst = new Map();
  /** What the last run that succeeded laid down, as text. */
  #laidDown: string | undefined;
  #struggles = 0;

  constructor(parts: KeeperParts) {
    this.#parts = parts;
  }

  /**
   * Runs that had to repair what somebody else had changed, and runs that failed with something to write: what these have renamed
   * and taken back comes to us as a change in the folders, and must not call the next run at once.
   */
  get struggles(): number {
    return this.#struggles;
  }

  /** The object as it is now. true: there is something new to do. */
  assign(state: OwnState | undefined): boolean {
    if (state === undefined) return this.#dismiss();
    const { uid, generation } = state;
    const known = this.#assignment;
    // What we write into its status comes back as an event; the generation counts the spec only.
    if (known?.uid === uid && known.generation === generation) return false;
    if (known?.uid !== uid) {
      this.#parts.writer.forget();
      if (this.#laidDown === undefined) this.#present = readPresentFirst(state.status);
    }
    const assignment = parseAssignment(state, this.#parts.rules);
    this.#assignment = assignment;
    if (assignment.wanted.ok) this.#good = assignment.wanted.value;
    else this.#refuse(assignment.wanted.error);
    return true;
  }

  /** One run, for whatever reason: it looks at everything. Never rejects. */
  async run(): Promise<RunVerdict> {
    const assignment = this.#assignment;
    if (assignment === undefined) return 'settled';
    const good = this.#good;
    if (good === undefined) {
      this.#tell(assignment, undefined);
      return 'settled';
    }
    const attempt = await this.#attempt(good);
    this.#note(attempt);
    // An object that has gone meanwhile, or is another one, is not told of this.
    if (this.#assignment?.uid === assignment.uid) this.#tell(assignment, attempt);
    return IN_PLACE.has(attempt.report.outcome) && attempt.unmet.length === 0 ? 'settled' : 'again';
  }

  #dismiss(): boolean {
    if (this.#assignment === undefined) return false;
    const wasRestored = this.#good?.action === 'Restore';
    this.#assignment = undefined;
    this.#good = undefined;
    this.#parts.writer.forget();
    // Whoever deletes the object may only want it made anew; taking mirrors away is what Restore is for.
    if (!wasRestored) {
      this.#parts.log.warn(
        {},
        'the NodeMirrorState of this node has gone: its files stay as they are until a Restore',
      );
    }
    return false;
  }

  #refuse(problems: Parameters<typeof printRefusal>[0]): void {
    this.#parts.metrics.countRefusal();
    this.#parts.log.error({ problems: printRefusal(problems) }, 'the data of the NodeMirrorState is refused');
  }

  async #attempt(good: NodeWanted): Promise<Attempt> {
    const nodeAuth = await this.#parts.readNodeAuth();
    if (!nodeAuth.ok) return failedAttempt(good, nodeAuth.error);
    const { wanted: tried, unmet } = await this.#parts.settle(good, this.#present);
    const installation = await this.#parts.install(tried, nodeAuth.value.credentials);
    this.#noteLaidDown(`${nodeAuth.value.fingerprint} ${JSON.stringify(tried)}`, installation);
    return { ...installation, tried, unmet };
  }

  /** Bytes that had to change although they were laid down just so before were changed by somebody else. */
  #noteLaidDown(text: string, { report }: Installation): void {
    if (report.outcome === 'Applied' && this.#laidDown === text) {
      this.#struggles += 1;
      this.#parts.metrics.countDriftRepair();
      this.#parts.log.warn(
        { files: report.changes.map(({ path }) => path) },
        'our files were changed: repaired',
      );
    }
    if (IN_PLACE.has(report.outcome)) this.#laidDown = text;
  }

  #note({ report, findings, tried, unmet }: Attempt): void {
    const { metrics, log, now } = this.#parts;
    metrics.countRun(report, findings, now());
    metrics.countUnmet(unmet.length);
    if (IN_PLACE.has(report.outcome)) this.#present = firstsOf(tried);
    const fields = {
      outcome: report.outcome,
      revision: tried.revision,
      reload: report.reload,
      changes: report.changes.map(({ action, path }) => `${action} ${path}`),
    };
    if (unmet.length > 0)
      log.warn({ unmet }, 'a source does not answer from this node: the order is not the wanted one');
    if (!IN_PLACE.has(report.outcome) && report.changes.length > 0) this.#struggles += 1;
    if (!IN_PLACE.has(report.outcome))
      log.error({ ...fields, error: report.error }, 'the node could not be brought to what is wanted');
    else if (report.outcome === 'Unchanged') log.debug(fields, 'the node is as wanted');
    else log.info(fields, 'the node was brought to what is wanted');
  }

  #tell(assignment: Assignment, attempt: Attempt | undefined): void {
    const { generation, revision, wanted } = assignment;
    const refusal = wanted.ok ? [] : printRefusal(wanted.error);
    this.#parts.writer.set(
      statusOf({
        generation,
        revision,
        state: stateOf(assignment, attempt),
        messages: [...refusal, attempt?.report.error ?? '', ...(attempt?.unmet ?? [])],
        order: this.#present,
        runtime: attempt?.tried.runtime,
        report: attempt?.report,
        findings: attempt?.findings ?? [],
        agentVersion: this.#parts.agentVersion,
      }),
    );
  }
}

function stateOf({ wanted }: Assignment, attempt: Attempt | undefined): NodeStatus['state'] {
  if (!wanted.ok || attempt === undefined) return 'Refused';
  if (!IN_PLACE.has(attempt.report.outcome)) return 'Failed';
  return attempt.tried.action === 'Restore' ? 'Restored' : 'UpToDate';
}

function failedAttempt(tried: NodeWanted, error: string): Attempt {
  const nothing = { changes: [], conflicts: [], leftOut: [], files: [] };
  const report = { outcome: 'Failed' as const, ...nothing, error, reload: 'NotNeeded' as const };
  return { report, findings: [], tried, unmet: [] };
}
