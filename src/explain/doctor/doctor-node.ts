// Doctor node: what was found on a node, and whether its files are as declared, as checks.
import { Checkup } from './doctor-check.ts';
import type { DoctorCheck, DoctorResult } from './doctor-check.ts';

/** A finding, in the shape of `nodes/`. */
export interface NodeFinding {
  readonly code: string;
  readonly severity: 'error' | 'warning' | 'info';
  readonly message: string;
  readonly fix: string;
}

export interface NodeConflict {
  readonly path: string;
  readonly message: string;
}

export interface NodeReport {
  readonly node: string;
  /** Why it could not be looked at; undefined: it could. */
  readonly unreached: string | undefined;
  readonly runtime: { readonly name: string; readonly version: string } | undefined;
  readonly findings: readonly NodeFinding[];
  readonly conflicts: readonly NodeConflict[];
  /** Our files there. */
  readonly files: readonly string[];
  /** Against the declarations that were given: paths that differ. undefined: none were given. */
  readonly differing: readonly string[] | undefined;
  /** What is declared and not written to this node: the sentences why. */
  readonly leftOut: readonly string[];
  /** Why that could not be said. */
  readonly error: string | undefined;
}

const RESULT_OF: Readonly<Record<NodeFinding['severity'], DoctorResult>> = {
  error: 'error',
  warning: 'warning',
  info: 'ok',
};

/** Adds a finding as a check. What is good to know needs nothing done. */
export function addFinding(checkup: Checkup, { code, severity, message, fix }: NodeFinding): void {
  checkup.add({
    check: kebab(code),
    result: RESULT_OF[severity],
    message,
    fix: severity === 'info' ? '' : fix,
  });
}

/** `ContainerdConfigPathEmpty` as `containerd-config-path-empty`. */
function kebab(code: string): string {
  return code.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase();
}

function judgeFiles({ files, differing, conflicts, error }: NodeReport, checkup: Checkup): void {
  const apply = 'Lay them down: registry-failover nodes apply -m DIR --hosts NODE';
  if (error !== undefined)
    checkup.error(
      'node-files',
      `what is declared cannot be laid down: ${error}`,
      'Mend that, and run doctor again',
    );
  else if (differing === undefined)
    checkup.ok(
      'node-files',
      files.length === 0 ? 'no file of ours is there' : `files of ours that are there: ${files.length}`,
    );
  else if (differing.length > 0)
    checkup.warning('node-files', `not as declared: ${differing.join(', ')}`, apply);
  else if (conflicts.length === 0)
    checkup.ok('node-files', `as declared, ${files.length} file${files.length === 1 ? '' : 's'}`);
}

/** Judges one node. Its clock is judged by judgeClock. */
export function judgeNode(report: NodeReport): readonly DoctorCheck[] {
  const { node, unreached, runtime, findings, conflicts } = report;
  const checkup = new Checkup(node);
  if (unreached !== undefined) {
    checkup.unknown('node', unreached.replace(/\.$/, ''), '');
    return checkup.checks;
  }
  if (runtime !== undefined) checkup.ok('runtime', `${runtime.name} ${runtime.version}`);
  for (const each of findings) addFinding(checkup, each);
  for (const { path, message } of conflicts)
    checkup.add({
      check: 'node-conflict',
      result: 'error',
      message: (message.startsWith(path) ? message : `${path}: ${message}`).replace(/\.$/, ''),
      fix: '',
    });
  judgeFiles(report, checkup);
  for (const sentence of report.leftOut)
    checkup.warning('node-left-out', `declared, and not written here: ${sentence.replace(/\.$/, '')}`, '');
  return checkup.checks;
}
