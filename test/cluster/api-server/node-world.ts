// Node world: a real API server with the chart's rights and policies, Node objects without kubelets, agents that answer as a test says.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NodeRollouts } from '../../../src/controller/nodes/node-rollouts.ts';
import { SYSTEM_CLOCK } from '../../../src/controller/status-clock.ts';
import type { HealthStatus } from '../../../src/domain/health.ts';
import type { MirrorSet } from '../../../src/domain/mirror-set.ts';
import type { NodeShare } from '../../../src/domain/node-rollout-facts.ts';
import type { KnownNodes } from '../../../src/domain/set-status-facts.ts';
import { KubernetesApi } from '../../../src/kubernetes/api.ts';
import type { Informer } from '../../../src/kubernetes/cluster-api.ts';
import { openConnection } from '../../../src/kubernetes/connection.ts';
import type { Connection } from '../../../src/kubernetes/connection.ts';
import { KubernetesInformers } from '../../../src/kubernetes/informers.ts';
import { NODE_MIRROR_STATES } from '../../../src/kubernetes/resource.ts';
import type { KubeObject } from '../../../src/kubernetes/resource.ts';
import type { NodeWanted } from '../../../src/nodes/data/wanted.ts';
import { pause, waitFor } from '../../lab/wait.ts';
import { account, install, InstalledChart } from '../rights/installed-chart.ts';

/** What an agent comes to; `silent` is none. */
export type Fate = 'UpToDate' | 'Failed' | 'silent';

export interface NodeState extends KubeObject {
  readonly spec: { readonly wanted: NodeWanted };
}

const STATES = `/apis/registry-failover.io/v1alpha1/namespaces/${install.namespace}/nodemirrorstates`;
const PODS_PATH = `/api/v1/namespaces/${install.namespace}/pods`;
const WAIT_MS = 60_000;

async function kubeconfigOf(chart: InstalledChart): Promise<string> {
  const path = `/api/v1/namespaces/${install.namespace}/serviceaccounts/${account.controller}/token`;
  const reply = await chart.expectDone({ method: 'POST', path, body: { spec: {} } });
  const { token } = (reply.body as { status: { token: string } }).status;
  const ca = Buffer.from(chart.plane.caPem).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    clusters: [{ name: 'c', cluster: { server: chart.plane.server, 'certificate-authority-data': ca } }],
    users: [{ name: 'c', user: { token } }],
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'c' } }],
  });
}

