// Controller: wires the controller process: settings, cluster, leader election, health and metrics, and a stop that hands over.
import { parseControllerSettings } from '../config/controller-settings.ts';
import type { ControllerSettings } from '../config/controller-settings.ts';
import { leaseName } from '../domain/installation-names.ts';
import { createOpsServer } from '../http/ops-server.ts';
import { LeaderElection } from '../kubernetes/leader-election.ts';
import type { ElectionEvent } from '../kubernetes/leader-election.ts';
import { wait } from '../kubernetes/wait.ts';
import { ControllerMetrics } from '../telemetry/controller-metrics.ts';
import { LineWriter } from '../telemetry/line-writer.ts';
import { createLog } from '../telemetry/log.ts';
import type { Log } from '../telemetry/log.ts';
import type { Proxy } from '../transport/proxy.ts';
import { openCluster } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { logInformerEvents } from './cluster-webhook.ts';
import { printError, refuse } from './error-lines.ts';
import { EXIT } from './exit.ts';
import { lead } from './leadership.ts';
import { endOrderly, nextSignal } from './process-life.ts';
import { readProxy } from './proxy.ts';

/** Runs until a signal. Resolves with the exit code. */
export async function runController(flags: unknown): Promise<number> {
  const parsed = parseControllerSettings(flags);
  const proxy = readProxy();
  if (!parsed.ok || !proxy.ok) {
    return refuse([...(parsed.ok ? [] : parsed.error), ...(proxy.ok ? [] : [proxy.error])]);
  }
  return await serve(parsed.value, proxy.value);
}

function logElection(log: Log, metrics: ControllerMetrics): (event: ElectionEvent) => void {
  return (told) => {
    switch (told.event) {
      case 'elected':
        metrics.leads(true);
        log.info('this replica leads');
        break;
      case 'lost':
      case 'released':
        metrics.leads(false);
        log.info('this replica leads no longer');
        break;
      case 'lease-failed':
        log.warn({ problem: told.failure.message }, 'the lease could not be written; it is tried again');
        break;
      case 'work-threw':
        metrics.fault();
        log.error({ err: told.error }, 'internal error; leadership is given up');
        break;
    }
  };
}

function stalenessOf({ declarations }: Cluster): readonly { resource: string; seconds: number }[] {
  return declarations.watches.map(({ resource, staleSince }) => ({
    resource,
    seconds: staleSince === undefined ? 0 : Math.max(0, performance.now() - staleSince) / 1000,
  }));
}

async function serve(settings: ControllerSettings, proxy: Proxy | undefined): Promise<number> {
  const metrics = new ControllerMetrics();
  const writer = new LineWriter(1, (lines) => metrics.dropped(lines));
  const log = createLog(settings.logLevel, writer);
  const onFault = (error: unknown): void => {
    metrics.fault();
    log.error({ err: error }, 'internal error; the controller goes on');
  };
  process.on('uncaughtException', onFault);
  const opened = await openCluster(settings, { onEvent: logInformerEvents(log, onFault), onFault });
  if (!opened.ok) return refuse(opened.error);
  const cluster = opened.value;
  metrics.watchStaleness(() => stalenessOf(cluster));
  const election = new LeaderElection({
    api: cluster.api,
    namespace: settings.installNamespace,
    name: leaseName(settings),
    identity: settings.identity,
    now: () => performance.now(),
    wait,
    onStarted: (signal) => lead(signal, { settings, cluster, metrics, log, proxy }),
    onStopped: () => {},
    log: logElection(log, metrics),
  });
  const ops = createOpsServer({
    notReady: () => (cluster.declarations.isSynced ? [] : ['declarations have not been read yet']),
    metrics: () => metrics.registry.metrics(),
    metricsContentType: metrics.registry.contentType,
  });
  try {
    await ops.listen(settings.opsListen);
  } catch (error) {
    cluster.close();
    printError((error as Error).message);
    return EXIT.badInput;
  }
  election.start();
  log.info({ ops: settings.opsListen, identity: settings.identity }, 'controller is running');
  const signal = await nextSignal();
  log.info({ signal }, 'stopping');
  await election.stop();
  await ops.close();
  cluster.close();
  log.info('stopped');
  return await endOrderly(writer);
}
