// Scenes: the real admission server and admission path over registries in one state each, from a table of answers.
import { AdmissionServer } from '../../src/http/admission-server.ts';
import type { AdmissionHandler } from '../../src/http/admission-server.ts';
import { Admission } from '../../src/admission/admit.ts';
import { DeclaredState } from '../../src/admission/declared-state.ts';
import type { Prober, PullSecretSource } from '../../src/admission/lookups.ts';
import type { Answer } from '../../src/domain/answer.ts';
import type { HealthStatus } from '../../src/domain/health.ts';
import { OUTCOMES } from '../../src/domain/outcome.ts';
import type { Outcome } from '../../src/domain/outcome.ts';
import type { SecretReading } from '../../src/domain/pod-credentials.ts';
import type { Question } from '../../src/domain/question.ts';
import { makeAnswer } from '../support/make.ts';
import type { KeyAndCertificate } from '../support/tls.ts';
import type { SceneHosts } from './images.ts';
import { declaredObjects, tableSets } from './sets.ts';

/** One server with its registries. */
export interface Scene {
  readonly name: string;
  readonly server: AdmissionServer;
  readonly hosts: SceneHosts;
  /** Faults of ours that admission caught since the last call: each one is a defect. */
  takeErrors(): readonly string[];
  close(): Promise<void>;
}

const HOSTS: SceneHosts = {
  prefixes: [
    'fra.example',
    'fra.example/team',
    'docker.io',
    'mixed.example',
    'slow.example',
    'watched.example',
    'creds.example',
    '[::1]:5000',
    'some.example',
  ],
  mirrors: [
    'ams.example',
    'lon.example/copies',
    'ams.example/elsewhere',
    'mirror.example/hub',
    'dc1.example:5000',
    'node.example',
    'private.example',
    'ams.example/slow',
    '[2001:db8::1]:5000/six',
  ],
};

/** What an endpoint answers in a scene; undefined: never. */
type Behaviour = (question: Question) => Outcome | undefined;

interface Table {
  readonly behaviour: Behaviour;
  readonly status: (host: string) => HealthStatus;
  /** Known before the pod comes. */
  readonly inMemory: boolean;
  /** For a pod; long where every question is answered, so that a busy machine changes no decision. */
  readonly budgetMs?: number;
}

function isUpstream(host: string): boolean {
  return HOSTS.prefixes.some((prefix) => prefix.split('/')[0] === host);
}

function hash(text: string): number {
  let sum = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1)
    sum = Math.imul(sum ^ text.charCodeAt(index), 0x01000193);
  return sum >>> 0;
}

/** Every outcome somewhere, the same one for the same question each time. */
function mixed(question: Question): Outcome | undefined {
  return OUTCOMES[hash(question.id) % OUTCOMES.length];
}

function upstreamSays(outcome: Outcome | undefined): Behaviour {
  return ({ endpoint }) => (isUpstream(endpoint.host) ? outcome : 'available');
}

const up = (): HealthStatus => 'up';
const upstreamDown = (host: string): HealthStatus => (isUpstream(host) ? 'down' : 'up');

const TABLES: Readonly<Record<string, Table>> = {
  healthy: { behaviour: () => 'available', status: up, inMemory: true },
  asked: { behaviour: () => 'available', status: up, inMemory: false },
  unreachable: { behaviour: upstreamSays('unreachable'), status: upstreamDown, inMemory: true },
  failing: { behaviour: upstreamSays('failing'), status: () => 'unknown', inMemory: false },
  throttled: { behaviour: upstreamSays('throttled'), status: up, inMemory: true },
  missing: { behaviour: upstreamSays('missing'), status: up, inMemory: false },
  denied: { behaviour: upstreamSays('denied'), status: up, inMemory: true },
  slow: { behaviour: upstreamSays('slow'), status: up, inMemory: false },
  'all-down': { behaviour: () => 'unreachable', status: () => 'down', inMemory: true },
  mixed: { behaviour: mixed, status: () => 'unknown', inMemory: true },
  'mixed-asked': { behaviour: mixed, status: () => 'unknown', inMemory: false },
  // Nobody ever answers, so each pod costs its budget.
  never: { behaviour: () => undefined, status: up, inMemory: false, budgetMs: 2 },
};

export const TABLE_SCENES: readonly string[] = Object.keys(TABLES);

