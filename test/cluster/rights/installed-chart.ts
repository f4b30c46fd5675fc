// A real API server with the chart installed in it by helm, and calls to it as one of the chart's accounts.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Agent, request } from 'undici';
import { chart } from '../../../deploy/artifacts.ts';
import { findTool, type Tool } from '../../../deploy/tools.ts';
import { bindingNames, wantedBindings } from '../../../src/domain/rights.ts';
import { startControlPlane, type ControlPlane } from '../../lab/control-plane.ts';
import { waitFor } from '../../lab/wait.ts';

/** Where the chart is installed, and under which name. */
export const install = { namespace: 'registry-failover', fullname: 'registry-failover' };

export const account = bindingNames(install);

/** `webhook` and `controller` are the chart's service accounts, `admin` may do everything. */
export type Who = 'admin' | 'webhook' | 'controller';

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With the leading slash; a query may follow. */
  readonly path: string;
  readonly body?: unknown;
  /** `apply` is server-side apply, `json` a JSON Patch. */
  readonly patch?: 'apply' | 'json' | 'merge';
}

export interface Reply {
  readonly status: number;
  /** Of a Status; empty otherwise. */
  readonly message: string;
  readonly body: unknown;
}

const mediaTypes = {
  apply: 'application/apply-patch+yaml',
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
} as const;

const run = promisify(execFile);

/** How long the API server may take to see what it has stored itself. */
const IN_FORCE_MS = 60_000;

const AGENT = 'registry-failover-agent';

const GROUPS: readonly string[] = [
  'system:serviceaccounts',
  `system:serviceaccounts:${install.namespace}`,
  'system:authenticated',
];

