// Stage: the lab with the product installed, and what a test does on it: namespaces, images, pods, and waiting.
import path from 'node:path';
import { callApi, getObject } from '../../lab/api-client.ts';
import { openLab } from '../../lab/lab.ts';
import type { Lab } from '../../lab/lab.ts';
import { run } from '../../lab/run.ts';
import { waitFor } from '../../lab/wait.ts';
import { FRA, FRA2 } from '../../lab/registries/records.ts';
import type { RegistryHost } from '../../lab/registries/records.ts';

export const INSTALL_NAMESPACE = 'registry-failover';
export const RELEASE = 'registry-failover';
export const OPT_IN = { 'registry-failover.io/enabled': 'true' };
const DECISION = 'registry-failover.io/decision';

export const NODES = { crio: 'node1', containerd: 'node2' } as const;
export type Runtime = keyof typeof NODES;
export const RUNTIMES = Object.keys(NODES) as Runtime[];

/** An object for kubectl; only what a test says is in it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly object[];
  };
  readonly [field: string]: unknown;
}

/** What the decision annotation says of one slot. */
export interface SlotRecord {
  readonly image: string;
  readonly endpoint?: string;
  readonly action: string;
  readonly digest?: string;
  readonly reason: string;
}

export interface LivePod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp: string;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly imagePullSecrets?: readonly { readonly name: string }[];
    readonly containers: readonly { readonly name: string; readonly image: string }[];
    readonly initContainers?: readonly { readonly name: string; readonly image: string }[];
    readonly ephemeralContainers?: readonly { readonly name: string; readonly image: string }[];
    readonly volumes?: readonly { readonly name: string; readonly image?: { readonly reference: string } }[];
  };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly containerStatuses?: readonly unknown[];
  };
}

const GROUPS = {
  pods: '/api/v1',
  secrets: '/api/v1',
  serviceaccounts: '/api/v1',
  events: '/apis/events.k8s.io/v1',
  deployments: '/apis/apps/v1',
  replicasets: '/apis/apps/v1',
  daemonsets: '/apis/apps/v1',
  jobs: '/apis/batch/v1',
  rolebindings: '/apis/rbac.authorization.k8s.io/v1',
  leases: '/apis/coordination.k8s.io/v1',
} as const;
/** Kinds of objects in namespaces, as the API names them. */
export type Kind = keyof typeof GROUPS;

function pathOf(kind: Kind, namespace: string, name?: string): string {
  const list = `${GROUPS[kind]}/namespaces/${namespace}/${kind}`;
  return name === undefined ? list : `${list}/${name}`;
}

let number = 0;

/** A name that no earlier test has used: nodes keep images, and namespaces take a while to go. */
export function unique(stem: string): string {
  number += 1;
  return `${stem}-${process.pid.toString(36)}${number}`;
}

export function dockerConfig(entries: Readonly<Record<string, { user: string; password: string }>>): string {
  const auths = Object.fromEntries(
    Object.entries(entries).map(([key, { user, password }]) => [key, { username: user, password }]),
  );
  return Buffer.from(JSON.stringify({ auths })).toString('base64');
}

export class Stage {
  readonly lab: Lab;
  readonly #namespaces: string[] = [];

  constructor() {
    this.lab = openLab();
  }

  kubectl(...args: readonly string[]): Promise<string> {
    return this.lab.kubectl(args);
  }

