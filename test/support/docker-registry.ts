// Docker registry: Debian's docker-registry as a child process over TLS, with none, htpasswd or token authentication.
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TrustAnchor } from '../../src/domain/endpoint.ts';
import { testCa } from './tls.ts';

const BINARY = '/usr/bin/docker-registry';

/** Why the tests against the real registry cannot run here; undefined when they can. REQUIRE_REGISTRY=1 makes that a failure. */
export function whyNoDockerRegistry(): string | undefined {
  if (existsSync(BINARY)) return undefined;
  const why = `${BINARY} is not installed (Debian package docker-registry)`;
  if (process.env['REQUIRE_REGISTRY'] === '1') throw new Error(why);
  return why;
}

export interface DockerRegistryOptions {
  /** The name in its certificate. */
  readonly name: string;
  readonly address?: string;
  readonly auth:
    | { readonly kind: 'none' }
    /** `hash`: the line of an htpasswd file, bcrypt. */
    | { readonly kind: 'htpasswd'; readonly line: string }
    | { readonly kind: 'token'; readonly realm: string; readonly issuer: string };
}

/** An answer of a plain HTTPS request of the tests. */
export interface PlainAnswer {
  readonly status: number;
  readonly location: string;
  readonly body: string;
}

export interface PlainRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization?: string;
  readonly mediaType?: string;
  readonly body?: string;
}

const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

export class DockerRegistry {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly trust: TrustAnchor;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(
    options: DockerRegistryOptions,
    port: number,
    parts: { trust: TrustAnchor; child: ChildProcess; folder: string },
  ) {
    this.name = options.name;
    this.address = options.address ?? '127.0.0.1';
    this.port = port;
    this.trust = parts.trust;
    this.#child = parts.child;
    this.#folder = parts.folder;
  }

  static async start(options: DockerRegistryOptions): Promise<DockerRegistry> {
    const ca = await testCa();
    const address = options.address ?? '127.0.0.1';
    const folder = await mkdtemp(join(tmpdir(), 'docker-registry-'));
    const serving = await ca.issue({ names: [options.name, address] });
    await Promise.all([
      writeFile(join(folder, 'tls.key'), serving.keyPem),
      writeFile(join(folder, 'tls.crt'), serving.certPem),
      writeFile(join(folder, 'ca.crt'), ca.pem),
      writeFile(join(folder, 'htpasswd'), options.auth.kind === 'htpasswd' ? `${options.auth.line}\n` : ''),
      // YAML reads JSON.
      writeFile(join(folder, 'config.yml'), JSON.stringify(configOf(options, address, folder))),
    ]);
    const child = spawn(BINARY, ['serve', join(folder, 'config.yml')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const port = await listeningPort(child);
    return new DockerRegistry(options, port, { trust: ca.trust, child, folder });
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
    await rm(this.#folder, { recursive: true });
  }

  /** A plain request, for pushing. */
  ask(wanted: PlainRequest): Promise<PlainAnswer> {
    const { authorization, mediaType, body = '' } = wanted;
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: this.address,
          port: this.port,
          servername: this.name,
          ca: this.trust.pem,
          agent: false,
          method: wanted.method,
          path: wanted.path,
          headers: {
            'content-length': Buffer.byteLength(body),
            ...(authorization === undefined ? {} : { authorization }),
            ...(mediaType === undefined ? {} : { 'content-type': mediaType }),
          },
        },
        (answer) => {
          let text = '';
          answer.on('data', (chunk: Buffer) => {
            text += chunk.toString('utf8');
          });
          answer.once('end', () => {
            resolve({ status: answer.statusCode ?? 0, location: answer.headers.location ?? '', body: text });
          });
        },
      );
      sent.once('error', reject);
      sent.end(body);
    });
  }

  /** Pushes an image for these platforms under a tag; answers the index's and the first image's digest. */
  async push(
    repository: string,
    tag: string,
    authorization?: string,
  ): Promise<{ index: string; image: string }> {
    const entries: object[] = [];
    for (const architecture of ['amd64', 'arm64']) {
      const config = JSON.stringify({
        os: 'linux',
        architecture,
        rootfs: { type: 'layers', diff_ids: [] },
        config: {},
      });
      await this.#pushBlob(repository, config, authorization);
      const manifest = JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        config: { mediaType: OCI_CONFIG, digest: digestOf(config), size: Buffer.byteLength(config) },
        layers: [],
      });
      await this.#pushManifest(
        `/v2/${repository}/manifests/${digestOf(manifest)}`,
        OCI_MANIFEST,
        manifest,
        authorization,
      );
      entries.push({
        mediaType: OCI_MANIFEST,
        digest: digestOf(manifest),
        size: Buffer.byteLength(manifest),
        platform: { os: 'linux', architecture },
      });
    }
    const index = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: entries });
    await this.#pushManifest(`/v2/${repository}/manifests/${tag}`, OCI_INDEX, index, authorization);
    return { index: digestOf(index), image: (entries[0] as { digest: string }).digest };
  }

  async #pushBlob(repository: string, body: string, authorization?: string): Promise<void> {
    const shown = authorization === undefined ? {} : { authorization };
    const begun = await this.ask({ method: 'POST', path: `/v2/${repository}/blobs/uploads/`, ...shown });
    const url = new URL(begun.location, `https://${this.name}`);
    url.searchParams.set('digest', digestOf(body));
    const mediaType = 'application/octet-stream';
    const done = await this.ask({
      method: 'PUT',
      path: `${url.pathname}${url.search}`,
      mediaType,
      body,
      ...shown,
    });
    if (done.status !== 201) throw new Error(`blob refused: ${done.status} ${done.body}`);
  }

  async #pushManifest(path: string, mediaType: string, body: string, authorization?: string): Promise<void> {
    const shown = authorization === undefined ? {} : { authorization };
    const done = await this.ask({ method: 'PUT', path, mediaType, body, ...shown });
    if (done.status !== 201) throw new Error(`manifest refused: ${done.status} ${done.body}`);
  }
}

function configOf({ auth, name }: DockerRegistryOptions, address: string, folder: string): object {
  const byKind = {
    none: {},
    htpasswd: { auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } } },
    token: {
      auth: {
        token: {
          realm: auth.kind === 'token' ? auth.realm : '',
          issuer: auth.kind === 'token' ? auth.issuer : '',
          service: name,
          rootcertbundle: join(folder, 'ca.crt'),
        },
      },
    },
  };
  return {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: {
      addr: `${address}:0`,
      tls: { certificate: join(folder, 'tls.crt'), key: join(folder, 'tls.key') },
    },
    ...byKind[auth.kind],
  };
}

/** The port that the child says it listens on. */
function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      const port = /listening on \S+?:(\d+), tls/u.exec(text)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    child.once('exit', (code) => {
      reject(new Error(`docker-registry ended with ${code}: ${text}`));
    });
  });
}
