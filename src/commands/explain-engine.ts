// Explain engine: the webhook's engine for one run at a person's desk: no background probes, no audit, no metrics.
import { inspect } from 'node:util';
import type { DeclaredObjects } from '../admission/declared-state.ts';
import { WEBHOOK_DEFAULTS } from '../config/defaults.ts';
import { parseWebhookSettings } from '../config/settings.ts';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';
import { createEngine, listenForFaults } from './engine.ts';
import type { Engine } from './engine.ts';
import { refuse } from './error-lines.ts';
import { EXIT } from './exit.ts';
import { endSoon } from './explain-output.ts';
import { readProxy } from './proxy.ts';

/** An engine for one run. */
export interface DeskEngine extends Engine {
  /** Bugs of ours that admission caught; a webhook would have admitted the pod unchanged. */
  readonly faults: readonly unknown[];
}

/** An engine with the webhook's default settings and these declarations in force. */
function openEngine(objects: DeclaredObjects): Result<DeskEngine, readonly Problem[]> {
  const proxy = readProxy();
  const settings = parseWebhookSettings({ ...WEBHOOK_DEFAULTS, manifests: ['-'] });
  if (!proxy.ok) return err([proxy.error]);
  if (!settings.ok) return settings;
  const { budget, hedge, clusterName, excludedOwner, probeTimeout, probeInterval } = settings.value;
  const faults: unknown[] = [];
  const engine = createEngine({
    settings: {
      budgetMs: budget,
      hedgeMs: hedge,
      cluster: clusterName,
      excludedOwners: new Set(excludedOwner),
      probeTimeoutMs: probeTimeout,
      probeIntervalMs: probeInterval,
    },
    transport: { proxy: proxy.value },
    audit: { append: () => {} },
    listeners: listenForFaults((error) => faults.push(error)),
    watch: false,
  });
  engine.declare(objects);
  return ok({ ...engine, faults });
}

/** Runs a task with an engine and gives its exit code. A bug of ours is no verdict on an image: it is "could not tell". */
export async function runWithEngine(
  objects: DeclaredObjects,
  task: (engine: DeskEngine) => Promise<number>,
): Promise<number> {
  const engine = openEngine(objects);
  if (!engine.ok) return refuse(engine.error);
  try {
    return endSoon(await task(engine.value));
  } catch (error) {
    process.stderr.write(`error: registry-failover failed internally: ${inspect(error)}\n`);
    return endSoon(EXIT.unknown);
  } finally {
    await engine.value.close();
  }
}
