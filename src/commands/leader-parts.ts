// Leader parts: what a leading controller is given, and how its parts log and count.
import type { ControllerSettings } from '../config/controller-settings.ts';
import type { CredentialLog } from '../controller/derived-effects.ts';
import type { CertificateReports } from '../controller/webhook-bundle.ts';
import type { ControllerMetrics } from '../telemetry/controller-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import type { Proxy } from '../transport/proxy.ts';
import type { Cluster } from './cluster.ts';
import { createEngine, listenForFaults } from './engine.ts';
import type { Engine } from './engine.ts';

/** What a leader works with; it outlives a leadership. */
export interface LeaderParts {
  readonly settings: ControllerSettings;
  readonly cluster: Cluster;
  readonly metrics: ControllerMetrics;
  readonly log: Log;
  readonly proxy: Proxy | undefined;
}

/** A fault of ours that was survived. */
export function reportFault({
  metrics,
  log,
}: Pick<LeaderParts, 'metrics' | 'log'>): (error: unknown) => void {
  return (error) => {
    metrics.fault();
    log.error({ err: error }, 'internal error; the controller goes on');
  };
}

export function credentialLog(parts: LeaderParts): CredentialLog {
  const { log } = parts;
  const onFault = reportFault(parts);
  return {
    did: (deed, namespace, name) => log.info({ namespace, name }, deed),
    failed: (namespace, name, message) =>
      log.warn({ namespace, name, problem: message }, 'a call has failed; it is tried again'),
    threw: (_namespace, error) => onFault(error),
  };
}

export function certificateReports({ log }: LeaderParts): CertificateReports {
  return {
    done: (text) => log.info(text),
    failed: (text) => log.warn({ problem: text }, 'certificates: tried again'),
  };
}

/** Registries are asked for their health, and whether they take the derived credentials; no pod is judged here. */
export function openLeaderEngine(parts: LeaderParts, onHealth: () => void): Engine {
  const { settings, metrics, log, proxy } = parts;
  return createEngine({
    settings: {
      budgetMs: 0,
      hedgeMs: 0,
      cluster: settings.clusterName,
      excludedOwners: new Set(),
      probeTimeoutMs: settings.probeTimeout,
      probeIntervalMs: settings.probeInterval,
    },
    transport: { proxy },
    audit: { append: () => {} },
    listeners: {
      ...listenForFaults(reportFault(parts)),
      healthChanged: ({ endpoint, before, after }) => {
        metrics.health(endpoint, after.status);
        const { detail } = after;
        const fields = { endpoint: endpoint.host, was: before.status, is: after.status, detail };
        if (after.status === 'down') log.warn(fields, 'endpoint went down');
        else log.info(fields, before.status === 'down' ? 'endpoint is back' : 'endpoint is up');
        onHealth();
      },
    },
    watch: true,
  });
}
