// Health book: the one owner of endpoint health; evidence goes in, states come out, listeners hear of changes.
import type { Endpoint } from '../domain/endpoint.ts';
import { initialHealth, nextHealth } from '../domain/health.ts';
import type { EndpointHealth, Evidence } from '../domain/health.ts';

export interface HealthChange {
  readonly endpoint: Endpoint;
  readonly before: EndpointHealth;
  readonly after: EndpointHealth;
}

/** Endpoints that no declaration names (a laptop's `explain`) must not grow the book without end. */
const MAX_ENDPOINTS = 2_000;

export class HealthBook {
  readonly #now: () => number;
  readonly #onChange: (change: HealthChange) => void;
  readonly #entries = new Map<string, { readonly endpoint: Endpoint; state: EndpointHealth }>();
  readonly #unseen: EndpointHealth;

  constructor(now: () => number, onChange: (change: HealthChange) => void) {
    this.#now = now;
    this.#onChange = onChange;
    this.#unseen = initialHealth(now());
  }

  get(endpoint: Endpoint): EndpointHealth {
    return this.#entries.get(endpoint.key)?.state ?? this.#unseen;
  }

  /** Every endpoint that evidence was seen of. */
  all(): readonly { readonly endpoint: Endpoint; readonly state: EndpointHealth }[] {
    return [...this.#entries.values()];
  }

  observe(endpoint: Endpoint, evidence: Evidence): EndpointHealth {
    const entry = this.#entry(endpoint);
    const before = entry.state;
    entry.state = nextHealth(before, evidence, this.#now());
    if (entry.state.status !== before.status) this.#onChange({ endpoint, before, after: entry.state });
    return entry.state;
  }

  /** Forgets endpoints that are no longer declared. */
  retain(keys: ReadonlySet<string>): void {
    for (const key of this.#entries.keys()) if (!keys.has(key)) this.#entries.delete(key);
  }

  #entry(endpoint: Endpoint): { state: EndpointHealth } {
    const known = this.#entries.get(endpoint.key);
    if (known !== undefined) return known;
    const oldest = this.#entries.keys().next().value;
    if (this.#entries.size >= MAX_ENDPOINTS && oldest !== undefined) this.#entries.delete(oldest);
    const entry = { endpoint, state: initialHealth(this.#now()) };
    this.#entries.set(endpoint.key, entry);
    return entry;
  }
}
