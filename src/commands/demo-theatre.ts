// Demo theatre: what the demo runs in this process: registries, declarations on disk, engine, webhook; and their end.
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditLog } from '../audit/log.ts';
import { issueCa, issueServing, validFor } from '../certificates/issue.ts';
import { WEBHOOK_DEFAULTS } from '../config/defaults.ts';
import { ApiServer } from '../demo/api-server.ts';
import { AuditTrail } from '../demo/audit-trail.ts';
import { BUDGET_MS } from '../demo/expectations.ts';
import { printManifests, printPodManifest } from '../demo/manifests.ts';
import { Scene } from '../demo/scene.ts';
import { CAST } from '../demo/cast.ts';
import { Stage } from '../demo/stage.ts';
import type { MirrorSet } from '../domain/mirror-set.ts';
import { printProblem } from '../domain/problem.ts';
import { AdmissionServer } from '../http/admission-server.ts';
import { loadDeclarations } from './declarations.ts';
import type { LiveState } from './declarations.ts';
import { createEngine, listenForFaults } from './engine.ts';
import type { Engine } from './engine.ts';

// The product's defaults.
const PROBE_TIMEOUT_MS = 1_000;
const HEDGE_MS = 200;
/** The name under which an API server reaches the webhook. */
const SERVICE_NAME = 'registry-failover.registry-failover.svc';
const CERTIFICATE_DAYS = 2;

export interface TheatreOptions {
  /** False: nothing goes wrong although the story says so. */
  readonly plantsFaults: boolean;
  /** For how long a change of health is waited for, milliseconds. */
  readonly patienceMs: number;
  /** Between two health probes of a registry, milliseconds. */
  readonly probeIntervalMs: number;
}

interface DemoFiles {
  /** A folder of declarations. */
  readonly manifests: string;
  /** A pod to try them on. */
  readonly pod: string;
}

/** Everything that runs, and what there is to play with. */
export interface Theatre {
  readonly scene: Scene;
  readonly files: DemoFiles;
  /** The mirror sets in force. */
  readonly sets: readonly MirrorSet[];
}

/** Takes what is opened, and closes it again, last opened first. */
export class Closing {
  readonly #ends: (() => Promise<unknown> | void)[] = [];

  add(end: () => Promise<unknown> | void): void {
    this.#ends.unshift(end);
  }

  async close(): Promise<void> {
    for (const end of this.#ends.splice(0)) await end();
  }
}

async function openStage(plantsFaults: boolean): Promise<{ readonly stage: Stage; readonly caPem: string }> {
  const validity = validFor(CERTIFICATE_DAYS, new Date());
  const ca = await issueCa({ name: 'registry-failover demo registries', validity });
  const names = ['127.0.0.1', ...Object.values(CAST).flatMap(({ host, address }) => [host, address])];
  const certificate = await issueServing(ca, { names, validity });
  return { stage: await Stage.open({ certificate, plantsFaults }), caPem: ca.certificatePem };
}

/** Writes the declarations into a folder of our own that nobody else can read: they hold the passwords. */
async function writeFiles(stage: Stage, caPem: string, closing: Closing): Promise<DemoFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'registry-failover-demo-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  // A signal ends the process without closing anything.
  process.once('exit', remove);
  closing.add(() => {
    process.off('exit', remove);
    remove();
  });
  const files = { manifests: join(folder, 'manifests'), pod: join(folder, 'pod.yaml') };
  await mkdir(files.manifests);
  const texts = printManifests({
    hostPort: (place) => stage.hostPort(place),
    account: (place) => stage.account(place),
    caPem,
    installNamespace: WEBHOOK_DEFAULTS.installNamespace,
  });
  for (const [name, text] of Object.entries(texts)) await writeFile(join(files.manifests, name), text);
  await writeFile(files.pod, printPodManifest(stage.expand('fra/shop/web:1.4')));
  return files;
}

async function load(manifests: string): Promise<LiveState> {
  const loaded = await loadDeclarations({
    manifests: [manifests],
    installNamespace: WEBHOOK_DEFAULTS.installNamespace,
    allowedEndpoint: WEBHOOK_DEFAULTS.allowedEndpoint,
  });
  const problems = loaded.ok ? loaded.value.problems : loaded.error;
  // Written by this very program: a problem here is a bug.
  if (!loaded.ok || problems.length > 0) throw new Error(problems.map(printProblem).join('\n'));
  return loaded.value;
}

function openEngine(stage: Stage, trail: AuditTrail, probeIntervalMs: number): Engine {
  return createEngine({
    settings: {
      budgetMs: BUDGET_MS,
      hedgeMs: HEDGE_MS,
      cluster: 'demo',
      excludedOwners: new Set(),
      probeTimeoutMs: PROBE_TIMEOUT_MS,
      probeIntervalMs,
    },
    transport: { names: { fixed: stage.names } },
    audit: new AuditLog(trail),
    listeners: listenForFaults((error) => process.stderr.write(`internal error: ${String(error)}\n`)),
    watch: true,
  });
}

/** Starts the webhook with a certificate of its own, and the one that calls it. */
async function openWebhook(engine: Engine, closing: Closing): Promise<ApiServer> {
  const validity = validFor(CERTIFICATE_DAYS, new Date());
  const ca = await issueCa({ name: 'registry-failover demo webhook', validity });
  const { certificatePem: cert, keyPem: key } = await issueServing(ca, { names: [SERVICE_NAME], validity });
  const server = new AdmissionServer({ cert, key, handler: engine.admission, onRefused: () => undefined });
  await server.app.listen({ host: '127.0.0.1', port: 0 });
  closing.add(() => server.close(0));
  const { address, port } = server.app.server.address() as AddressInfo;
  const api = new ApiServer({ address, port, serviceName: SERVICE_NAME, caPem: ca.certificatePem });
  closing.add(() => api.close());
  return api;
}

/** Opens everything. What is open is in `closing`, also when this throws. */
export async function openTheatre(options: TheatreOptions, closing: Closing): Promise<Theatre> {
  const { stage, caPem } = await openStage(options.plantsFaults);
  closing.add(() => stage.close());
  const files = await writeFiles(stage, caPem, closing);
  const { objects } = await load(files.manifests);
  const trail = new AuditTrail();
  const engine = openEngine(stage, trail, options.probeIntervalMs);
  closing.add(() => engine.close());
  const reviewer = await openWebhook(engine, closing);
  engine.declare(objects);
  const insight = {
    health: (hostPort: string) =>
      engine.health.all().find(({ endpoint }) => endpoint.host === hostPort)?.state.status ?? 'unknown',
    audit: (uid: string) => trail.of(uid),
  };
  const scene = new Scene({ stage, reviewer, insight, patienceMs: options.patienceMs });
  return { scene, files, sets: objects.sets };
}
