// ApiServer: the part of a Kubernetes API server that calls a webhook: reviews over HTTPS, its CA verified, connections kept.
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { asArray, asObject, asString, own } from '../domain/json.ts';
import type { PatchOperation } from '../domain/patch.ts';
import { reviewOf } from './replica-pod.ts';
import type { PodObject } from './replica-pod.ts';

/** `timeoutSeconds` of the MutatingWebhookConfiguration. */
const TIMEOUT_SECONDS = 3;
/** An answer holds a patch of one pod; whatever is longer is none. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** What the webhook answered about one pod. */
export interface Reviewed {
  /** uid of the admission request, by which audit records are found. */
  readonly uid: string;
  /** From the first byte sent to the last one received. */
  readonly ms: number;
  readonly allowed: boolean;
  readonly patch: readonly PatchOperation[];
  readonly warnings: readonly string[];
  /** Why there is no answer; failurePolicy Ignore then admits the pod as it is. */
  readonly failure: string | undefined;
}

export interface WebhookAddress {
  readonly address: string;
  readonly port: number;
  /** The name that its certificate has to bear: the Service's. */
  readonly serviceName: string;
  readonly caPem: string;
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error('the answer does not end');
  }
  return Buffer.concat(chunks).toString('utf8');
}

function decodePatch(response: ReturnType<typeof asObject>): readonly PatchOperation[] {
  const encoded = asString(own(response, 'patch'));
  if (encoded === undefined) return [];
  if (own(response, 'patchType') !== 'JSONPatch') throw new Error('a patch without its type');
  return asArray(JSON.parse(Buffer.from(encoded, 'base64').toString('utf8'))) as readonly PatchOperation[];
}

function parseAnswer(uid: string, text: string): Pick<Reviewed, 'allowed' | 'patch' | 'warnings'> {
  const response = asObject(own(asObject(JSON.parse(text)), 'response'));
  if (own(response, 'uid') !== uid) throw new Error('an answer to another question');
  return {
    allowed: own(response, 'allowed') === true,
    patch: decodePatch(response),
    warnings: asArray(own(response, 'warnings')).flatMap((warning) => asString(warning) ?? []),
  };
}

export class ApiServer {
  readonly #webhook: WebhookAddress;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(webhook: WebhookAddress) {
    this.#webhook = webhook;
  }

  /** Asks the webhook about the creation of a pod. Never rejects: what goes wrong is in the answer. */
  async review(pod: PodObject): Promise<Reviewed> {
    const uid = randomUUID();
    const body = JSON.stringify(reviewOf(uid, pod));
    const started = performance.now();
    try {
      const text = await this.#post(body);
      const ms = performance.now() - started;
      return { uid, ms, failure: undefined, ...parseAnswer(uid, text) };
    } catch (error) {
      const ms = performance.now() - started;
      return { uid, ms, allowed: true, patch: [], warnings: [], failure: (error as Error).message };
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  async #post(body: string): Promise<string> {
    const { address: host, port, serviceName: servername, caPem: ca } = this.#webhook;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const post = request(
        {
          host,
          port,
          servername,
          ca,
          agent: this.#agent,
          method: 'POST',
          path: `/mutate?timeout=${TIMEOUT_SECONDS}s`,
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
          signal: AbortSignal.timeout(TIMEOUT_SECONDS * 1000),
        },
        resolve,
      );
      post.on('error', reject);
      post.end(body);
    });
    const text = await readBody(response);
    if (response.statusCode !== 200) throw new Error(`the webhook answered ${response.statusCode}`);
    return text;
  }
}
