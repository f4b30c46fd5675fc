// Stand-in: an API server over HTTPS on loopback that knows one node's NodeMirrorState, for what the real one cannot be made to do.
import { rmSync } from 'node:fs';
import { ApiServer, sendJson, type Asked, type Reply } from '../kubernetes/api-server.ts';
import { ApiClient, type ApiTiming } from '../../src/agent/api-client.ts';

export const NAMESPACE = 'registry-failover';
export const NODE = 'worker-1';
const PATH = `/apis/registry-failover.io/v1alpha1/namespaces/${NAMESPACE}/nodemirrorstates`;

export interface StateObject {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec?: unknown;
  readonly status?: unknown;
}

/** An object as the API server gives it. */
export function stateObject(generation: number, spec: unknown = {}, name = NODE, uid = 'uid-1'): StateObject {
  return { metadata: { name, uid, generation, resourceVersion: String(generation) }, spec };
}

/** Lists what it holds, keeps watches open, takes patches of the status. */
export class StateServer {
  readonly server: ApiServer;
  readonly watches: Reply[] = [];
  readonly patches: { readonly path: string; readonly body: { status?: unknown } }[] = [];
  object: StateObject | undefined;
  resourceVersion = '100';
  /** What comes first; true: it has answered. */
  intercept: (asked: Asked, reply: Reply) => boolean = () => false;

  private constructor(server: ApiServer) {
    this.server = server;
    server.file('token', 'token-1\n');
    server.file('ca.crt', server.caPem);
    server.answer = (asked, reply) => {
      if (!this.intercept(asked, reply)) this.#answer(asked, reply);
    };
  }

  static async start(): Promise<StateServer> {
    return new StateServer(await ApiServer.start({ onlyHttp1: true }));
  }

  /** Lists, without their queries. */
  get lists(): readonly Asked[] {
    return this.server.asked.filter(
      (asked) => asked.method === 'GET' && !asked.url.searchParams.has('watch'),
    );
  }

  get watchesAsked(): readonly Asked[] {
    return this.server.asked.filter((asked) => asked.url.searchParams.has('watch'));
  }

  client(timing: Partial<ApiTiming> = {}): ApiClient {
    const { port, folder } = this.server;
    return new ApiClient({ host: '127.0.0.1', port, serviceAccountFolder: folder }, timing);
  }

  /** Tells the latest watch. */
  send(type: string, object: unknown): void {
    this.sendText(`${JSON.stringify({ type, object })}\n`);
  }

  sendText(text: string): void {
    this.watches.at(-1)?.write(text);
  }

  put(object: StateObject): void {
    this.send(this.object === undefined ? 'ADDED' : 'MODIFIED', object);
    this.object = object;
  }

  async stop(): Promise<void> {
    await this.server.stop();
    rmSync(this.server.folder, { recursive: true, force: true });
  }

  #answer(asked: Asked, reply: Reply): void {
    if (asked.method === 'PATCH') {
      this.patches.push({ path: asked.url.pathname, body: JSON.parse(asked.body) as { status?: unknown } });
      sendJson(reply, this.object ?? {});
    } else if (asked.url.pathname !== PATH) {
      sendJson(reply, { kind: 'Status', code: 404, message: 'no such path' }, 404);
    } else if (asked.url.searchParams.has('watch')) {
      reply.writeHead(200, { 'content-type': 'application/json' });
      reply.write('\n');
      this.watches.push(reply);
    } else {
      const items = this.object === undefined ? [] : [this.object];
      sendJson(reply, { metadata: { resourceVersion: this.resourceVersion }, items });
    }
  }
}
