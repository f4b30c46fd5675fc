// Controller metrics: every metric of the controller, by prom-client, with bounded label values.
import { Counter, Gauge, Registry } from 'prom-client';
import type { Endpoint } from '../domain/endpoint.ts';
import type { HealthStatus } from '../domain/health.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import { EndpointHealthGauge, StalenessGauge } from './shared-gauges.ts';
import type { Staleness } from './shared-gauges.ts';

const PREFIX = 'registry_failover_';

/** One value per label; labels that are not named any more leave. */
function setAll(gauge: Gauge, label: string, values: ReadonlyMap<string, number>): void {
  gauge.reset();
  for (const [value, count] of values) gauge.set({ [label]: value }, count);
}

export class ControllerMetrics {
  readonly registry = new Registry();
  readonly #health: EndpointHealthGauge;
  readonly #staleness: StalenessGauge;
  readonly #leader: Gauge;
  readonly #derived: Gauge;
  readonly #reconciles: Counter;
  readonly #onMirrors: Gauge;
  readonly #unseen: Gauge;
  readonly #eventsDropped: Counter;
  readonly #recreations: Counter;
  readonly #refused: Gauge;
  readonly #nodes: Gauge;
  readonly #expiry: Gauge;
  readonly #faults: Counter;
  readonly #dropped: Counter;

  constructor() {
    const registers = [this.registry];
    registerProcessMetrics(this.registry);
    const counter = (name: string, help: string, labelNames: string[] = []): Counter =>
      new Counter({ name: PREFIX + name, help, labelNames, registers });
    const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
      new Gauge({ name: PREFIX + name, help, labelNames, registers });
    this.#health = new EndpointHealthGauge(this.registry);
    this.#staleness = new StalenessGauge(this.registry);
    this.#leader = gauge('leader', '1 on the replica that leads, 0 on the others.');
    this.#derived = gauge('derived_secrets', 'Derived pull secrets by state.', ['state']);
    this.#reconciles = counter('reconciles_total', 'Turns of work, by kind and result.', ['kind', 'result']);
    this.#onMirrors = gauge('pods_on_mirrors', 'Living pods with an image at a mirror, by mirror set.', [
      'set',
    ]);
    this.#unseen = gauge(
      'pods_unseen',
      'Living pods of opted-in namespaces that were created without the webhook.',
    );
    this.#eventsDropped = counter('events_dropped_total', 'Events lost for want of room.');
    this.#recreations = counter(
      'recreations_total',
      'Rewritten pods that an owner deleted young and made again, once that is its habit.',
    );
    this.#refused = gauge('credentials_refused', 'Distinct derived credentials that a mirror refuses.', [
      'endpoint',
    ]);
    this.#nodes = gauge('nodes', 'Nodes by how it stands with their mirror configuration.', ['state']);
    this.#expiry = gauge(
      'webhook_certificate_expiry_seconds',
      'When the CA and the serving certificate expire, Unix time.',
      ['certificate'],
    );
    this.#faults = counter('internal_errors_total', 'Faults of ours that were survived.');
    this.#dropped = counter('log_lines_dropped_total', 'Log lines lost because nobody read them.');
    this.leads(false);
  }

  leads(isLeader: boolean): void {
    this.#leader.set(isLeader ? 1 : 0);
  }

  derivedSecrets(counts: Readonly<Record<string, number>>): void {
    setAll(this.#derived, 'state', new Map(Object.entries(counts)));
  }

  reconciled(kind: string, result: string): void {
    this.#reconciles.inc({ kind, result });
  }

  podsOnMirrors(bySet: ReadonlyMap<string, number>): void {
    setAll(this.#onMirrors, 'set', bySet);
  }

  podsUnseen(pods: number): void {
    this.#unseen.set(pods);
  }

  eventsDropped(events: number): void {
    this.#eventsDropped.inc(events);
  }

  recreated(): void {
    this.#recreations.inc();
  }

  credentialsRefused(byEndpoint: ReadonlyMap<string, number>): void {
    setAll(this.#refused, 'endpoint', byEndpoint);
  }

  nodes(byState: ReadonlyMap<string, number>): void {
    setAll(this.#nodes, 'state', byState);
  }

  expires(certificate: 'ca' | 'serving', at: Date): void {
    this.#expiry.set({ certificate }, at.getTime() / 1000);
  }

  health(endpoint: Endpoint, status: HealthStatus): void {
    this.#health.set(endpoint, status);
  }

  retainEndpoints(hosts: readonly string[]): void {
    this.#health.retain(hosts);
  }

  fault(): void {
    this.#faults.inc();
  }

  dropped(lines: number): void {
    this.#dropped.inc(lines);
  }

  /** Asked at every scrape. */
  watchStaleness(read: () => readonly Staleness[]): void {
    this.#staleness.watch(read);
  }
}
