// The stage of these tests: a real API server with the CRD, kubectl, and the status and event writers of one controller.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { crds } from '../../../deploy/crd.ts';
import { findTool } from '../../../deploy/tools.ts';
import { openCluster } from '../../../src/commands/cluster.ts';
import type { Cluster } from '../../../src/commands/cluster.ts';
import { EventWriter } from '../../../src/controller/event-sink.ts';
import { PodBook } from '../../../src/controller/pod-book.ts';
import { PodCensus } from '../../../src/controller/pod-census.ts';
import { PodEvents } from '../../../src/controller/pod-events.ts';
import { OptInTimes } from '../../../src/controller/pod-opt-ins.ts';
import { RecreationWatch } from '../../../src/controller/recreation-watch.ts';
import { SYSTEM_CLOCK } from '../../../src/controller/status-clock.ts';
import { StatusWriter } from '../../../src/controller/status-writer.ts';
import { initialHealth } from '../../../src/domain/health.ts';
import type { EndpointHealth } from '../../../src/domain/health.ts';
import type { CredentialFact, RefusedCredential } from '../../../src/domain/set-status-facts.ts';
import { answers } from '../../lab/api-client.ts';
import { startControlPlane } from '../../lab/control-plane.ts';
import type { ControlPlane } from '../../lab/control-plane.ts';
import { waitFor } from '../../lab/wait.ts';

const INSTALL = 'registry-failover';

const run = promisify(execFile);

export class Stage {
  readonly plane: ControlPlane;

  constructor(plane: ControlPlane) {
    this.plane = plane;
  }

  static async open(): Promise<Stage> {
    const stage = new Stage(await startControlPlane({ controllerManager: true }));
    await stage.apply(crds().RegistryMirrorSet);
    await stage.kubectl(['create', 'namespace', INSTALL]);
    const path = '/apis/registry-failover.io/v1alpha1/registrymirrorsets';
    await waitFor('the CRD to be served', 60_000, () => answers(stage.plane.access, path));
    return stage;
  }

  /** The controller of these tests lives in this process: it goes on while kubectl runs. */
  async kubectl(args: readonly string[], input = ''): Promise<string> {
    const all = ['--kubeconfig', this.plane.kubeconfig, ...args];
    const running = run(findTool('kubectl').path, all, { timeout: 60_000, maxBuffer: 16 << 20 });
    running.child.stdin?.end(input);
    return (await running).stdout;
  }

  async apply(object: unknown): Promise<void> {
    await this.kubectl(['apply', '-f', '-'], JSON.stringify(object));
  }

  async json(args: readonly string[]): Promise<unknown> {
    return JSON.parse(await this.kubectl([...args, '-o', 'json']));
  }

  async close(): Promise<void> {
    await this.plane.stop();
  }
}

/** A controller as far as these tests go; health and credentials are what a test says. */
export class Controller {
  readonly health = new Map<string, EndpointHealth>();
  credentials: readonly CredentialFact[] = [];
  refused: readonly RefusedCredential[] = [];
  recreated = 0;
  book: PodBook | undefined;
  readonly failures: string[] = [];
  readonly #cluster: Cluster;
  readonly #control = new AbortController();
  readonly #closers: (() => void)[] = [];
  #writer: StatusWriter | undefined;

  private constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  static async start(
    stage: Stage,
    prepare: (controller: Controller) => void = () => {},
  ): Promise<Controller> {
    const opened = await openCluster(
      { kubeconfig: stage.plane.kubeconfig, installNamespace: INSTALL, allowedEndpoint: [] },
      { onEvent: () => {}, onFault: (error) => console.error(error) },
    );
    if (!opened.ok) throw new Error(JSON.stringify(opened.error));
    const controller = new Controller(opened.value);
    prepare(controller);
    await opened.value.declarations.synced;
    controller.#wire();
    return controller;
  }

  down(endpoint: string, detail: string): void {
    const now = SYSTEM_CLOCK.now();
    this.health.set(endpoint, {
      ...initialHealth(now),
      status: 'down',
      cause: 'unreachable',
      detail,
    });
    this.#writer?.wake();
  }

  up(endpoint: string): void {
    this.health.set(endpoint, { ...initialHealth(SYSTEM_CLOCK.now()), status: 'up' });
    this.#writer?.wake();
  }

  stop(): void {
    this.#control.abort();
    for (const close of this.#closers) close();
    this.#cluster.close();
  }

  #wire(): void {
    const { api, informers, declarations } = this.#cluster;
    const clock = SYSTEM_CLOCK;
    const unknown = initialHealth(clock.now());
    const optIns = new OptInTimes({ installNamespace: INSTALL, wall: () => clock.wall() });
    let state: Parameters<Parameters<typeof declarations.follow>[0]>[0] | undefined;
    let census: PodCensus | undefined;
    const stopFollowing = declarations.follow((next) => {
      state = next;
      optIns.update(next.namespaceLabels);
      census?.update(next.objects.sets);
      this.#writer?.wake();
    });
    const book = new PodBook({ informers, isOptedIn: (name) => optIns.has(name) });
    const pods = new PodCensus(book, optIns, () => clock.wall());
    this.book = book;
    census = pods;
    pods.update(state?.objects.sets ?? []);
    const sink = new EventWriter({
      api,
      clock,
      meter: { eventsDropped: () => {} },
      instance: 'test',
      onFailure: ({ message }) => this.failures.push(message),
    });
    this.#writer = new StatusWriter({
      api,
      informers,
      clock,
      installNamespace: INSTALL,
      meter: { podsOnMirrors: () => {}, podsUnseen: () => {} },
      sources: {
        declared: () => ({ sets: state?.objects.sets ?? [], problems: state?.problems ?? [] }),
        healthOf: ({ host }) => this.health.get(host) ?? unknown,
        credentials: () => this.credentials,
        refused: () => this.refused,
        census: () => pods.take(),
        nodesOf: () => ({ kind: 'NotInstalled' }),
        isSettled: () => book.isSynced,
      },
      onFailure: (set, { message }) => this.failures.push(`${set}: ${message}`),
    });
    const events = { book, indexFor: (name: string) => pods.indexFor(name), sink, clock };
    const { signal } = this.#control;
    book.onChange(() => this.#writer?.wake());
    sink.start(signal);
    new PodEvents(events).start(signal);
    new RecreationWatch({ ...events, meter: { recreated: () => (this.recreated += 1) } }).start(signal);
    this.#writer.start(signal);
    this.#closers.push(stopFollowing, () => book.close());
  }
}
