// Webhook process: the real program as a child, with its ports, its readiness and its end.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

const ROOT = path.join(import.meta.dirname, '../..');
/** A process that is not ready by then never will be. */
const START_MS = 30_000;

export interface WebhookOptions {
  /** Folder or file of manifests. */
  readonly manifests: string;
  readonly certPath: string;
  readonly keyPath: string;
  /** Further flags, e.g. `--drain 5s`. */
  readonly flags?: readonly string[];
  /** Where standard output goes: read and counted (default), or a file descriptor that perhaps nobody reads. */
  readonly stdout?: number;
  /** The built bundle with the image's flags, instead of the source. */
  readonly bundle?: boolean;
  /** Address to listen on; 127.0.0.1 when absent. */
  readonly host?: string;
  /** What runs node: `taskset -c 0` and the like, put before it. */
  readonly prefix?: readonly string[];
  /** Another node than this process's own. */
  readonly node?: string;
  /** Further flags of node itself. */
  readonly nodeFlags?: readonly string[];
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly atMs: number;
}

/** A port nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** The program and the flags for it that the image uses, from the Dockerfile, so that they cannot differ. */
export function bundledNodeFlags(): readonly string[] {
  const text = readFileSync(path.join(ROOT, 'Dockerfile'), 'utf8');
  const command = /^ENTRYPOINT (\[.*\])$/m.exec(text)?.[1];
  const words = JSON.parse(command ?? '[]') as readonly string[];
  return words.filter((word) => word.startsWith('--'));
}

function commandOf(options: WebhookOptions): readonly string[] {
  const program = options.bundle
    ? [...bundledNodeFlags(), path.join(ROOT, 'dist/main.mjs')]
    : [path.join(ROOT, 'src/main.ts')];
  const node = options.node ?? process.execPath;
  return [...(options.prefix ?? []), node, ...(options.nodeFlags ?? []), ...program];
}

/** The status of a GET, or 0 when there was no answer within a second. */
function statusOf(url: string): Promise<number> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 1_000 }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', () => resolve(0));
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(0));
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** A running webhook. */
export class WebhookProcess {
  readonly host: string;
  readonly port: number;
  readonly opsPort: number;
  readonly ended: Promise<Ended>;
  /** Lines seen on standard output; 0 when it goes elsewhere. */
  lines = 0;
  readonly #child: ChildProcess;
  #stderr = '';
  #lastStdout = '';

  private constructor(options: WebhookOptions, port: number, opsPort: number) {
    this.host = options.host ?? '127.0.0.1';
    this.port = port;
    this.opsPort = opsPort;
    const [program = '', ...words] = commandOf(options);
    const flags = ['webhook', '-m', options.manifests, '--listen', `${this.host}:${port}`];
    const files = ['--tls-cert', options.certPath, '--tls-key', options.keyPath];
    const ops = ['--ops-listen', `${this.host}:${opsPort}`];
    this.#child = spawn(program, [...words, ...flags, ...ops, ...files, ...(options.flags ?? [])], {
      stdio: ['ignore', options.stdout ?? 'pipe', 'pipe'],
    });
    this.#read();
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve({ code, signal, atMs: performance.now() }));
    });
  }

  #read(): void {
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4_000);
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      for (const byte of chunk) if (byte === 10) this.lines += 1;
      this.#lastStdout = chunk.subarray(-2_000).toString('utf8');
    });
  }

  /** Starts one and waits until it is ready. Throws with what it said when it ends first. */
  static async start(options: WebhookOptions): Promise<WebhookProcess> {
    const webhook = new WebhookProcess(options, await freePort(), await freePort());
    const until = performance.now() + START_MS;
    let hasEnded = false;
    void webhook.ended.then(() => {
      hasEnded = true;
    });
    while (!(await webhook.isReady())) {
      if (hasEnded || performance.now() > until) {
        webhook.kill();
        throw new Error(`the webhook did not become ready: ${webhook.said}`);
      }
      await pause(30);
    }
    return webhook;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The last of what it wrote, for messages. */
  get said(): string {
    return `${this.#stderr}${this.#lastStdout}`;
  }

  async isReady(): Promise<boolean> {
    return (await statusOf(`http://${this.host}:${this.opsPort}/readyz`)) === 200;
  }

  async isAlive(): Promise<boolean> {
    return (await statusOf(`http://${this.host}:${this.opsPort}/livez`)) === 200;
  }

  /** Asks it to stop, as the kubelet does. */
  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  /** Ends it at once: for tests that have failed. */
  kill(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
  }
}
