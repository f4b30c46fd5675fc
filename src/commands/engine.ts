// Engine: the admission path with its registry client, health and memories, wired once for webhook, demo and explain.
import { Admission } from '../admission/admit.ts';
import type { AdmissionSettings } from '../admission/admit.ts';
import { DeclaredState } from '../admission/declared-state.ts';
import type { DeclaredObjects } from '../admission/declared-state.ts';
import type {
  AdmissionMeter,
  AuditSink,
  PullSecretSource,
  RefusalSource,
  ServiceAccountSource,
} from '../admission/lookups.ts';
import type { AdmissionRequest } from '../admission/review.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { Outcome } from '../domain/outcome.ts';
import { planWatch } from '../domain/watch-plan.ts';
import { Fingerprinter } from '../probing/fingerprint.ts';
import { HealthBook } from '../probing/health-book.ts';
import type { HealthChange } from '../probing/health-book.ts';
import { HealthMonitor } from '../probing/health-monitor.ts';
import { ManifestClient } from '../registry/manifest-client.ts';
import { Prober } from '../probing/prober.ts';
import type { TransportOptions } from '../transport/transport.ts';

export interface EngineSettings extends AdmissionSettings {
  readonly probeTimeoutMs: number;
  readonly probeIntervalMs: number;
}

/** A slow question is settled in the background within this time. */
const SETTLE_MS = 5_000;
/** "While down every 5 s or less": with jitter, and the two seconds that a round of time-outs itself takes. */
const DOWN_INTERVAL_MS = 2_500;

/** A dial gives up so much before the question that waits for it: its failure is a verdict, the question's end is none. */
const DIAL_VERDICT_MS = 50;

/** Everything the engine tells to the outside. */
export interface EngineListeners extends AdmissionMeter {
  recalled(result: string): void;
  probed(endpoint: Endpoint, outcome: Outcome, seconds: number): void;
  healthChanged(change: HealthChange): void;
  internalErrorCaught(error: unknown, request: AdmissionRequest): void;
}

/** Nothing is counted at a desk, but a fault of ours is told, which a webhook could only log. */
export function listenForFaults(onFault: (error: unknown) => void): EngineListeners {
  const ignore = (): void => {};
  return {
    admission: ignore,
    decision: ignore,
    internalError: ignore,
    recalled: ignore,
    probed: ignore,
    healthChanged: ignore,
    internalErrorCaught: onFault,
  };
}

export interface Engine {
  readonly admission: Admission;
  readonly health: HealthBook;
  readonly client: ManifestClient;
  readonly fingerprint: Fingerprinter;
  readonly prober: Prober;
  /** Puts other declarations in force. */
  declare(objects: DeclaredObjects): void;
  close(): Promise<void>;
}

const EMPTY: DeclaredObjects = { sets: [], namespaceLabels: new Map(), secrets: [], standIn: undefined };

export interface EngineOptions {
  readonly settings: EngineSettings;
  readonly transport: Omit<TransportOptions, 'settings'>;
  readonly audit: AuditSink;
  readonly listeners: EngineListeners;
  /** False: no background probes (a single `explain` asks what it needs itself). */
  readonly watch: boolean;
  /** What is read elsewhere than in the declarations. */
  readonly lookups?: EngineLookups | undefined;
}

/** What a cluster knows and files do not. */
export interface EngineLookups {
  readonly secrets: PullSecretSource;
  readonly serviceAccounts: ServiceAccountSource;
  readonly refusals: RefusalSource;
}

/** Wires the engine. Nothing is asked of any registry before `declare`. */
export function createEngine(options: EngineOptions): Engine {
  const { settings, listeners } = options;
  const { probeTimeoutMs, hedgeMs } = settings;
  const now = (): number => performance.now();
  const fingerprint = new Fingerprinter();
  const client = new ManifestClient({
    ...options.transport,
    settings: {
      dialTimeoutMs: Math.max(probeTimeoutMs - DIAL_VERDICT_MS, 1),
      probeTimeoutMs,
      hedgeMs: Math.max(hedgeMs, 50),
    },
  });
  const health = new HealthBook(now, (change) => listeners.healthChanged(change));
  const monitor = new HealthMonitor(client, health, {
    intervalMs: settings.probeIntervalMs,
    downIntervalMs: Math.min(settings.probeIntervalMs, DOWN_INTERVAL_MS),
    probeTimeoutMs,
  });
  const prober = new Prober({
    client,
    health,
    settings: { probeTimeoutMs, settleMs: SETTLE_MS },
    now,
    meter: listeners,
    suspicion: monitor,
  });
  const declared = new DeclaredState(EMPTY);
  const admission = new Admission(settings, {
    mirrors: declared,
    secrets: options.lookups?.secrets ?? declared,
    serviceAccounts: options.lookups?.serviceAccounts ?? declared,
    refusals: options.lookups?.refusals ?? declared,
    prober,
    audit: options.audit,
    meter: listeners,
    clock: { now, wallClock: () => new Date() },
    fingerprint: (credential) => fingerprint.of(credential),
    onInternalError: (error, request) => listeners.internalErrorCaught(error, request),
  });
  let watched = EMPTY.sets;
  return {
    admission,
    health,
    client,
    fingerprint,
    prober,
    declare: (objects) => {
      declared.replace(objects);
      // Namespaces come and go all day; registries have nothing to do with that.
      if (objects.sets === watched) return;
      watched = objects.sets;
      const targets = planWatch(objects.sets, (credential) => fingerprint.of(credential));
      const anchors = targets.flatMap((target) => target.endpoint.trust ?? []);
      void client.prepare(anchors);
      if (options.watch) monitor.watch(targets);
    },
    close: async () => {
      monitor.close();
      await client.close();
    },
  };
}
