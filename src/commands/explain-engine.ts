// Explain engine: the webhook's engine for one run at a person's desk: no background probes, no audit, no metrics.
import { loadProxyEnvironment } from '../config/load.ts';
import type { DeclaredObjects } from '../admission/declared-state.ts';
import type { AdmissionRequest } from '../admission/review.ts';
import { WEBHOOK_DEFAULTS } from '../config/defaults.ts';
import { parseWebhookSettings } from '../config/settings.ts';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';
import { Proxy } from '../registry/proxy.ts';
import { createEngine } from './engine.ts';
import type { Engine, EngineListeners } from './engine.ts';

/** A bug in the admission path: the webhook would have admitted the pod unchanged; here it is the answer. */
function failLoudly(error: unknown, request: AdmissionRequest): never {
  throw new Error(`admission failed in namespace ${request.namespace}`, { cause: error });
}

const LISTENERS: EngineListeners = {
  admission: () => {},
  decision: () => {},
  internalError: () => {},
  recalled: () => {},
  probed: () => {},
  healthChanged: () => {},
  internalErrorCaught: failLoudly,
};

function readProxy(): Result<Proxy | undefined, Problem> {
  const { url, noProxy } = loadProxyEnvironment();
  if (url === undefined) return ok(undefined);
  const parsed = Proxy.parse({ url, noProxy });
  return parsed.ok ? parsed : err({ ...parsed.error, path: 'HTTPS_PROXY' });
}

/** An engine with the webhook's default settings and these declarations in force. Close it when done. */
export function openEngine(objects: DeclaredObjects): Result<Engine, readonly Problem[]> {
  const proxy = readProxy();
  if (!proxy.ok) return err([proxy.error]);
  const settings = parseWebhookSettings({ ...WEBHOOK_DEFAULTS, manifests: ['-'] });
  if (!settings.ok) return settings;
  const engine = createEngine({
    settings: {
      budgetMs: settings.value.budget,
      hedgeMs: settings.value.hedge,
      cluster: settings.value.clusterName,
      excludedOwners: new Set(settings.value.excludedOwner),
      probeTimeoutMs: settings.value.probeTimeout,
      probeIntervalMs: settings.value.probeInterval,
    },
    transport: { proxy: proxy.value },
    audit: { append: () => {} },
    listeners: LISTENERS,
    watch: false,
  });
  engine.declare(objects);
  return ok(engine);
}
