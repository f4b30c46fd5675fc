// Metrics: the agent's counters and gauges, and their text for Prometheus, written by hand for want of a library.
import type { ApplyReport } from '../nodes/writing/sync-report.ts';
import { SEVERITIES } from '../nodes/findings/finding.ts';
import type { Finding } from '../nodes/findings/finding.ts';

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;

interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  /** Separated by commas; '' for none. */
  readonly labels: string;
  readonly help: string;
}

const PREFIX = 'registry_failover_node_';

/** All that is counted here; docs/metrics.md explains each. */
export const AGENT_METRICS = [
  { name: 'agent_info', type: 'gauge', labels: 'version', help: 'The version of the agent.' },
  {
    name: 'files',
    type: 'gauge',
    labels: 'state',
    help: 'Files: present, or in conflict with what is in the way.',
  },
  {
    name: 'left_out',
    type: 'gauge',
    labels: '',
    help: 'What is declared and may not be written for this runtime.',
  },
  { name: 'findings', type: 'gauge', labels: 'severity', help: 'What is wrong or remarkable on this node.' },
  {
    name: 'applies_total',
    type: 'counter',
    labels: 'outcome',
    help: 'Runs over the node by what they came to.',
  },
  {
    name: 'drift_repairs_total',
    type: 'counter',
    labels: '',
    help: 'Runs that found our files changed by others.',
  },
  { name: 'refusals_total', type: 'counter', labels: '', help: 'Data that was refused as invalid.' },
  {
    name: 'orders_unmet',
    type: 'gauge',
    labels: '',
    help: 'Prefixes whose wanted first source does not answer from here.',
  },
  {
    name: 'last_success_timestamp_seconds',
    type: 'gauge',
    labels: '',
    help: 'The last run that left all well, Unix time.',
  },
  {
    name: 'state_in_view',
    type: 'gauge',
    labels: '',
    help: '1 while the NodeMirrorState is watched, else 0.',
  },
  { name: 'status_failures_total', type: 'counter', labels: '', help: 'Writes of the status that failed.' },
] as const satisfies readonly Family[];
type Name = (typeof AGENT_METRICS)[number]['name'];

function printLabels(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return parts.length === 0 ? '' : `{${parts.join(',')}}`;
}

/** What this process counts. Label values are of closed lists only. */
export class AgentMetrics {
  /** By name, then by printed labels. */
  readonly #values = new Map<Name, Map<string, number>>(AGENT_METRICS.map(({ name }) => [name, new Map()]));

  constructor(version: string) {
    this.#set('agent_info', 1, { version });
    this.#set('drift_repairs_total', 0);
    this.#set('refusals_total', 0);
    this.#set('status_failures_total', 0);
    this.setInView(false);
    this.countUnmet(0);
  }

  countRun(report: ApplyReport, findings: readonly Finding[], now: number): void {
    this.#add('applies_total', { outcome: report.outcome });
    this.#set('files', report.files.length, { state: 'present' });
    this.#set('files', report.conflicts.length, { state: 'conflict' });
    this.#set('left_out', report.leftOut.length);
    for (const severity of SEVERITIES) {
      this.#set('findings', findings.filter((one) => one.severity === severity).length, { severity });
    }
    const isWell = report.outcome !== 'Failed' && report.outcome !== 'RolledBack';
    if (isWell) this.#set('last_success_timestamp_seconds', Math.round(now / 1000));
  }

  countDriftRepair(): void {
    this.#add('drift_repairs_total');
  }

  countRefusal(): void {
    this.#add('refusals_total');
  }

  countStatusFailure(): void {
    this.#add('status_failures_total');
  }

  countUnmet(count: number): void {
    this.#set('orders_unmet', count);
  }

  setInView(isInView: boolean): void {
    this.#set('state_in_view', isInView ? 1 : 0);
  }

  /** The exposition format, process figures included. */
  print(): string {
    const { user, system } = process.cpuUsage();
    const lines = AGENT_METRICS.flatMap(({ name, help, type }) => {
      const samples = [...(this.#values.get(name) ?? [])];
      if (samples.length === 0) return [];
      return [
        `# HELP ${PREFIX}${name} ${help}`,
        `# TYPE ${PREFIX}${name} ${type}`,
        ...samples.map(([labels, value]) => `${PREFIX}${name}${labels} ${value}`),
      ];
    });
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

  #set(name: Name, value: number, labels: Labels = {}): void {
    this.#values.get(name)?.set(printLabels(labels), value);
  }

  #add(name: Name, labels: Labels = {}): void {
    const values = this.#values.get(name);
    const key = printLabels(labels);
    values?.set(key, (values.get(key) ?? 0) + 1);
  }
}
