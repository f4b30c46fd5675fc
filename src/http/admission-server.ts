// Admission server: POST /mutate over TLS. Bytes in, a verdict out; drains without losing a request.
import { isUtf8 } from 'node:buffer';
import type { Server } from 'node:https';
import Fastify from 'fastify';
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify';
import { parseReview, parseTimeout, printReview } from '../admission/review.ts';
import type { AdmissionRequest, Verdict } from '../admission/review.ts';
import type { Problem } from '../domain/problem.ts';

/**
 * The API server accepts bodies of 3 MiB, and a review of an UPDATE carries the object twice
 * (apiserver pkg/server/config.go MaxRequestBodyBytes).
 */
const BODY_LIMIT_BYTES = 8 * 1024 * 1024;
/** Above the API server's own idle time, so that it is never we who close a connection it is about to use. */
const KEEP_ALIVE_MS = 120_000;
/** A caller that takes longer to send its body is no API server. */
const REQUEST_TIMEOUT_MS = 30_000;

export interface AdmissionHandler {
  admit(request: AdmissionRequest, timeoutMs?: number): Verdict | Promise<Verdict>;
}

export interface AdmissionServerOptions {
  readonly cert: string;
  readonly key: string;
  readonly handler: AdmissionHandler;
  /** Counts a refused request by status. */
  readonly onRefused: (status: number) => void;
}

function refusal(code: string, message: string, fix: string): Problem {
  return { path: 'body', code, message, fix };
}

const NOT_JSON = refusal(
  'NotJson',
  'the body is not JSON',
  'Send an AdmissionReview of admission.k8s.io/v1 as JSON',
);
const TOO_LARGE = refusal(
  'TooLarge',
  `the body is larger than ${BODY_LIMIT_BYTES / 1024 / 1024} MiB`,
  'Send less; the API server never sends this much',
);

function parseJson(bytes: Buffer): { readonly value: unknown } | undefined {
  // Decoding would put replacement characters where bytes are broken: a name that nobody has sent (RFC 8259 section 8.1).
  if (!isUtf8(bytes)) return undefined;
  try {
    return { value: JSON.parse(bytes.toString('utf8')) };
  } catch {
    return undefined;
  }
}

/** The server and its state of draining. Built without listening, so that tests can inject. */
export class AdmissionServer {
  readonly app: FastifyInstance<Server>;
  readonly #options: AdmissionServerOptions;
  #draining = false;

  constructor(options: AdmissionServerOptions) {
    this.#options = options;
    this.app = Fastify({
      https: { cert: options.cert, key: options.key },
      bodyLimit: BODY_LIMIT_BYTES,
      keepAliveTimeout: KEEP_ALIVE_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // A request that arrives while closing is answered like any other: the API server would count a 503 as our failure.
      return503OnClosing: false,
      logger: false,
    });
    this.#routes();
  }

  #routes(): void {
    this.app.removeAllContentTypeParsers();
    // Whatever it calls itself: the answer to a wrong body is a reason, not a quarrel about its name.
    const keep = (_request: unknown, body: Buffer, done: (error: null, body: Buffer) => void): void =>
      done(null, body);
    // Named as well as caught: a name that is known is not taken apart again for each request.
    this.app.addContentTypeParser(['application/json', '*'], { parseAs: 'buffer' }, keep);
    this.app.setErrorHandler((error: FastifyError, _request, reply) => this.#onError(error, reply));
    this.app.setNotFoundHandler((_request, reply) =>
      this.#refuse(
        reply,
        404,
        refusal('NotFound', 'there is nothing here', 'POST an AdmissionReview to /mutate'),
      ),
    );
    this.app.post('/mutate', (request, reply) => this.#mutate(request.body, request.query, reply));
  }

  #mutate(body: unknown, query: unknown, reply: FastifyReply): FastifyReply | Promise<FastifyReply> {
    const parsed = Buffer.isBuffer(body) ? parseJson(body) : undefined;
    if (parsed === undefined) return this.#refuse(reply, 400, NOT_JSON);
    const review = parseReview(parsed.value);
    if (!review.ok) return this.#refuse(reply, 400, review.error);
    const request = review.value;
    const timeout = (query as { readonly timeout?: unknown }).timeout;
    const verdict = this.#options.handler.admit(
      request,
      parseTimeout(typeof timeout === 'string' ? timeout : undefined),
    );
    return verdict instanceof Promise
      ? verdict.then((value) => this.#answer(reply, request.uid, value))
      : this.#answer(reply, request.uid, verdict);
  }

  #answer(reply: FastifyReply, uid: string, verdict: Verdict): FastifyReply {
    this.#closeWhenDraining(reply);
    return reply.header('content-type', 'application/json').send(printReview(uid, verdict));
  }

  #refuse(reply: FastifyReply, status: number, problem: Problem): FastifyReply {
    this.#options.onRefused(status);
    this.#closeWhenDraining(reply);
    return reply.code(status).send({ error: problem });
  }

  #onError(error: FastifyError, reply: FastifyReply): FastifyReply {
    const status = error.statusCode === 413 ? 413 : 400;
    const problem =
      status === 413 ? TOO_LARGE : refusal('BadRequest', error.message, 'Send an AdmissionReview to /mutate');
    return this.#refuse(reply, status, problem);
  }

  #closeWhenDraining(reply: FastifyReply): void {
    if (this.#draining) reply.header('connection', 'close');
  }

  /** A new certificate for the next handshakes; open connections go on. */
  useCertificate(certificate: { readonly cert: string; readonly key: string }): void {
    this.app.server.setSecureContext(certificate);
  }

  /** From now on every answer asks its caller to come back on another connection, that is, to another replica. */
  startDraining(): void {
    this.#draining = true;
  }

  /** Stops listening, lets requests finish for at most `graceMs`, then closes what is left. */
  async close(graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.app.server.closeAllConnections(), graceMs);
    await this.app.close();
    clearTimeout(timer);
  }
}
