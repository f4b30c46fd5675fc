// Metrics: the agent's counters and gauges, and their text for Prometheus, written by hand for want of a library.
import type { ApplyReport } from '../nodes/sync-report.ts';
import type { Finding } from '../nodes/finding.ts';

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;

interface Family {
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  /** Value by printed labels. */
  readonly values: Map<string, number>;
}

function printLabels(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

const SEVERITIES = ['error', 'warning', 'info'] as const;

/** What this process counts. Label values are of closed lists only. */
export class AgentMetrics {
  readonly #families = new Map<string, Family>();

  constructor(version: string) {
    this.#declare('gauge', 'node_agent_info', 'The version of the agent.');
    this.#declare(
      'gauge',
      'node_files',
      'Node files by state: present, conflict (somebody else is in the way).',
    );
    this.#declare(
      'gauge',
      'node_left_out',
      'Mirrors that were declared and may not be written for this runtime.',
    );
    this.#declare('gauge', 'node_findings', 'What is wrong or remarkable on this node, by severity.');
    this.#declare('counter', 'node_applies_total', 'Runs over the node by what they came to.');
    this.#declare(
      'counter',
      'node_drift_repairs_total',
      'Runs that found our files changed by somebody else.',
    );
    this.#declare('counter', 'node_refusals_total', 'Data that was refused as invalid.');
    this.#declare(
      'gauge',
      'node_orders_unmet',
      'Prefixes whose wanted order is not laid down: the source is silent.',
    );
    this.#declare(
      'gauge',
      'node_last_success_timestamp_seconds',
      'The last run that found or left all well, Unix time.',
    );
    this.#declare(
      'gauge',
      'node_state_in_view',
      '1 while the NodeMirrorState is watched, 0 while the API server is away.',
    );
    this.#declare(
      'counter',
      'node_status_failures_total',
      'Writes of the status that failed; they are tried again.',
    );
    this.#set('node_agent_info', 1, { version });
    for (const name of ['node_drift_repairs_total', 'node_refusals_total', 'node_status_failures_total']) {
      this.#set(name, 0);
    }
    this.setInView(false);
    this.countUnmet(0);
  }

  countRun(report: ApplyReport, findings: readonly Finding[], now: number): void {
    this.#add('node_applies_total', { outcome: report.outcome });
    this.#set('node_files', report.files.length, { state: 'present' });
    this.#set('node_files', report.conflicts.length, { state: 'conflict' });
    this.#set('node_left_out', report.leftOut.length);
    for (const severity of SEVERITIES) {
      this.#set('node_findings', findings.filter((one) => one.severity === severity).length, { severity });
    }
    const isWell = report.outcome !== 'Failed' && report.outcome !== 'RolledBack';
    if (isWell) this.#set('node_last_success_timestamp_seconds', Math.round(now / 1000));
  }

  countDriftRepair(): void {
    this.#add('node_drift_repairs_total');
  }

  countRefusal(): void {
    this.#add('node_refusals_total');
  }

  countStatusFailure(): void {
    this.#add('node_status_failures_total');
  }

  countUnmet(count: number): void {
    this.#set('node_orders_unmet', count);
  }

  setInView(isInView: boolean): void {
    this.#set('node_state_in_view', isInView ? 1 : 0);
  }

  /** The exposition format, process figures included. */
  print(): string {
    const { user, system } = process.cpuUsage();
    const lines = [...this.#families].flatMap(([name, { help, type, values }]) =>
      values.size === 0
        ? []
        : [
            `# HELP ${name} ${help}`,
            `# TYPE ${name} ${type}`,
            ...[...values].map(([labels, value]) => `${name}${labels} ${value}`),
          ],
    );
    return [
      ...lines,
      '# HELP process_cpu_seconds_total CPU time used, all threads, user and system.',
      '# TYPE process_cpu_seconds_total counter',
      `process_cpu_seconds_total ${(user + system) / 1e6}`,
      '# HELP process_resident_memory_bytes Resident memory.',
      '# TYPE process_resident_memory_bytes gauge',
      `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
      '',
    ].join('\n');
  }

  #declare(type: Family['type'], name: string, help: string): void {
    this.#families.set(`registry_failover_${name}`, { help, type, values: new Map() });
  }

  #set(name: string, value: number, labels: Labels = {}): void {
    this.#families.get(`registry_failover_${name}`)?.values.set(printLabels(labels), value);
  }

  #add(name: string, labels: Labels = {}): void {
    const values = this.#families.get(`registry_failover_${name}`)?.values;
    const key = printLabels(labels);
    values?.set(key, (values.get(key) ?? 0) + 1);
  }
}
