// API client: the API server over node:https, by this pod's own token; each call bounded in time and bytes.
import { readFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import type { ClientRequest } from 'node:http';
import { join } from 'node:path';
import { err, ok, type Result } from '../domain/result.ts';
import { readBody } from './answer-body.ts';
import { failureOf, parseJson, unreachable, type ApiFailure } from './api-failure.ts';
import { ApiStream, type StreamListener } from './api-stream.ts';

export interface ApiTarget {
  readonly host: string;
  readonly port: number;
  /** Holds `token`, which the kubelet renews, and `ca.crt`. Both are read for each request. */
  readonly serviceAccountFolder: string;
}

export interface ApiTiming {
  /** Of a call in all, and of a watch until its head. */
  readonly answerMs: number;
  /** Until a silent connection is tried by the kernel (TCP keep-alive, then 10 tries a second apart). */
  readonly keepAliveMs: number;
}

export interface ApiCall {
  readonly method: 'GET' | 'PATCH';
  /** With its query. */
  readonly path: string;
  /** Sent as a JSON merge patch (RFC 7386). */
  readonly patch?: unknown;
}

const TIMING: ApiTiming = { answerMs: 10_000, keepAliveMs: 15_000 };
/** A list of one object: at most what etcd stores (1.5 MiB) and its frame. */
const BODY_MAX_BYTES = 4 * 1024 * 1024;
const USER_AGENT = 'registry-failover-agent';

function judge(status: number, text: string): Result<unknown, ApiFailure> {
  const body = parseJson(text);
  if (status < 200 || status > 299) return err(failureOf(status, body));
  if (body !== undefined) return ok(body);
  return err({ kind: 'refused', message: 'the API server’s answer is not JSON' });
}

interface Access {
  readonly token: string;
  readonly ca: string;
}

/** Who we are is read anew for each request; every request is a connection of its own, as there are few. */
export class ApiClient {
  readonly #target: ApiTarget;
  readonly #timing: ApiTiming;

  constructor(target: ApiTarget, timing: Partial<ApiTiming> = {}) {
    this.#target = target;
    this.#timing = { ...TIMING, ...timing };
  }

  /** One call: the JSON of its answer, or why not. Never rejects. */
  async call(call: ApiCall): Promise<Result<unknown, ApiFailure>> {
    const access = await this.#readAccess();
    if (!access.ok) return access;
    return new Promise((resolve) => {
      const request = this.#open(access.value, call);
      const finish = (outcome: Result<unknown, ApiFailure>): void => {
        clearTimeout(timer);
        resolve(outcome);
        request.destroy();
      };
      const timer = setTimeout(() => {
        finish(err(unreachable(`the API server does not answer within ${this.#timing.answerMs} ms`)));
      }, this.#timing.answerMs);
      request.on('error', (error) => {
        finish(err(unreachable(error.message)));
      });
      request.on('response', (response) => {
        readBody(response, BODY_MAX_BYTES, (text) => {
          finish(text.ok ? judge(response.statusCode ?? 0, text.value) : text);
        });
      });
      request.end(call.patch === undefined ? undefined : JSON.stringify(call.patch));
    });
  }

  /** An answer without an end. It comes to `onEnd`, unless the returned function cancels it before. */
  stream(path: string, listener: StreamListener): () => void {
    const stream = new ApiStream(listener, this.#timing.answerMs);
    void this.#readAccess().then((access) => {
      if (!access.ok) stream.end(access.error);
      else stream.start(() => this.#open(access.value, { method: 'GET', path }));
    });
    return () => {
      stream.cancel();
    };
  }

  async #readAccess(): Promise<Result<Access, ApiFailure>> {
    const folder = this.#target.serviceAccountFolder;
    try {
      const [token, ca] = await Promise.all([
        readFile(join(folder, 'token'), 'utf8'),
        readFile(join(folder, 'ca.crt'), 'utf8'),
      ]);
      return ok({ token: token.trim(), ca });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return err(unreachable(`the service account cannot be read: ${reason}`));
    }
  }

  #open({ token, ca }: Access, { method, path, patch }: ApiCall): ClientRequest {
    const { host, port } = this.#target;
    const request = httpsRequest({
      host,
      port,
      method,
      path,
      ca,
      agent: false,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${token}`,
        'user-agent': USER_AGENT,
        ...(patch === undefined ? {} : { 'content-type': 'application/merge-patch+json' }),
      },
    });
    request.setSocketKeepAlive(true, this.#timing.keepAliveMs);
    return request;
  }
}