/** What a policy refuses even to somebody who has every right, so that no other refusal is taken for its own. */
const REFUSALS: readonly { user: string; kind: string; body: object; words: string }[] = [
  {
    user: account.controller,
    kind: 'secrets',
    body: { metadata: { name: 'never' }, type: 'Opaque' },
    words: 'in its own namespace registry-failover writes no secrets',
  },
  {
    user: account.controller,
    kind: 'rolebindings',
    body: {
      metadata: { name: 'never' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
    },
    words: 'registry-failover makes no RoleBindings but',
  },
  {
    user: account.webhook,
    kind: 'pods',
    body: { metadata: { name: 'never' }, spec: { containers: [{ name: 'never', image: 'never' }] } },
    words: 'the webhook of registry-failover writes nothing',
  },
  {
    user: AGENT,
    kind: 'configmaps',
    body: { metadata: { name: 'never' } },
    words: 'an agent of registry-failover writes nothing but the status',
  },
];

function dryRun(kind: string): string {
  const group = kind === 'rolebindings' ? '/apis/rbac.authorization.k8s.io/v1' : '/api/v1';
  return `${group}/namespaces/${install.namespace}/${kind}?dryRun=All`;
}

/** One API server with controllers; without nodes, so that pods stay Pending. */
export class InstalledChart {
  readonly plane: ControlPlane;
  readonly #agent: Agent;

  private constructor(plane: ControlPlane) {
    this.plane = plane;
    // By HTTP/2 undici makes one value of many: the groups would be one that nobody is in.
    this.#agent = new Agent({ connect: { ca: plane.caPem }, allowH2: false });
  }

  /** Starts the API server; the chart is put in by {@link helm} or {@link install}. */
  static async start(): Promise<InstalledChart> {
    return new InstalledChart(await startControlPlane({ controllerManager: true }));
  }

  /** Runs helm or kubectl as the admin. Rejects with what it has said. */
  async run(tool: Tool, args: readonly string[], input?: string): Promise<string> {
    const env = { ...process.env, KUBECONFIG: this.plane.kubeconfig, HELM_NO_PLUGINS: '1' };
    const running = run(findTool(tool).path, [...args], { env, timeout: 60_000, maxBuffer: 64 << 20 });
    if (input !== undefined) running.child.stdin?.end(input);
    const { stdout } = await running;
    return stdout;
  }

  /** `helm install` with further arguments. Resolves once all rights and all admission policies are in force. */
  async install(...args: readonly string[]): Promise<void> {
    const place = ['--namespace', install.namespace, '--create-namespace'];
    await this.run('helm', ['install', install.fullname, chart, ...place, ...args]);
    const path = '/apis/registry-failover.io/v1alpha1/registrymirrorsets';
    for (const who of ['webhook', 'controller'] as const)
      await waitFor(`the rights of the ${who}`, IN_FORCE_MS, async () => {
        return (await this.as(who, { method: 'GET', path })).status === 200;
      });
    // The API server takes up a new policy about a second after it was stored, and not all of them at the same time.
    for (const { user, kind, body, words } of REFUSALS) {
      if (user === AGENT && !args.includes('nodes.enabled=true')) continue;
      const call = { method: 'POST', path: dryRun(kind), body } as const;
      await waitFor(`the policy of ${kind} to be in force`, IN_FORCE_MS, async () =>
        (await this.#call(call, this.#identity(user, ['system:masters']))).message.includes(words),
      );
    }
  }

  /** A namespace, with its default service account. */
  async makeNamespace(name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.expectDone({
      method: 'POST',
      path: '/api/v1/namespaces',
      body: { metadata: { name, labels } },
    });
    await waitFor(`the service account of ${name}`, 20_000, async () => {
      const path = `/api/v1/namespaces/${name}/serviceaccounts/default`;
      return (await this.as('admin', { method: 'GET', path })).status === 200;
    });
  }

  /** A namespace that has opted in and has the controller's bindings, made by its own account. */
  async optIn(name: string): Promise<void> {
    await this.makeNamespace(name, { 'registry-failover.io/enabled': 'true' });
    const bindings = wantedBindings(name, install);
    for (const binding of [bindings.webhook, bindings.controller]) {
      const { status, message } = await this.as('controller', applyBinding(binding));
      if (status >= 300) throw new Error(`${binding.metadata.name} in ${name}: ${status} ${message}`);
    }
    const secrets = `/api/v1/namespaces/${name}/secrets`;
    await waitFor(`the rights in ${name} to be in force`, IN_FORCE_MS, async () => {
      const read = await this.as('webhook', { method: 'GET', path: `${secrets}/none` });
      const listed = await this.as('controller', { method: 'GET', path: secrets });
      return read.status === 404 && listed.status === 200;
    });
  }

  async expectDone(call: Call): Promise<Reply> {
    const reply = await this.as('admin', call);
    if (reply.status >= 300) throw new Error(`${call.method} ${call.path}: ${reply.status} ${reply.message}`);
    return reply;
  }

  as(who: Who, call: Call): Promise<Reply> {
    return this.#call(call, who === 'admin' ? this.#admin() : this.#identity(account[who]));
  }

  /** The call of whoever has this token. */
  withToken(token: string, call: Call): Promise<Reply> {
    return this.#call(call, { authorization: `Bearer ${token}` });
  }

  #admin(): { authorization: string } {
    return { authorization: `Bearer ${this.plane.adminToken}` };
  }

  /** As a token of the account is seen by the API server, or in other groups. */
  #identity(user: string, groups = GROUPS): Record<string, string | string[]> {
    return {
      ...this.#admin(),
      'impersonate-user': `system:serviceaccount:${install.namespace}:${user}`,
      'impersonate-group': [...groups],
    };
  }

  async #call(call: Call, identity: Record<string, string | string[]>): Promise<Reply> {
    const hasBody = call.body !== undefined;
    const { statusCode, body } = await request(`${this.plane.server}${call.path}`, {
      method: call.method,
      dispatcher: this.#agent,
      headersTimeout: 10_000,
      bodyTimeout: 10_000,
      headers: {
        ...identity,
        ...(hasBody ? { 'content-type': call.patch ? mediaTypes[call.patch] : 'application/json' } : {}),
      },
      body: hasBody ? JSON.stringify(call.body) : null,
    });
    const answer = (await body.json()) as { kind?: string; message?: string };
    return {
      status: statusCode,
      message: answer.kind === 'Status' ? (answer.message ?? '') : '',
      body: answer,
    };
  }

  async stop(): Promise<void> {
    await this.#agent.close();
    await this.plane.stop();
  }
}

interface NamedBinding {
  readonly subjects?: readonly object[];
  readonly metadata: { readonly name: string; readonly namespace: string };
}

/** Server-side apply of a RoleBinding. */
export function applyBinding(binding: NamedBinding): Call {
  const { name, namespace } = binding.metadata;
  const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings/${name}`;
  return {
    method: 'PATCH',
    path: `${path}?fieldManager=registry-failover&force=true`,
    body: binding,
    patch: 'apply',
  };
}
