// Stage: the demo's registries with their names, accounts and images, and everything the walk-through does to them.
import { randomBytes } from 'node:crypto';
import { CAST, COLLECTION, PLACES } from './cast.ts';
import type { Place } from './cast.ts';
import type { Fault } from './faults.ts';
import { buildImage } from './image.ts';
import type { DemoImage } from './image.ts';
import { DemoRegistry } from './registry.ts';
import type { SeenConnections, SeenRequest } from './registry-observations.ts';
import type { Account } from './token-issuer.ts';

/**
 * Easy to read in an image reference, and below the ports that the system gives away. Not the same in two demos at once: a
 * registry that is down for a moment has to find its port free again.
 */
const WANTED_PORT = 5000 + (process.pid % 1000);
/** The shortest rest that the product believes in: a demo must not be over before its 429 is. */
const RETRY_AFTER_SECONDS = 30;

/** A certificate and key for every name and address of the cast. */
interface StageCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** What one registry has seen since the observations were last cleared. */
export interface Seen {
  readonly fault: Fault;
  readonly requests: readonly SeenRequest[];
  /** User names that were shown, without `anonymous`. A wrong password or token stands here too, as such. */
  readonly accounts: readonly string[];
  readonly connections: SeenConnections;
}

export interface StageOptions {
  readonly certificate: StageCertificate;
  /** False: what is to go wrong does not. For the test that the walk-through is no canned text. */
  readonly plantsFaults: boolean;
}

/** The build that a tag names; the same bytes wherever it lies. */
function build(name: string, tag: string, number: number): DemoImage {
  const basename = name.slice(name.lastIndexOf('/') + 1);
  return buildImage({ text: `${basename}:${tag} build ${number}` });
}

async function startRegistry(place: Place, account: Account, tls: StageCertificate): Promise<DemoRegistry> {
  const { host: name, address } = CAST[place];
  const options = { name, address, tls, account, retryAfterSeconds: RETRY_AFTER_SECONDS };
  try {
    return await DemoRegistry.start({ ...options, port: WANTED_PORT });
  } catch {
    // Somebody has that port.
    return DemoRegistry.start(options);
  }
}

export class Stage {
  readonly #registries: ReadonlyMap<Place, DemoRegistry>;
  readonly #accounts: ReadonlyMap<Place, Account>;
  readonly #plantsFaults: boolean;

  private constructor(
    registries: ReadonlyMap<Place, DemoRegistry>,
    accounts: ReadonlyMap<Place, Account>,
    plantsFaults: boolean,
  ) {
    this.#registries = registries;
    this.#accounts = accounts;
    this.#plantsFaults = plantsFaults;
  }

  /** Starts every registry and fills it. Passwords are made up anew each time. */
  static async open(options: StageOptions): Promise<Stage> {
    const registries = new Map<Place, DemoRegistry>();
    const accounts = new Map<Place, Account>();
    for (const place of PLACES) {
      const password = randomBytes(12).toString('base64url');
      const account = { username: CAST[place].username, password: () => password };
      accounts.set(place, account);
      registries.set(place, await startRegistry(place, account, options.certificate));
    }
    const stage = new Stage(registries, accounts, options.plantsFaults);
    for (const place of PLACES) stage.#fill(place);
    return stage;
  }

  registry(place: Place): DemoRegistry {
    const registry = this.#registries.get(place);
    if (registry === undefined) throw new Error(`no registry ${place}`);
    return registry;
  }

  account(place: Place): Account {
    const account = this.#accounts.get(place);
    if (account === undefined) throw new Error(`no account at ${place}`);
    return account;
  }

  /** `fra.demo.example:5000`, as images and declarations name it. */
  hostPort(place: Place): string {
    return `${CAST[place].host}:${this.registry(place).where.port}`;
  }

  /** Names and the addresses they stand for, since no name server knows them. */
  get names(): Readonly<Record<string, readonly string[]>> {
    return Object.fromEntries(
      PLACES.map((place) => [CAST[place].host, [this.registry(place).where.address]]),
    );
  }

  /** `fra/shop/web:1.4` with the registry's whole name; any other text as it is. */
  expand(text: string): string {
    const place = PLACES.find((name) => text.startsWith(`${name}/`));
    return place === undefined ? text : `${this.hostPort(place)}${text.slice(place.length)}`;
  }

  /** The same text with the registries' short names. */
  shorten(text: string): string {
    return PLACES.reduce((short, place) => short.replaceAll(this.hostPort(place), place), text);
  }

  break(place: Place, fault: Fault): void {
    if (this.#plantsFaults) this.registry(place).fault = fault;
  }

  /** Resolves when the registry listens again. */
  async heal(place: Place): Promise<void> {
    const registry = this.registry(place);
    registry.fault = 'none';
    await registry.settled();
  }

  /** Takes an image away from one registry. */
  delete(place: Place, name: string, tag: string): void {
    if (this.#plantsFaults) this.registry(place).remove(name, tag);
  }

  clearObservations(): void {
    for (const registry of this.#registries.values()) registry.clearObservations();
  }

  seen(place: Place): Seen {
    const { fault, requests, connections } = this.registry(place);
    const accounts = new Set(
      requests.map((request) => request.shown).filter((shown) => shown !== 'anonymous'),
    );
    return { fault, requests, accounts: [...accounts], connections };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#registries.values()].map((registry) => registry.stop()));
  }

  #fill(place: Place): void {
    for (const [name, tag, lags] of COLLECTION[place]) {
      this.registry(place).publish(name, tag, build(name, tag, lags === undefined ? 8 : 7));
    }
  }
}
