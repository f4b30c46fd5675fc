// Leader nodes: the part of a leadership that gives nodes what they are to have; where it is off, it says so.
import { NodeRollouts } from '../controller/nodes/node-rollouts.ts';
import type { NodeLog } from '../controller/nodes/node-rollouts.ts';
import { SYSTEM_CLOCK } from '../controller/status-clock.ts';
import type { MirrorSet } from '../domain/mirror-set.ts';
import type { Installation } from '../domain/rights.ts';
import type { NodesFact } from '../domain/set-status-facts.ts';
import type { DeclaredSets } from './declared-sets.ts';
import type { Engine } from './engine.ts';
import { reportFault } from './leader-parts.ts';
import type { LeaderParts } from './leader-parts.ts';

/** An agent watches its object and works for seconds: what takes so long is stuck. */
const SILENT_MS = 300_000;

export interface LeaderNodes {
  readonly isSettled: boolean;
  nodesOf(set: MirrorSet): NodesFact;
  /** Health has changed. */
  wake(): void;
  /** Resolves when the signal has ended it and nothing is under way any more. */
  start(signal: AbortSignal): Promise<void>;
}

const OFF: LeaderNodes = {
  isSettled: true,
  nodesOf: () => ({ kind: 'NotInstalled' }),
  wake: () => {},
  start: () => Promise.resolve(),
};

function nodeLog(parts: LeaderParts): NodeLog {
  const { log } = parts;
  return {
    did: (deed, node, revision) =>
      log.info({ node, revision }, deed === 'write' ? 'node state written' : 'node state removed'),
    proved: (node, image) => log.info({ node, image }, 'canary image pulled on the node'),
    failed: (subject, message) => log.warn({ subject, problem: message }, 'nodes: tried again'),
    threw: reportFault(parts),
  };
}

/** @param onChange Told when what the status says of nodes may have changed. */
export function leadNodes(
  parts: LeaderParts,
  known: { readonly install: Installation; readonly declared: DeclaredSets; readonly engine: Engine },
  onChange: () => void,
): LeaderNodes {
  const { settings, cluster, metrics } = parts;
  if (!settings.nodes) return OFF;
  const { engine, install, declared } = known;
  return new NodeRollouts({
    api: cluster.api,
    informers: cluster.informers,
    install,
    declared,
    healthOf: (endpoint) => engine.health.get(endpoint),
    settings: {
      maxUnavailable: settings.nodesMaxUnavailable,
      canaries: 1,
      gateMs: settings.nodesGate,
      silentMs: SILENT_MS,
    },
    clock: SYSTEM_CLOCK,
    random: Math.random,
    meter: metrics,
    log: nodeLog(parts),
    onChange,
  });
}