class TableRegistries implements Prober {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  #answer(question: Question, outcome: Outcome, fromMemory: boolean): Answer {
    const secret = question.credentials[0]?.secret;
    const digit = (hash(`${question.repository}@${question.reference}`) % 3).toString();
    const hasDigest = outcome === 'available' && hash(question.id) % 5 !== 0;
    return makeAnswer(outcome, {
      fromMemory,
      ms: fromMemory ? 0 : 1,
      endpointWide: this.status(question.endpoint) === 'down',
      ...(secret === undefined ? {} : { secret }),
      ...(hasDigest ? { digest: `sha256:${digit.repeat(64)}` } : {}),
    });
  }

  recall(question: Question): Answer | undefined {
    const outcome = this.#table.inMemory ? this.#table.behaviour(question) : undefined;
    return outcome === undefined ? undefined : this.#answer(question, outcome, true);
  }

  ask(question: Question): Promise<Answer> {
    const outcome = this.#table.behaviour(question);
    if (outcome === undefined) return new Promise(() => undefined);
    return Promise.resolve(this.#answer(question, outcome, false));
  }

  byHealth(endpoint: { readonly host: string }): Answer {
    const status = this.status(endpoint);
    const outcome = status === 'up' ? 'available' : status === 'down' ? 'unreachable' : 'slow';
    return makeAnswer(outcome, { unread: true, fromMemory: true, endpointWide: status === 'down' });
  }

  status(endpoint: { readonly host: string }): HealthStatus {
    return this.#table.status(endpoint.host);
  }

  lastDigest(question: Question): string | undefined {
    return hash(question.id) % 3 === 0 ? `sha256:${'1'.repeat(64)}` : undefined;
  }
}

/** The declared secrets, some of which cannot be read: at once, or after a while. */
function withUnread(declared: DeclaredState): PullSecretSource {
  const unread = (readings: readonly SecretReading[]): SecretReading[] =>
    readings.map((one) => (one.name.startsWith('unread') ? { name: one.name, state: 'unread' } : one));
  return {
    read: (namespace, names) => {
      const readings = unread(declared.read(namespace, names));
      return names.includes('unread-later') ? Promise.resolve(readings) : readings;
    },
  };
}

function admissionOver(table: Table, onError: (error: unknown) => void): AdmissionHandler {
  const sets = tableSets();
  const declared = new DeclaredState(declaredObjects(sets, ['fra.example', 'mixed.example', 'docker.io']));
  return new Admission(
    {
      budgetMs: table.budgetMs ?? 10_000,
      hedgeMs: 0,
      cluster: 'fuzz',
      excludedOwners: new Set(['postgresql.cnpg.io']),
    },
    {
      mirrors: declared,
      secrets: withUnread(declared),
      serviceAccounts: declared,
      refusals: declared,
      prober: new TableRegistries(table),
      audit: { append: (entries) => void entries.lines() },
      meter: { admission: () => undefined, decision: () => undefined, internalError: () => undefined },
      clock: { now: () => performance.now(), wallClock: () => new Date() },
      fingerprint: (credential) => (credential === undefined ? '' : 'known'),
      onInternalError: onError,
    },
  );
}

/** Puts a handler behind the real server, which then listens on a free port of 127.0.0.1. */
export async function openScene(
  name: string,
  tls: KeyAndCertificate,
  parts: {
    readonly hosts: SceneHosts;
    readonly errors: string[];
    readonly handler: AdmissionHandler;
    readonly close: () => Promise<void>;
  },
): Promise<Scene> {
  const server = new AdmissionServer({
    cert: tls.certPem,
    key: tls.keyPem,
    handler: parts.handler,
    onRefused: () => undefined,
  });
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  return {
    name,
    server,
    hosts: parts.hosts,
    takeErrors: () => parts.errors.splice(0),
    close: async () => {
      await server.close(0);
      await parts.close();
    },
  };
}

/** Opens a table scene by its name. */
export function openTableScene(name: string, tls: KeyAndCertificate): Promise<Scene> {
  const table = TABLES[name];
  if (table === undefined) throw new Error(`no such scene: ${name}`);
  const errors: string[] = [];
  const handler = admissionOver(table, (error) => errors.push(describeError(error)));
  return openScene(name, tls, { hosts: HOSTS, errors, handler, close: () => Promise.resolve() });
}

/** An error with the line it came from. */
export function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
