// Webhook: wires the webhook process: settings, declarations, engine, servers, and an end without a lost request.
import { AuditLog } from '../audit/log.ts';
import { parseWebhookSettings } from '../config/settings.ts';
import type { WebhookSettings } from '../config/settings.ts';
import { printProblem } from '../domain/problem.ts';
import type { Problem } from '../domain/problem.ts';
import { AdmissionServer } from '../http/admission-server.ts';
import { CertificateWatch, readCertificate } from '../http/certificate.ts';
import { createOpsServer } from '../http/ops-server.ts';
import type { Proxy } from '../transport/proxy.ts';
import { LineWriter } from '../telemetry/line-writer.ts';
import { createLog } from '../telemetry/log.ts';
import type { Log } from '../telemetry/log.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { LiveDeclarations } from './declarations.ts';
import type { LiveState } from './declarations.ts';
import { createEngine } from './engine.ts';
import type { Engine, EngineListeners } from './engine.ts';
import { fitStderr } from './error-lines.ts';
import { EXIT } from './exit.ts';
import { readProxy } from './proxy.ts';

/** How long the last lines may take to be written; a reader that has stopped reading is not waited for. */
const LAST_LINES_MS = 1_000;

function printProblems(problems: readonly Problem[]): void {
  for (const problem of problems) process.stderr.write(fitStderr(`error: ${printProblem(problem)}\n`));
}

function listenersOf(metrics: Metrics, log: Log): EngineListeners {
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

function declare(engine: Engine, state: LiveState, metrics: Metrics, log: Log): void {
  engine.declare(state.objects);
  metrics.declarations(state.objects.sets.length, state.problems.length);
  const endpoints = state.objects.sets.flatMap((set) => [
    set.upstream,
    ...set.mirrors.map((mirror) => mirror.endpoint),
  ]);
  metrics.retainEndpoints(endpoints.map((endpoint) => endpoint.host));
  for (const endpoint of endpoints) metrics.health(endpoint, engine.health.get(endpoint).status);
  log.info({ sets: state.objects.sets.length, problems: state.problems.length }, 'declarations in force');
  for (const problem of state.problems) log.warn({ problem }, printProblem(problem));
}

/** A fault outside any request must not take the webhook away from every pod of the cluster. */
function surviveFaults(metrics: Metrics, log: Log): void {
  process.on('uncaughtException', (error) => {
    metrics.internalError();
    log.error({ err: error }, 'fault outside a request; the webhook goes on');
  });
}

function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Runs until a signal. Resolves with the exit code. */
export async function runWebhook(flags: unknown): Promise<number> {
  const parsed = parseWebhookSettings(flags);
  const proxy = readProxy();
  if (!parsed.ok || !proxy.ok) {
    printProblems([...(parsed.ok ? [] : parsed.error), ...(proxy.ok ? [] : [proxy.error])]);
    return EXIT.badInput;
  }
  try {
    return await serve(parsed.value, proxy.value);
  } catch (error) {
    process.stderr.write(fitStderr(`error: ${(error as Error).message}\n`));
    return EXIT.badInput;
  }
}

async function serve(settings: WebhookSettings, proxy: Proxy | undefined): Promise<number> {
  const metrics = new Metrics();
  const writer = new LineWriter(1, (lines) => metrics.dropped(lines));
  const log = createLog(settings.logLevel, writer);
  const files = { certPath: settings.tlsCert, keyPath: settings.tlsKey };
  const certificate = await readCertificate(files);
  metrics.certificateExpires(certificate.expires);
  const declarations = await LiveDeclarations.open(settings);
  const engine = createEngine({
    settings: {
      budgetMs: settings.budget,
      hedgeMs: settings.hedge,
      cluster: settings.clusterName,
      excludedOwners: new Set(settings.excludedOwner),
      probeTimeoutMs: settings.probeTimeout,
      probeIntervalMs: settings.probeInterval,
    },
    transport: { proxy },
    audit: new AuditLog(writer),
    listeners: listenersOf(metrics, log),
    watch: true,
  });
  surviveFaults(metrics, log);
  const stopDeclarations = declarations.follow((state) => declare(engine, state, metrics, log));
  const server = new AdmissionServer({
    ...certificate,
    handler: engine.admission,
    onRefused: (status) => metrics.refused(status),
  });
  const certificates = new CertificateWatch(files, certificate, {
    onChange: (changed) => {
      server.useCertificate(changed);
      metrics.certificateExpires(changed.expires);
      log.info({ expires: changed.expires }, 'serving certificate swapped');
    },
    onProblem: (message) =>
      log.error({ problem: message }, 'the certificate files are unusable; the last good one stays'),
  });
  let draining = false;
  const ops = createOpsServer({
    notReady: () => (draining ? ['draining'] : []),
    metrics: () => metrics.registry.metrics(),
    metricsContentType: metrics.registry.contentType,
  });
  try {
    await server.app.listen(settings.listen);
    await ops.listen(settings.opsListen);
  } catch (error) {
    // Half a webhook would go on without anybody to ask after its health.
    await Promise.all([server.close(0), ops.close(), engine.close()]);
    stopDeclarations();
    certificates.close();
    throw error;
  }
  log.info({ listen: settings.listen, ops: settings.opsListen }, 'webhook is serving');

  const signal = await nextSignal();
  log.info({ signal, drainMs: settings.drain }, 'draining');
  draining = true;
  server.startDraining();
  await sleep(settings.drain);
  await server.close(settings.grace);
  await ops.close();
  stopDeclarations();
  certificates.close();
  await engine.close();
  log.info('stopped');
  await writer.end(LAST_LINES_MS);
  // A write to a reader that has stopped reading is still under way and would keep the process alive for ever.
  setTimeout(() => process.exit(EXIT.yes), LAST_LINES_MS).unref();
  return EXIT.yes;
}
