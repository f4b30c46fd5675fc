// Metrics: every metric of the webhook, by prom-client, with bounded label values.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CounterConfiguration, HistogramConfiguration } from 'prom-client';
import type { Endpoint } from '../domain/endpoint.ts';
import type { HealthStatus } from '../domain/health.ts';
import type { Outcome } from '../domain/outcome.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import { EndpointHealthGauge, StalenessGauge } from './shared-gauges.ts';
import type { Staleness } from './shared-gauges.ts';

const PREFIX = 'registry_failover_';

/** Admissions are answered in microseconds from memory and in up to 1.5 s by asking. */
const ADMISSION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2];
const PROBE_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Observations handed over together; a histogram's buckets are then found in a row, in the processor's own memory. */
const MAX_PENDING = 512;

interface Tally {
  readonly labels: Readonly<Record<string, string>>;
  count: number;
}

/**
 * A counter that is counted in plain numbers and handed over when somebody reads it: prom-client hashes the labels anew
 * for every increment, which on the hot path costs more than the decision.
 */
class TallyCounter {
  /** By the first label's value, then the second's: putting a key together costs more than looking twice. */
  readonly #tallies = new Map<string, Map<string, Tally>>();
  readonly #labelNames: readonly string[];

  constructor(configuration: CounterConfiguration<string> & { readonly labelNames: string[] }) {
    this.#labelNames = configuration.labelNames;
    const tallies = this.#tallies;
    // eslint-disable-next-line no-new -- it registers itself
    new Counter({
      ...configuration,
      collect() {
        for (const tally of [...tallies.values()].flatMap((inner) => [...inner.values()])) {
          if (tally.count > 0) this.inc({ ...tally.labels }, tally.count);
          tally.count = 0;
        }
      },
    });
  }

  /** Values of the labels, in order; they come from closed lists, so there are few. */
  inc(first: string, second = ''): void {
    const tally = this.#tallies.get(first)?.get(second);
    if (tally === undefined) this.#begin([first, second]);
    else tally.count += 1;
  }

  #begin(values: readonly [string, string]): void {
    const [first, second] = values;
    const labels = Object.fromEntries(this.#labelNames.map((name, index) => [name, values[index] ?? '']));
    const inner = this.#tallies.get(first) ?? new Map<string, Tally>();
    this.#tallies.set(first, inner.set(second, { labels, count: 1 }));
  }
}

/** A histogram without labels that is told of its observations when there are many, or when somebody reads it. */
class PendingHistogram {
  readonly #pending = new Float64Array(MAX_PENDING);
  readonly #histogram: Histogram;
  #length = 0;

  constructor(configuration: HistogramConfiguration<string>) {
    const flush = (): void => this.#flush();
    this.#histogram = new Histogram({ ...configuration, collect: flush });
  }

  observe(value: number): void {
    this.#pending[this.#length] = value;
    this.#length += 1;
    if (this.#length === MAX_PENDING) this.#flush();
  }

  #flush(): void {
    for (const value of this.#pending.subarray(0, this.#length)) this.#histogram.observe(value);
    this.#length = 0;
  }
}

export class Metrics {
  readonly registry = new Registry();
  readonly #decisions: TallyCounter;
  readonly #recalls: TallyCounter;
  readonly #probes: TallyCounter;
  readonly #admissionSeconds: PendingHistogram;
  readonly #probeSeconds: Histogram;
  readonly #internalErrors: Counter;
  readonly #health: EndpointHealthGauge;
  readonly #dropped: Counter;
  readonly #problems: Gauge;
  readonly #sets: Gauge;
  readonly #certificateExpiry: Gauge;
  readonly #refused: Counter;
  readonly #staleness: StalenessGauge;

  constructor() {
    const registers = [this.registry];
    registerProcessMetrics(this.registry);
    const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
      new Counter({ name: PREFIX + name, help, labelNames, registers });
    const tally = (name: string, help: string, labelNames: string[]): TallyCounter =>
      new TallyCounter({ name: PREFIX + name, help, labelNames, registers });
    const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
      new Gauge({ name: PREFIX + name, help, labelNames, registers });
    this.#decisions = tally('admissions_total', 'Image slots judged, by action and reason.', [
      'action',
      'reason',
    ]);
    this.#recalls = tally('cache_lookups_total', 'Questions looked up in memory, by result.', ['result']);
    this.#probes = tally('probes_total', 'Questions asked of registries, by endpoint and outcome.', [
      'endpoint',
      'outcome',
    ]);
    this.#admissionSeconds = new PendingHistogram({
      name: `${PREFIX}admission_seconds`,
      help: 'Time to judge one pod.',
      buckets: ADMISSION_BUCKETS,
      registers,
    });
    this.#probeSeconds = new Histogram({
      name: `${PREFIX}probe_seconds`,
      help: 'Time to settle one question to a registry, by outcome.',
      labelNames: ['outcome'],
      buckets: PROBE_BUCKETS,
      registers,
    });
    this.#internalErrors = counter(
      'internal_errors_total',
      'Pods admitted unchanged because of a fault of ours.',
    );
    this.#refused = counter('refused_requests_total', 'Requests that were no AdmissionReview.', ['status']);
    this.#health = new EndpointHealthGauge(this.registry);
    this.#dropped = counter('log_lines_dropped_total', 'Audit and log lines lost because nobody read them.');
    this.#problems = gauge('declaration_problems', 'Problems in the declarations at present.');
    this.#sets = gauge('mirror_sets', 'Mirror sets in force.');
    this.#certificateExpiry = gauge(
      'certificate_expiry_seconds',
      'When the serving certificate expires, Unix time.',
    );
    this.#staleness = new StalenessGauge(this.registry);
  }

  admission(seconds: number): void {
    this.#admissionSeconds.observe(seconds);
  }

  decision(action: string, reason: string): void {
    this.#decisions.inc(action, reason);
  }

  internalError(): void {
    this.#internalErrors.inc();
  }

  refused(status: number): void {
    this.#refused.inc({ status: String(status) });
  }

  recalled(result: string): void {
    this.#recalls.inc(result);
  }

  probed(endpoint: Endpoint, outcome: Outcome, seconds: number): void {
    this.#probes.inc(endpoint.host, outcome);
    this.#probeSeconds.observe({ outcome }, seconds);
  }

  health(endpoint: Endpoint, status: HealthStatus): void {
    this.#health.set(endpoint, status);
  }

  /** Endpoints that are no longer declared leave the exposition. */
  retainEndpoints(hosts: readonly string[]): void {
    this.#health.retain(hosts);
  }

  dropped(lines: number): void {
    this.#dropped.inc(lines);
  }

  declarations(sets: number, problems: number): void {
    this.#sets.set(sets);
    this.#problems.set(problems);
  }

  /** Asked at every scrape. */
  watchStaleness(staleness: () => readonly Staleness[]): void {
    this.#staleness.watch(staleness);
  }

  certificateExpires(at: Date): void {
    this.#certificateExpiry.set(at.getTime() / 1000);
  }
}
