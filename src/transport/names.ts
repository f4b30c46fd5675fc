// Names: from a host name to addresses, without ever letting one dead name server hold up another name.
import { promises as dns } from 'node:dns';
import { isIP } from 'node:net';
import { LRUCache } from 'lru-cache';
import { err, ok, type Result } from '../domain/result.ts';
import { HostsFile } from './hosts-file.ts';
import { beforeDeadline, startTimer } from './timer.ts';

export interface NamesOptions {
  /** Name servers `address[:port]`; the system's when absent. */
  readonly servers?: readonly string[];
  /** Fixed answers, before everything else: lower-case name → addresses. */
  readonly fixed?: Readonly<Record<string, readonly string[]>>;
  /** Default /etc/hosts. */
  readonly hostsFile?: string;
  /** For one query to one server. Default 1,000 ms: no dial waits longer. */
  readonly timeoutMs?: number;
  /** How long an answer is used without asking again. Default 30,000. */
  readonly freshMs?: number;
}

interface Known {
  readonly addresses: readonly string[];
  readonly at: number;
}

/** Good answers are kept this long for when DNS itself is down. */
const LAST_GOOD_MS = 3_600_000;
/** How long a dial that has a last good answer waits for a newer one. */
const REFRESH_WAIT_MS = 100;
/** How long the answer of one family waits for the other (RFC 8305 section 3). */
const OTHER_FAMILY_MS = 50;
/** Answers of the name server, as distinct from its failures: the name is not there. */
const ABSENT = new Set(['ENOTFOUND', 'ENODATA']);

/** What a look-up failed with; `absent`: a name server says so. */
interface LookupFailure {
  readonly absent: boolean;
  readonly detail: string;
}

/** A, AAAA, A, AAAA …: a family that is down costs one attempt, not all of them. IPv4 first: clusters more often lack IPv6. */
function interleave(one: readonly string[], other: readonly string[]): string[] {
  const length = Math.max(one.length, other.length);
  return Array.from({ length }, (_, index) => [one[index], other[index]])
    .flat()
    .filter((address) => address !== undefined);
}

/**
 * Look-ups by c-ares (`dns.lookup` cannot be given up and has few threads) with one query in flight per name. The only I/O
 * owner for names; its memory is bounded.
 */
export class Names {
  readonly #resolver: dns.Resolver;
  readonly #fixed: Readonly<Record<string, readonly string[]>>;
  readonly #hosts: HostsFile;
  readonly #freshMs: number;
  readonly #known = new LRUCache<string, Known>({ max: 1000, ttl: LAST_GOOD_MS });
  readonly #flights = new Map<string, Promise<Result<readonly string[], LookupFailure>>>();

  constructor(options: NamesOptions = {}) {
    this.#resolver = new dns.Resolver({ timeout: options.timeoutMs ?? 1000, tries: 1 });
    if (options.servers) this.#resolver.setServers([...options.servers]);
    this.#fixed = options.fixed ?? {};
    this.#hosts = new HostsFile(options.hostsFile ?? '/etc/hosts');
    this.#freshMs = options.freshMs ?? 30_000;
  }

  /** The addresses of a host, at least one, best first; or what is wrong, for people. Never rejects. */
  async lookup(hostname: string): Promise<Result<readonly string[], string>> {
    if (isIP(hostname) !== 0) return ok([hostname]);
    const name = hostname.toLowerCase().replace(/\.$/u, '');
    const local =
      (Object.hasOwn(this.#fixed, name) ? this.#fixed[name] : undefined) ?? (await this.#hosts.lookup(name));
    if (local !== undefined && local.length > 0) return ok(local);
    if (name === 'localhost' || name.endsWith('.localhost')) return ok(['127.0.0.1', '::1']);
    return this.#cached(name);
  }

  /** This address has just worked: it is tried first next time. */
  prefer(hostname: string, address: string): void {
    const name = hostname.toLowerCase().replace(/\.$/u, '');
    const known = this.#known.get(name);
    if (known === undefined || known.addresses[0] === address || !known.addresses.includes(address)) return;
    const addresses = [address, ...known.addresses.filter((other) => other !== address)];
    this.#known.set(name, { ...known, addresses }, { noUpdateTTL: true });
  }

  close(): void {
    this.#resolver.cancel();
  }

  async #cached(name: string): Promise<Result<readonly string[], string>> {
    const known = this.#known.get(name);
    if (known && performance.now() - known.at < this.#freshMs) return ok(known.addresses);
    const flight = this.#flights.get(name) ?? this.#start(name);
    if (known === undefined) {
      const answer = await flight;
      return answer.ok ? answer : err(answer.error.detail);
    }
    const lastGood = ok(known.addresses);
    const answer = await beforeDeadline<Result<readonly string[], LookupFailure>>(
      flight,
      performance.now() + REFRESH_WAIT_MS,
      () => lastGood,
    );
    if (answer.ok) return answer;
    return answer.error.absent ? err(answer.error.detail) : lastGood;
  }

  #start(name: string): Promise<Result<readonly string[], LookupFailure>> {
    const flight = this.#query(name).then((answer) => {
      this.#flights.delete(name);
      if (answer.ok) this.#known.set(name, { addresses: answer.value, at: performance.now() });
      else if (answer.error.absent) this.#known.delete(name);
      return answer;
    });
    this.#flights.set(name, flight);
    return flight;
  }

  #query(name: string): Promise<Result<readonly string[], LookupFailure>> {
    return new Promise((resolve) => {
      const answers: { v4: string[]; v6: string[] } = { v4: [], v6: [] };
      const codes: string[] = [];
      let open = 2;
      let cancelWait: (() => void) | undefined;
      const settle = (): void => {
        cancelWait?.();
        const addresses = interleave(answers.v4, answers.v6);
        resolve(addresses.length > 0 ? ok(addresses) : err(failureOf(name, codes)));
      };
      const ask = (family: 'v4' | 'v6', query: Promise<string[]>): void => {
        void query
          .catch((error: NodeJS.ErrnoException) => {
            codes.push(error.code ?? 'EUNKNOWN');
            return [];
          })
          .then((found) => {
            answers[family] = found;
            open -= 1;
            if (open === 0) settle();
            else if (found.length > 0) cancelWait = startTimer(OTHER_FAMILY_MS, settle);
            return found;
          });
      };
      ask('v4', this.#resolver.resolve4(name));
      ask('v6', this.#resolver.resolve6(name));
    });
  }
}

function failureOf(name: string, codes: readonly string[]): LookupFailure {
  if (codes.every((code) => ABSENT.has(code)))
    return { absent: true, detail: `DNS knows no address for ${name}` };
  const code = codes.find((each) => !ABSENT.has(each)) ?? '';
  return {
    absent: false,
    detail: code === 'ETIMEOUT' ? `DNS does not answer for ${name}` : `DNS failed for ${name} (${code})`,
  };
}