  async apply(...objects: readonly Manifest[]): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    await this.lab.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(list));
  }

  /** As `apply`, and all that kubectl prints in a terminal: warnings too. */
  async applyAloud(object: Manifest): Promise<string> {
    const program = [
      path.join(this.lab.facts.toolsFolder, 'kubectl'),
      '--kubeconfig',
      this.lab.controlPlane.kubeconfig,
    ];
    const script = 'exec "$@" 2>&1';
    return await run('/bin/sh', ['-c', script, 'sh', ...program, 'apply', '-f', '-'], {
      input: JSON.stringify(object),
    });
  }

  async get<T>(kind: Kind, namespace: string, name: string): Promise<T> {
    return (await getObject(this.lab.controlPlane.access, pathOf(kind, namespace, name))) as T;
  }

  /** Undefined when there is none. */
  async find<T>(kind: Kind, namespace: string, name: string): Promise<T | undefined> {
    const answer = await callApi(this.lab.controlPlane.access, { path: pathOf(kind, namespace, name) });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200)
      throw new Error(`${kind} ${namespace}/${name}: ${answer.status} ${answer.text}`);
    return JSON.parse(answer.text) as T;
  }

  /** @param query e.g. `labelSelector=app%3Dweb`. */
  async list<T>(kind: Kind, namespace: string, query = ''): Promise<readonly T[]> {
    const list = await getObject(this.lab.controlPlane.access, `${pathOf(kind, namespace)}?${query}`);
    return (list as { readonly items: readonly T[] }).items;
  }

  pod(namespace: string, name: string): Promise<LivePod> {
    return this.get<LivePod>('pods', namespace, name);
  }

  /** How a file of tests begins: the registries as they were at first, and an opted-in namespace. */
  async open(stem: string): Promise<string> {
    await this.lab.registries.reset();
    return await this.namespace(stem);
  }

  /** A namespace that goes at the end; opted in unless said otherwise, with a pull secret for the upstreams. */
  async namespace(
    stem: string,
    options: { readonly optedIn?: boolean; readonly labels?: Readonly<Record<string, string>> } = {},
  ): Promise<string> {
    const name = unique(stem);
    this.#namespaces.push(name);
    const labels = { ...options.labels, ...(options.optedIn === false ? {} : OPT_IN) };
    await this.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
    await this.apply(this.pullSecret(name, 'upstream', [FRA, FRA2]));
    await waitFor(`the ServiceAccount of ${name}`, 60_000, async () => {
      return (await this.find('serviceaccounts', name, 'default')) !== undefined;
    });
    return name;
  }

  /** A secret with the accounts of these registries. */
  pullSecret(namespace: string, name: string, hosts: readonly RegistryHost[]): Manifest {
    const entries = Object.fromEntries(
      hosts.map((host) => [host, this.lab.registries.record(host).account ?? { user: '', password: '' }]),
    );
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': dockerConfig(entries) },
    };
  }

  /** Pushes one image, of bytes that no node has seen, to every host; answers `repository:tag`. */
  image(...hosts: readonly RegistryHost[]): Promise<string> {
    return this.imageOf('team/app', ...hosts);
  }

  /** The same under another repository. */
  async imageOf(repository: string, ...hosts: readonly RegistryHost[]): Promise<string> {
    const tag = unique('t');
    for (const host of hosts) await this.lab.registries.push({ host, repository, tag, content: tag });
    return `${repository}:${tag}`;
  }

  /** An image of every host that the first one, an upstream, is healthy and known to serve. */
  async known(
    namespace: string,
    upstream: RegistryHost,
    ...mirrors: readonly RegistryHost[]
  ): Promise<string> {
    const image = await this.image(upstream, ...mirrors);
    await this.waitJudged(namespace, `${upstream}/${image}`, 'upstream-available');
    return image;
  }

  /** A pod that waits, on the node of that runtime. */
  podManifest(namespace: string, name: string, runtime: Runtime, images: readonly string[]): Manifest {
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace },
      spec: {
        nodeName: NODES[runtime],
        terminationGracePeriodSeconds: 0,
        imagePullSecrets: [{ name: 'upstream' }],
        containers: images.map((image, index) => ({ name: `c${index}`, image })),
      },
    };
  }

  /** What admission would make of a pod with these images: a server-side dry run. */
  judge(namespace: string, images: readonly string[]): Promise<LivePod> {
    return this.judgePod(this.podManifest(namespace, unique('judged'), 'crio', images));
  }

  /** The same of a whole pod. */
  async judgePod(body: Manifest): Promise<LivePod> {
    const namespace = body.metadata.namespace ?? '';
    const answer = await callApi(this.lab.controlPlane.access, {
      method: 'POST',
      path: `${pathOf('pods', namespace)}?dryRun=All`,
      body,
    });
    if (answer.status !== 201) throw new Error(`dry run: ${answer.status} ${answer.text}`);
    return JSON.parse(answer.text) as LivePod;
  }

  /** Stops an upstream and waits until that is known: `image` (`repository:tag`) is at its mirror, and was asked for before. */
  async stopped(namespace: string, upstream: RegistryHost, image: string): Promise<void> {
    await this.lab.registries.stop(upstream);
    // What nobody has asked for is asked for now, and brings the outage to light before the next round of pings.
    for (let tries = 0; tries < 3; tries += 1)
      await this.judge(namespace, [`${upstream}/${unique('unseen')}:v1`]);
    await this.waitJudged(namespace, `${upstream}/${image}`, 'upstream-unreachable');
  }

  /** Waits until images like these are judged so: several times in a row. */
  async waitJudged(namespace: string, image: string, reason: string): Promise<void> {
    let inARow = 0;
    let last = '';
    try {
      await waitFor(`${image} to be judged ${reason}`, 60_000, async () => {
        last = slotsOf(await this.judge(namespace, [image]))?.['containers/c0']?.reason ?? 'not seen';
        inARow = last === reason ? inARow + 1 : 0;
        return inARow === 4;
      });
    } catch (error) {
      throw new Error(`${String(error)}; the last was ${last}`, { cause: error });
    }
  }

  async waitRunning(namespace: string, name: string, withinMs = 60_000): Promise<LivePod> {
    const began = performance.now();
    let last: LivePod | undefined;
    try {
      await waitFor(`pod ${name} to run`, withinMs, async () => {
        last = await this.pod(namespace, name);
        const statuses = (last.status.containerStatuses ?? []) as { readonly ready: boolean }[];
        return last.status.phase === 'Running' && statuses.every(({ ready }) => ready);
      });
    } catch (error) {
      const said = await this.kubectl('describe', 'pod', '-n', namespace, name);
      throw new Error(`${String(error)} after ${Math.round(performance.now() - began)} ms\n${said}`, {
        cause: error,
      });
    }
    if (last === undefined) throw new Error('no pod was seen');
    return last;
  }

  /** Ends what the tests have made, without waiting for it to be gone. */
  async close(): Promise<void> {
    await this.lab.registries.reset();
    if (this.#namespaces.length > 0)
      await this.kubectl('delete', 'namespace', '--wait=false', '--ignore-not-found', ...this.#namespaces);
  }
}

type Slots = Readonly<Record<string, SlotRecord>>;

function slotsOf(pod: LivePod): Slots | undefined {
  const text = pod.metadata.annotations?.[DECISION];
  return text === undefined ? undefined : (JSON.parse(text) as { readonly slots: Slots }).slots;
}

/** What the pod's annotation says, by slot. Throws when there is none. */
export function decisionOf(pod: LivePod): Slots {
  const slots = slotsOf(pod);
  if (slots === undefined) throw new Error(`pod ${pod.metadata.name} has no decision annotation`);
  return slots;
}

export { waitFor };
