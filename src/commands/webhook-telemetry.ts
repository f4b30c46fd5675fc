// Webhook telemetry: what the webhook counts and says of its engine, its declarations and its own faults.
import type { Endpoint } from '../domain/endpoint.ts';
import { printProblem } from '../domain/problem.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { LiveState } from './declarations.ts';
import type { Engine, EngineListeners } from './engine.ts';

/** The engine's ears: metrics and log. */
export function listenersOf(metrics: Metrics, log: Log): EngineListeners {
  return {
    admission: (seconds) => metrics.admission(seconds),
    decision: (action, reason) => metrics.decision(action, reason),
    internalError: () => metrics.internalError(),
    recalled: (result) => metrics.recalled(result),
    probed: (endpoint, outcome, seconds) => metrics.probed(endpoint, outcome, seconds),
    healthChanged: ({ endpoint, before, after }) => {
      metrics.health(endpoint, after.status);
      const fields = { endpoint: endpoint.host, was: before.status, is: after.status, detail: after.detail };
      if (after.status === 'down') log.warn(fields, 'endpoint went down');
      else log.info(fields, before.status === 'down' ? 'endpoint is back' : 'endpoint is up');
    },
    internalErrorCaught: (error, request) =>
      log.error(
        { err: error, uid: request.uid, namespace: request.namespace },
        'pod admitted unchanged: internal error',
      ),
  };
}

/** Puts declarations in force as they come; says so only when mirror sets or their problems are others. */
export class DeclarationsInForce {
  readonly #engine: Engine;
  readonly #metrics: Metrics;
  readonly #log: Log;
  #said = '';
  #sets: LiveState['objects']['sets'] | undefined;

  constructor(engine: Engine, metrics: Metrics, log: Log) {
    this.#engine = engine;
    this.#metrics = metrics;
    this.#log = log;
  }

  declare(state: LiveState): void {
    const { sets } = state.objects;
    this.#engine.declare(state.objects);
    const problems = state.problems.map(printProblem).join('\n');
    if (sets === this.#sets && problems === this.#said) return;
    this.#sets = sets;
    this.#said = problems;
    this.#metrics.declarations(sets.length, state.problems.length);
    this.#watch(sets.flatMap((set) => [set.upstream, ...set.mirrors.map((mirror) => mirror.endpoint)]));
    this.#log.info({ sets: sets.length, problems: state.problems.length }, 'declarations in force');
    for (const problem of state.problems) this.#log.warn({ problem }, printProblem(problem));
  }

  #watch(endpoints: readonly Endpoint[]): void {
    this.#metrics.retainEndpoints(endpoints.map((endpoint) => endpoint.host));
    for (const endpoint of endpoints)
      this.#metrics.health(endpoint, this.#engine.health.get(endpoint).status);
  }
}

/** A fault outside any request must not take the webhook away from every pod of the cluster. */
export function surviveFaults(metrics: Metrics, log: Log): void {
  process.on('uncaughtException', (error) => {
    metrics.internalError();
    log.error({ err: error }, 'fault outside a request; the webhook goes on');
  });
}
