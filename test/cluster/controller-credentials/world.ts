// World: a real API server with the chart's rights and policies in force, and the controller's half under test with its own token.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PodBook } from '../../../src/controller/pod-book.ts';
import { KubernetesApi } from '../../../src/kubernetes/api.ts';
import { openConnection } from '../../../src/kubernetes/connection.ts';
import type { Connection } from '../../../src/kubernetes/connection.ts';
import type { InformerEvent } from '../../../src/kubernetes/informer-event.ts';
import { KubernetesInformers } from '../../../src/kubernetes/informers.ts';
import { makeCredentialScene } from '../../controller/credential-scene.ts';
import type { CredentialScene } from '../../controller/credential-scene.ts';
import { waitFor } from '../../lab/wait.ts';
import { account, install, InstalledChart } from '../rights/installed-chart.ts';
import type { Reply } from '../rights/installed-chart.ts';

const OPT_IN = 'registry-failover.io/enabled';

/** Asks until the answer is something; resolves with it, or throws after `ms`. */
export async function eventually<T>(what: string, ms: number, ask: () => Promise<T | undefined>): Promise<T> {
  let found: T | undefined;
  await waitFor(what, ms, async () => {
    found = await ask();
    return found !== undefined;
  });
  if (found === undefined) throw new Error(`there is no ${what}`);
  return found;
}

interface SecretObject {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly data: Readonly<Record<string, string>>;
}

function usersOf(secret: SecretObject): Record<string, string> {
  const { auths } = JSON.parse(Buffer.from(secret.data['.dockerconfigjson'] ?? '', 'base64').toString()) as {
    auths: Record<string, { username: string }>;
  };
  return Object.fromEntries(Object.entries(auths).map(([key, { username }]) => [key, username]));
}

function pullSecret(name: string, users: Record<string, string>): object {
  const auths = Object.fromEntries(
    Object.entries(users).map(([key, username]) => [key, { username, password: 'pw' }]),
  );
  return {
    metadata: { name },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': JSON.stringify({ auths }) },
  };
}

export class World {
  readonly chart: InstalledChart;
  readonly connection: Connection;
  readonly api: KubernetesApi;
  readonly scene: CredentialScene;
  readonly #folder: string;
  readonly #book: PodBook;

  private constructor(
    chart: InstalledChart,
    connection: Connection,
    folder: string,
    log?: (event: InformerEvent) => void,
  ) {
    this.chart = chart;
    this.connection = connection;
    this.#folder = folder;
    this.api = new KubernetesApi({ connection, fieldManager: 'registry-failover' });
    const informers = new KubernetesInformers({ api: this.api, connection, log });
    this.scene = makeCredentialScene({ api: this.api, informers, graceMs: 300 });
    this.#book = new PodBook({ informers, isOptedIn: () => true });
    const { pods } = this.scene;
    const book = this.#book;
    pods.synced = book.synced;
    // The scene's own pods stand aside: these are real.
    pods.usersOf = (namespace, name) => book.usersOf(namespace, name);
    pods.onChange = (listener) => book.onChange(listener);
  }

  /** `log` hears of every trouble of a watch. */
  static async start(log?: (event: InformerEvent) => void): Promise<World> {
    const chart = await InstalledChart.start();
    await chart.install();
    const folder = mkdtempSync(path.join(tmpdir(), 'credentials-'));
    const kubeconfig = path.join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, await kubeconfigOf(chart));
    const opened = await openConnection({ kubeconfig });
    if (!opened.ok) throw new Error(opened.error.map(({ message }) => message).join('; '));
    return new World(chart, opened.value, folder, log);
  }

  async makeNamespace(name: string, isOptedIn = true): Promise<void> {
    const labels = isOptedIn ? { [OPT_IN]: 'true' } : {};
    await this.chart.expectDone({
      method: 'POST',
      path: '/api/v1/namespaces',
      body: { metadata: { name, labels } },
    });
  }

  async label(name: string, value: string | null): Promise<void> {
    const body = { metadata: { labels: { [OPT_IN]: value } } };
    await this.chart.expectDone({
      method: 'PATCH',
      path: `/api/v1/namespaces/${name}`,
      body,
      patch: 'merge',
    });
  }

  async makeSecret(namespace: string, name: string, users: Record<string, string>): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/secrets`;
    await this.chart.expectDone({ method: 'POST', path, body: pullSecret(name, users) });
  }

  async changeSecret(namespace: string, name: string, users: Record<string, string>): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
    const { metadata: _, ...body } = pullSecret(name, users) as { metadata: object };
    await this.chart.expectDone({ method: 'PATCH', path, body, patch: 'merge' });
  }

  async remove(path: string): Promise<void> {
    await this.chart.expectDone({ method: 'DELETE', path });
  }

  /** A pod that will stay Pending, which is alive. Resolves once the controller's half knows that it uses the secret. */
  async makePod(namespace: string, name: string, image: string, secret: string): Promise<void> {
    const spec = {
      containers: [{ name: 'app', image }],
      imagePullSecrets: [{ name: secret }],
      automountServiceAccountToken: false,
      schedulingGates: [{ name: 'example.com/never' }],
    };
    await eventually('the pod to be taken', 20_000, async () => {
      const path = `/api/v1/namespaces/${namespace}/pods`;
      const reply = await this.chart.as('admin', {
        method: 'POST',
        path,
        body: { metadata: { name }, spec },
      });
      // Until its service account is there, which takes the controller manager a moment.
      return reply.status === 201 ? reply : undefined;
    });
    await waitFor('the pod to be in the book', 20_000, () =>
      Promise.resolve(this.#book.in(namespace).some((pod) => pod.name === name)),
    );
  }

  get(path: string): Promise<Reply> {
    return this.chart.as('admin', { method: 'GET', path });
  }

  /** The secret's uid and key → user name; undefined while there is none. */
  async look(
    namespace: string,
    name: string,
  ): Promise<{ uid: string; users: Record<string, string> } | undefined> {
    const reply = await this.get(`/api/v1/namespaces/${namespace}/secrets/${name}`);
    if (reply.status !== 200) return undefined;
    const secret = reply.body as SecretObject;
    return { uid: secret.metadata.uid, users: usersOf(secret) };
  }

  /** Names of what a namespace holds of a kind. */
  async names(path: string): Promise<string[]> {
    const { items } = (await this.get(path)).body as { items: { metadata: { name: string } }[] };
    return items.map(({ metadata }) => metadata.name);
  }

  async stop(): Promise<void> {
    await this.scene.stop();
    this.#book.close();
    this.connection.close();
    rmSync(this.#folder, { recursive: true, force: true });
    await this.chart.stop();
  }
}

/** JSON is YAML. The token is a real one of the chart's service account. */
async function kubeconfigOf(chart: InstalledChart): Promise<string> {
  const path = `/api/v1/namespaces/${install.namespace}/serviceaccounts/${account.controller}/token`;
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
  const reply = await chart.expectDone({ method: 'POST', path, body });
  const { token } = (reply.body as { status: { token: string } }).status;
  const certificate = Buffer.from(chart.plane.caPem).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'controller',
    clusters: [
      { name: 'it', cluster: { server: chart.plane.server, 'certificate-authority-data': certificate } },
    ],
    users: [{ name: 'controller', user: { token } }],
    contexts: [{ name: 'controller', context: { cluster: 'it', user: 'controller' } }],
  });
}
