// Cleanup: before an uninstall, takes the lease over so that no controller works, and takes back what it has made.
import { parseCleanupSettings } from '../config/controller-settings.ts';
import type { CleanupSettings } from '../config/controller-settings.ts';
import { cleanUp } from '../controller/cleanup.ts';
import { cleanUpNodes } from '../controller/cleanup-nodes.ts';
import type { NodeCleanUpOptions } from '../controller/cleanup-nodes.ts';
import { certificateSecretNames, FIELD_MANAGER, leaseName } from '../domain/installation-names.ts';
import type { Installation } from '../domain/rights.ts';
import { KubernetesApi } from '../kubernetes/api.ts';
import { openConnection } from '../kubernetes/connection.ts';
import { LeaderElection } from '../kubernetes/leader-election.ts';
import { SECRETS } from '../kubernetes/resource.ts';
import { wait } from '../kubernetes/wait.ts';
import { printError, refuse } from './error-lines.ts';
import { EXIT } from './exit.ts';
import { VERSION } from './version.ts';

/** The lease goes with the release; a controller that is slow to end must not lead once more before that. */
const HOLD_MS = 30 * 60_000;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What the controller has made for the webhook; whoever brings certificates of their own has none of these, and we no right. */
async function removeCertificates(api: KubernetesApi, install: Installation): Promise<void> {
  const { serving, ca } = certificateSecretNames(install);
  for (const name of [serving, ca]) {
    const removed = await api.remove(SECRETS, { namespace: install.namespace, name });
    if (!removed.ok && removed.error.kind !== 'forbidden')
      say(`Secret ${name} could not be removed: ${removed.error.message}`);
  }
}

const NO_NODES = { failures: [] } as const;

function timesOfNodes(
  settings: CleanupSettings,
): Pick<NodeCleanUpOptions, 'layout' | 'patienceMs' | 'now' | 'wait'> {
  const { containersFolder, containerdFolder, authFile, nodesTimeout } = settings;
  const layout = { containersFolder, containerdFolder, authFile };
  return { layout, patienceMs: nodesTimeout, now: () => performance.now(), wait };
}

/** Resolves with the exit code: 0 all is gone, 4 some of it is not. Nodes that do not answer are named, and are no failure. */
export async function runCleanup(flags: unknown): Promise<number> {
  const parsed = parseCleanupSettings(flags);
  if (!parsed.ok) return refuse(parsed.error);
  const { kubeconfig, context, installNamespace, fullname, timeout, nodes } = parsed.value;
  const opened = await openConnection({ kubeconfig, context, userAgent: `registry-failover/${VERSION}` });
  if (!opened.ok) return refuse(opened.error);
  const connection = opened.value;
  const api = new KubernetesApi({ connection, fieldManager: FIELD_MANAGER });
  const signal = AbortSignal.timeout(timeout);
  try {
    const election = new LeaderElection({
      api,
      namespace: installNamespace,
      name: leaseName({ fullname }),
      identity: `${fullname}-cleanup`,
      now: () => performance.now(),
      wait,
      onStarted: () => {},
      onStopped: () => {},
      log: (told) => {
        if (told.event === 'lease-failed') say(`The lease could not be taken yet: ${told.failure.message}`);
      },
    });
    say('Waiting until no controller works any more …');
    const taken = await election.takeOver(HOLD_MS);
    if (!taken.ok) {
      printError(`the lease was not to be had: ${taken.error.message}`);
      return EXIT.unknown;
    }
    const install = { namespace: installNamespace, fullname };
    const [{ unfinished }, { failures }] = await Promise.all([
      cleanUp({ api, install, say, signal }),
      nodes ? cleanUpNodes({ api, install, say, signal, ...timesOfNodes(parsed.value) }) : NO_NODES,
    ]);
    await removeCertificates(api, install);
    return unfinished.length + failures.length === 0 ? EXIT.yes : EXIT.partly;
  } finally {
    connection.close();
  }
}
