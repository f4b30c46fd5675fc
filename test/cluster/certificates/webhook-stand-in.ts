// A stand-in for the webhook: serves what the serving Secret holds, over TLS, to the API server and to anybody who shakes hands.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import type { Informer, InformerSource } from '../../../src/kubernetes/cluster-api.ts';
import { SECRETS } from '../../../src/kubernetes/resource.ts';
import type { KubeObject } from '../../../src/kubernetes/resource.ts';

/** The text of one value of a Secret. */
export function textOf(secret: KubeObject | undefined, key: string): string {
  const data = (secret?.['data'] ?? {}) as Record<string, string>;
  return Buffer.from(data[key] ?? '', 'base64').toString();
}

/** Allows everything, one connection per review: each is a handshake of the API server's own. */
export class WebhookStandIn {
  readonly #server: Server;
  readonly #informer: Informer<KubeObject>;
  readonly serials: string[] = [];
  reviews = 0;

  private constructor(informers: InformerSource, namespace: string, name: string) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        this.reviews += 1;
        const review = JSON.parse(Buffer.concat(chunks).toString()) as { request: { uid: string } };
        const { uid } = review.request;
        response.setHeader('connection', 'close');
        response.setHeader('content-type', 'application/json');
        const answer = { uid, allowed: true };
        response.end(
          JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }),
        );
      });
    });
    this.#server.on('secureConnection', (socket) => socket.on('error', () => undefined));
    this.#informer = informers.watch({
      type: SECRETS,
      scope: { namespace, fieldSelector: `metadata.name=${name}` },
      keep: (secret) => secret,
    });
    this.#informer.onChange(({ after }) => this.#use(after));
  }

  static async start(informers: InformerSource, namespace: string, name: string): Promise<WebhookStandIn> {
    const standIn = new WebhookStandIn(informers, namespace, name);
    standIn.#server.listen(0, '127.0.0.1');
    await once(standIn.#server, 'listening');
    return standIn;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As the webhook does: the last good one stays. */
  #use(secret: KubeObject | undefined): void {
    const [cert, key] = [textOf(secret, 'tls.crt'), textOf(secret, 'tls.key')];
    if (cert === '' || key === '') return;
    const certificate = new X509Certificate(cert);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) return;
    this.#server.setSecureContext({ cert, key });
    this.serials.push(certificate.serialNumber);
  }

  async close(): Promise<void> {
    this.#informer.close();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** One handshake; gives `ok` or the error's code. */
export function shakeHands(port: number, servername: string, ca: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca, servername });
    socket.once('secureConnect', () => {
      resolve('ok');
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}
