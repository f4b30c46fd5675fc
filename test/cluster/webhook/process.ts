// Webhook on a cluster: the real program as a child, as a pod of it would run, with its ports and what it says.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { request } from 'node:https';
import path from 'node:path';
import { connect } from 'node:tls';
import { freePorts } from '../../lab/ports.ts';

const MAIN = path.join(import.meta.dirname, '../../../src/main.ts');

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** A webhook process with `--from-cluster` and `--tls-secret`. */
export class ClusterWebhook {
  readonly port: number;
  readonly opsPort: number;
  readonly #child: ChildProcess;
  #output = '';

  private constructor(ports: readonly number[], flags: readonly string[]) {
    [this.port = 0, this.opsPort = 0] = ports;
    const listen = ['--listen', `127.0.0.1:${this.port}`, '--ops-listen', `127.0.0.1:${this.opsPort}`];
    const args = [
      'webhook',
      '--from-cluster',
      '--drain',
      '0s',
      '--probe-interval',
      '1s',
      ...listen,
      ...flags,
    ];
    this.#child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
  }

  static async start(kubeconfig: string, ...flags: readonly string[]): Promise<ClusterWebhook> {
    return new ClusterWebhook(await freePorts(2, '127.0.0.1'), ['--kubeconfig', kubeconfig, ...flags]);
  }

  /** All that it has written so far. */
  get output(): string {
    return this.#output;
  }

  /** `/livez`, `/readyz` or `/metrics`; status 0: nobody answers. */
  ops(at: string): Promise<HttpAnswer> {
    return new Promise((resolve) => {
      get({ host: '127.0.0.1', port: this.opsPort, path: at, agent: false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      }).once('error', () => resolve({ status: 0, text: '' }));
    });
  }

  /** The value of a sample, e.g. `…_seconds{resource="secrets"}`. */
  async metric(sample: string): Promise<number> {
    const { text } = await this.ops('/metrics');
    const line = text.split('\n').find((each) => each.startsWith(`${sample} `));
    return Number(line?.slice(sample.length + 1) ?? NaN);
  }

  /** Serial number of the certificate that it shows to whoever trusts this CA; undefined: no handshake. */
  serial(ca: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: this.port, ca, servername: 'localhost' });
      socket.once('secureConnect', () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      });
      socket.once('error', () => resolve(undefined));
    });
  }

  /** Posts an AdmissionReview as the API server does; the response part of the answer. */
  async review(ca: string, pod: object, namespace: string): Promise<ReviewResponse> {
    const asked = {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        uid: 'u',
        operation: 'CREATE',
        resource: { group: '', version: 'v1', resource: 'pods' },
        namespace,
        userInfo: {},
        object: pod,
      },
    };
    const text = await new Promise<string>((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.port, path: '/mutate?timeout=3s', method: 'POST', ca };
      const sent = request({ ...options, servername: 'localhost', agent: false }, (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        answer.once('end', () => resolve(body));
      });
      sent.once('error', reject);
      sent.end(JSON.stringify(asked));
    });
    return (JSON.parse(text) as { readonly response: ReviewResponse }).response;
  }

  /** Ends it as the kubelet does; its exit code. */
  async stop(): Promise<number | null> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== null || signalCode !== null) return exitCode;
    this.#child.kill('SIGTERM');
    const [code] = (await once(this.#child, 'exit')) as [number | null];
    return code;
  }
}

export interface ReviewResponse {
  readonly allowed: boolean;
  /** In base64. */
  readonly patch?: string;
  readonly warnings?: readonly string[];
}