/** One controller's half under test, with the chart's own account. */
export class Controller {
  readonly rollouts: NodeRollouts;
  readonly problems: string[] = [];
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(world: NodeWorld, share: NodeShare) {
    const api = new KubernetesApi({ connection: world.connection, fieldManager: 'registry-failover' });
    const { signal } = this.#stop;
    this.rollouts = new NodeRollouts({
      api,
      informers: new KubernetesInformers({ api, connection: world.connection }),
      install,
      declared: {
        sets: () => world.sets,
        onChange: (listener) => {
          world.listeners.add(listener);
          return () => world.listeners.delete(listener);
        },
      },
      healthOf: ({ host }) => world.health.get(host) ?? { status: 'unknown', since: 0 },
      settings: { maxUnavailable: share, canaries: 1, gateMs: 300, silentMs: 300_000 },
      clock: SYSTEM_CLOCK,
      random: Math.random,
      meter: { nodes: (byState) => (world.gauge = Object.fromEntries(byState)) },
      log: {
        did: () => {},
        proved: () => {},
        failed: (subject, message) => this.problems.push(`${subject}: ${message}`),
        threw: (error) => this.problems.push(String(error)),
      },
      onChange: () => {},
    });
    this.#done = this.rollouts.start(signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}

export class NodeWorld {
  readonly chart: InstalledChart;
  readonly connection: Connection;
  readonly listeners = new Set<() => void>();
  readonly health = new Map<string, { status: HealthStatus; since: number }>();
  gauge: Readonly<Record<string, number>> = {};
  sets: readonly MirrorSet[] = [];
  fateOf: (node: string) => Fate = () => 'UpToDate';
  /** The most objects that were given something new and had no answer yet. */
  mostUnderWay = 0;
  readonly #folder: string;
  readonly #admin: Connection;
  readonly #watch: Informer<NodeState>;
  readonly #nodes = new Set<string>();
  readonly #answers = new Set<Promise<void>>();
  #controller: Controller | undefined;

  private constructor(chart: InstalledChart, connection: Connection, admin: Connection, folder: string) {
    this.chart = chart;
    this.connection = connection;
    this.#admin = admin;
    this.#folder = folder;
    const api = new KubernetesApi({ connection: admin, fieldManager: 'test' });
    this.#watch = new KubernetesInformers({ api, connection: admin }).watch<NodeState>({
      type: NODE_MIRROR_STATES,
      scope: { namespace: install.namespace },
      keep: (object) => object as NodeState,
    });
    this.#watch.onChange(({ after }) => {
      this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
      if (after === undefined || !isUnanswered(after)) return;
      const answer = this.#answer(after).finally(() => this.#answers.delete(answer));
      this.#answers.add(answer);
    });
  }

  static async open(): Promise<NodeWorld> {
    const chart = await InstalledChart.start();
    await chart.install('--set', 'nodes.enabled=true');
    const folder = mkdtempSync(path.join(tmpdir(), 'nodes-'));
    const kubeconfig = path.join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, await kubeconfigOf(chart));
    const [own, admin] = [
      await openConnection({ kubeconfig }),
      await openConnection({ kubeconfig: chart.plane.kubeconfig }),
    ];
    if (!own.ok || !admin.ok) throw new Error('no connection');
    return new NodeWorld(chart, own.value, admin.value, folder);
  }

  async close(): Promise<void> {
    await this.stop();
    this.#watch.close();
    await Promise.all(this.#answers);
    this.#admin.close();
    this.connection.close();
    rmSync(this.#folder, { recursive: true });
    await this.chart.stop();
  }

  start(share: NodeShare = { kind: 'count', nodes: 3 }): Controller {
    this.#controller = new Controller(this, share);
    return this.#controller;
  }

  async stop(): Promise<void> {
    await this.#controller?.stop();
    this.#controller = undefined;
  }

  /** Nodes and objects of the test before are gone, nothing is declared. */
  async clear(): Promise<void> {
    await this.stop();
    this.sets = [];
    this.health.clear();
    this.fateOf = () => 'UpToDate';
    for (const name of this.#nodes) await this.removeNode(name);
    await this.chart.expectDone({ method: 'DELETE', path: STATES });
    await waitFor('no state to be left', WAIT_MS, () => Promise.resolve(this.states().length === 0));
    this.mostUnderWay = 0;
  }

  declare(...sets: readonly MirrorSet[]): void {
    this.sets = sets;
    for (const listener of this.listeners) listener();
  }

  /** @param agoMs Since when. */
  see(host: string, status: HealthStatus, agoMs = 0): void {
    this.health.set(host, { status, since: SYSTEM_CLOCK.now() - agoMs });
    this.#controller?.rollouts.wake();
  }

  async makeNode(
    name: string,
    over: {
      readonly runtime?: string;
      readonly labels?: Record<string, string>;
      readonly ready?: boolean;
    } = {},
  ): Promise<void> {
    this.#nodes.add(name);
    const { runtime = 'containerd://2.1.9', labels = {}, ready = true } = over;
    await this.chart.expectDone({
      method: 'POST',
      path: '/api/v1/nodes',
      body: { metadata: { name, labels } },
    });
    await this.setReady(name, ready, runtime);
  }

  async setReady(name: string, ready: boolean, runtime = 'containerd://2.1.9'): Promise<void> {
    const time = new Date().toISOString();
    const nodeInfo = Object.fromEntries(
      [
        'architecture',
        'bootID',
        'kernelVersion',
        'kubeProxyVersion',
        'machineID',
        'operatingSystem',
        'systemUUID',
      ].map((field) => [field, 'x']),
    );
    const status = {
      nodeInfo: {
        ...nodeInfo,
        osImage: 'Debian 12',
        kubeletVersion: 'v1.35.4',
        containerRuntimeVersion: runtime,
      },
      conditions: [
        {
          type: 'Ready',
          status: ready ? 'True' : 'False',
          reason: 'Test',
          message: '',
          lastHeartbeatTime: time,
          lastTransitionTime: time,
        },
      ],
    };
    const path = `/api/v1/nodes/${name}/status`;
    await this.chart.expectDone({ method: 'PATCH', path, patch: 'merge', body: { status } });
  }

  async removeNode(name: string): Promise<void> {
    this.#nodes.delete(name);
    await this.chart.as('admin', { method: 'DELETE', path: `/api/v1/nodes/${name}` });
  }

  states(): readonly NodeState[] {
    return [...this.#watch.items.values()];
  }

  state(node: string): NodeState | undefined {
    return this.#watch.items.get(`${install.namespace}/${node}`);
  }

  /** Objects that were given something new and have no answer yet, as this watch has it: the controller has one of its own. */
  get underWay(): number {
    return this.states().filter(isUnanswered).length;
  }

  /** Node → the order of its first host. */
  orders(): Record<string, string> {
    return Object.fromEntries(
      this.states().map(({ metadata, spec }) => [metadata.name, spec.wanted.hosts[0]?.order.join(' ') ?? '']),
    );
  }

  fact(): KnownNodes | undefined {
    const [set] = this.sets;
    const fact = set === undefined ? undefined : this.#controller?.rollouts.nodesOf(set);
    return fact?.kind === 'Known' ? fact : undefined;
  }

  async until(what: string, holds: () => boolean, ms = WAIT_MS): Promise<void> {
    await waitFor(what, ms, () => Promise.resolve(holds()));
  }

  async untilAsync(what: string, holds: () => Promise<boolean>): Promise<void> {
    await waitFor(what, WAIT_MS, holds);
  }

  /** The canary pods that are there. */
  async canaryPods(): Promise<readonly KubeObject[]> {
    const path = `${PODS_PATH}?labelSelector=registry-failover.io/canary=true`;
    const { body } = await this.chart.expectDone({ method: 'GET', path });
    const { items } = body as { items: readonly KubeObject[] };
    return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  /** What the kubelet of the node would say about the pod's one container. */
  async setContainer(pod: string, container: object): Promise<void> {
    const whole = { name: 'canary', image: 'x', imageID: '', ready: false, restartCount: 0, ...container };
    const body = { status: { phase: 'Pending', containerStatuses: [whole] } };
    await this.chart.expectDone({
      method: 'PATCH',
      path: `${PODS_PATH}/${pod}/status`,
      patch: 'merge',
      body,
    });
  }

  /** As the kubelet does once its container has ended; there is none here. */
  async endPods(): Promise<void> {
    const { body } = await this.chart.expectDone({ method: 'GET', path: PODS_PATH });
    for (const { metadata } of (body as { items: readonly KubeObject[] }).items)
      if (metadata.deletionTimestamp !== undefined)
        await this.chart.as('admin', {
          method: 'DELETE',
          path: `${PODS_PATH}/${metadata.name}?gracePeriodSeconds=0`,
        });
  }

  /** The agent of this node looks again. */
  async report(node: string): Promise<void> {
    const state = this.state(node);
    if (state !== undefined) await this.#answer(state);
  }

  async edit(node: string, wanted: object): Promise<void> {
    const body = { spec: { wanted } };
    await this.chart.expectDone({ method: 'PATCH', path: `${STATES}/${node}`, patch: 'merge', body });
  }

  async deleteState(node: string): Promise<void> {
    await this.chart.expectDone({ method: 'DELETE', path: `${STATES}/${node}` });
  }

  /** Endpoint → user of the Secret that agents have mounted; undefined: there is none. */
  async nodeAuth(): Promise<Record<string, string> | undefined> {
    const path = `/api/v1/namespaces/${install.namespace}/secrets/registry-failover-node-auth`;
    const { status, body } = await this.chart.as('admin', { method: 'GET', path });
    if (status === 404) return undefined;
    const { data } = body as { data: Record<string, string> };
    const text = Buffer.from(data['.dockerconfigjson'] ?? '', 'base64').toString();
    const { auths } = JSON.parse(text) as { auths: Record<string, { username: string }> };
    return Object.fromEntries(Object.entries(auths).map(([key, { username }]) => [key, username]));
  }

  /** An agent that writes what it came to, as the agents do: a merge patch of the status. */
  async #answer({ metadata, spec }: NodeState): Promise<void> {
    const fate = this.fateOf(metadata.name);
    if (fate === 'silent') return;
    await pause(30);
    const state = fate === 'UpToDate' && spec.wanted.action === 'Restore' ? 'Restored' : fate;
    const status = {
      observedGeneration: metadata.generation,
      observedRevision: spec.wanted.revision,
      state,
      message: fate === 'Failed' ? 'the disk is full' : '',
      order: spec.wanted.hosts.map(({ prefix, order }) => ({ prefix, first: order[0] })),
    };
    const path = `${STATES}/${metadata.name}/status`;
    await this.chart.as('admin', { method: 'PATCH', path, patch: 'merge', body: { status } });
  }
}

function isUnanswered({ metadata, status }: NodeState): boolean {
  const seen = (status as { observedGeneration?: number } | undefined)?.observedGeneration ?? 0;
  return seen < (metadata.generation ?? 0);
}
