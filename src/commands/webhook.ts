// Webhook: wires the webhook process: settings, declarations, engine, servers, and an end without a lost request.
import { AuditLog } from '../audit/log.ts';
import { parseWebhookSettings } from '../config/settings.ts';
import type { WebhookSettings } from '../config/settings.ts';
import { createOpsServer } from '../http/ops-server.ts';
import { wait } from '../kubernetes/wait.ts';
import type { Proxy } from '../transport/proxy.ts';
import { LineWriter } from '../telemetry/line-writer.ts';
import { createLog } from '../telemetry/log.ts';
import type { Log } from '../telemetry/log.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { createEngine } from './engine.ts';
import type { Engine, EngineOptions } from './engine.ts';
import { printError, refuse } from './error-lines.ts';
import { EXIT } from './exit.ts';
import { endOrderly, nextSignal } from './process-life.ts';
import { readProxy } from './proxy.ts';
import { WebhookFront } from './webhook-front.ts';
import { DeclarationsInForce, listenersOf, surviveFaults } from './webhook-telemetry.ts';
import { openFileInputs } from './webhook-inputs.ts';
import type { WebhookInputs } from './webhook-inputs.ts';

/** Runs until a signal. Resolves with the exit code. */
export async function runWebhook(flags: unknown): Promise<number> {
  const parsed = parseWebhookSettings(flags);
  const proxy = readProxy();
  if (!parsed.ok || !proxy.ok) {
    return refuse([...(parsed.ok ? [] : parsed.error), ...(proxy.ok ? [] : [proxy.error])]);
  }
  try {
    return await serve(parsed.value, proxy.value);
  } catch (error) {
    printError((error as Error).message);
    return EXIT.badInput;
  }
}

async function openInputs(settings: WebhookSettings, metrics: Metrics, log: Log): Promise<WebhookInputs> {
  if (!settings.fromCluster) return openFileInputs(settings);
  // What files do not need is not in memory with them.
  const { openClusterWebhook } = await import('./cluster-webhook.ts');
  return openClusterWebhook(settings, log, (error) => {
    metrics.internalError();
    log.error({ err: error }, 'fault outside a request; the webhook goes on');
  });
}

function startEngine(
  settings: WebhookSettings,
  options: Pick<EngineOptions, 'transport' | 'audit' | 'listeners' | 'lookups'>,
): Engine {
  return createEngine({
    ...options,
    settings: {
      budgetMs: settings.budget,
      hedgeMs: settings.hedge,
      cluster: settings.clusterName,
      excludedOwners: new Set(settings.excludedOwner),
      probeTimeoutMs: settings.probeTimeout,
      probeIntervalMs: settings.probeInterval,
    },
    watch: true,
  });
}

function useCertificates(inputs: WebhookInputs, front: WebhookFront, metrics: Metrics, log: Log): void {
  inputs.followCertificate({
    onChange: (certificate) => {
      const isFirst = !front.hasCertificate;
      front.use(certificate);
      metrics.certificateExpires(certificate.expires);
      if (!isFirst) log.info({ expires: certificate.expires }, 'serving certificate swapped');
    },
    onProblem: (message) => {
      const rest = front.hasCertificate ? 'the last good one stays' : 'there is none yet';
      log.error({ problem: message }, `the certificate is unusable; ${rest}`);
    },
  });
}

async function serve(settings: WebhookSettings, proxy: Proxy | undefined): Promise<number> {
  const metrics = new Metrics();
  const writer = new LineWriter(1, (lines) => metrics.dropped(lines));
  const log = createLog(settings.logLevel, writer);
  const inputs = await openInputs(settings, metrics, log);
  metrics.watchStaleness(() => inputs.staleness());
  const audit = new AuditLog(writer);
  const listeners = listenersOf(metrics, log);
  const { lookups } = inputs;
  const engine = startEngine(settings, { transport: { proxy }, audit, listeners, lookups });
  surviveFaults(metrics, log);
  const inForce = new DeclarationsInForce(engine, metrics, log);
  inputs.followDeclarations((state) => inForce.declare(state));
  const front = new WebhookFront({
    listen: settings.listen,
    handler: engine.admission,
    onRefused: (status) => metrics.refused(status),
    onListening: () => log.info({ listen: settings.listen, ops: settings.opsListen }, 'webhook is serving'),
  });
  let draining = false;
  const ops = createOpsServer({
    notReady: () => [
      ...(draining ? ['draining'] : []),
      ...(front.hasCertificate ? [] : ['no certificate yet']),
      ...(front.hasCertificate && !front.isListening ? ['not listening yet'] : []),
      ...inputs.notReady(),
    ],
    metrics: () => metrics.registry.metrics(),
    metricsContentType: metrics.registry.contentType,
  });
  try {
    await ops.listen(settings.opsListen);
    useCertificates(inputs, front, metrics, log);
    const signal = await Promise.race([nextSignal(), front.failed]);
    log.info({ signal, drainMs: settings.drain }, 'draining');
  } catch (error) {
    // Half a webhook would go on without anybody to ask after its health.
    inputs.close();
    await Promise.all([front.close(0), ops.close(), engine.close()]);
    throw error;
  }
  draining = true;
  front.startDraining();
  await wait(settings.drain);
  await front.close(settings.grace);
  await ops.close();
  inputs.close();
  await engine.close();
  log.info('stopped');
  return await endOrderly(writer);
}
