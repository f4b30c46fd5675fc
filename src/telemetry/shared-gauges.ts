// Shared gauges: what webhook and controller both tell, under one name each: health of endpoints, and how old what is known is.
import { Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { Endpoint } from '../domain/endpoint.ts';
import type { HealthStatus } from '../domain/health.ts';

const STATUS_VALUE: Readonly<Record<HealthStatus, number>> = { up: 1, unknown: 0.5, down: 0 };

/** `registry_failover_endpoint_health`. */
export class EndpointHealthGauge {
  readonly #gauge: Gauge;
  readonly #hosts = new Set<string>();

  constructor(registry: Registry) {
    this.#gauge = new Gauge({
      name: 'registry_failover_endpoint_health',
      help: 'Health of an endpoint: 1 up, 0.5 unknown, 0 down.',
      labelNames: ['endpoint'],
      registers: [registry],
    });
  }

  set(endpoint: Endpoint, status: HealthStatus): void {
    this.#hosts.add(endpoint.host);
    this.#gauge.set({ endpoint: endpoint.host }, STATUS_VALUE[status]);
  }

  /** Endpoints that are no longer declared leave the exposition. */
  retain(hosts: readonly string[]): void {
    const wanted = new Set(hosts);
    for (const host of this.#hosts) {
      if (wanted.has(host)) continue;
      this.#gauge.remove({ endpoint: host });
      this.#hosts.delete(host);
    }
  }
}

/** How old what is known of one kind of object may be. */
export interface Staleness {
  readonly resource: string;
  readonly seconds: number;
}

/** `registry_failover_cache_stale_seconds`. */
export class StalenessGauge {
  #read: () => readonly Staleness[] = () => [];

  constructor(registry: Registry) {
    const read = (): readonly Staleness[] => this.#read();
    // eslint-disable-next-line no-new -- it registers itself
    new Gauge({
      name: 'registry_failover_cache_stale_seconds',
      help: 'Since when nothing has been heard of a kind of object of the API server; 0 while it is watched.',
      labelNames: ['resource'],
      registers: [registry],
      collect() {
        for (const { resource, seconds } of read()) this.set({ resource }, seconds);
      },
    });
  }

  /** Asked at every scrape. */
  watch(read: () => readonly Staleness[]): void {
    this.#read = read;
  }
}
