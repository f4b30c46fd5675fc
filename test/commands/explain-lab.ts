// Explain lab: registries on loopback, manifests in a temporary directory, and the real command line as a child process.
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { MisbehavingRegistry } from '../support/misbehaving-registry.ts';
import type { RegistryOptions } from '../support/misbehaving-registry.ts';
import { testCa } from '../support/tls.ts';

const ROOT = resolve(import.meta.dirname, '../..');

export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real command line, with nothing of this process's environment that could colour or proxy it. */
export async function runCli(
  args: readonly string[],
  input = '',
  env: NodeJS.ProcessEnv = {},
): Promise<CliRun> {
  const child = spawn(process.execPath, ['src/main.ts', ...args], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  child.stdin.on('error', () => {}).end(input);
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, ...said };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** The content of a pull secret for one host. */
export function dockerConfig(host: string, { username, password }: Login): string {
  return JSON.stringify({ auths: { [host]: { auth: base64(`${username}:${password}`) } } });
}

/** A Secret as JSON, which is YAML too. */
export function pullSecret(name: string, namespace: string, config: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': base64(config) },
  };
}

export function namespaceManifest(name: string, labels: Readonly<Record<string, string>>): object {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

/** Trust in the tests' CA, for `caBundle`. */
export const CA_BUNDLE = { configMapRef: { name: 'test-ca', key: 'ca.crt' } };

export async function caManifest(): Promise<object> {
  const { pem } = await testCa();
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'test-ca', namespace: 'registry-failover' },
    data: { 'ca.crt': pem },
  };
}

export function mirrorSet(name: string, spec: object): object {
  return {
    apiVersion: 'registry-failover.io/v1alpha1',
    kind: 'RegistryMirrorSet',
    metadata: { name },
    spec,
  };
}

/** A pod of these images, one container each, named by position. */
export function podManifest(
  name: string,
  images: readonly string[],
  over: object = {},
  namespace = 'shop',
): object {
  const containers = images.map((image, index) => ({ name: `c${index}`, image }));
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec: { containers, ...over } };
}

/** A stream of YAML documents. */
export function stream(...objects: readonly object[]): string {
  return objects.map((object) => JSON.stringify(object, undefined, 2)).join('\n---\n');
}

/** Registries and files that end with the test. */
export class ExplainLab {
  readonly #folder: string;
  readonly #registries: MisbehavingRegistry[] = [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open(): Promise<ExplainLab> {
    return new ExplainLab(await mkdtemp(join(tmpdir(), 'explain-')));
  }

  /** A registry whose name in references is its address, so that no name has to be looked up. */
  async registry(
    address: string,
    options: Omit<RegistryOptions, 'name' | 'address'>,
  ): Promise<MisbehavingRegistry> {
    const registry = await MisbehavingRegistry.start({ ...options, name: address, address });
    this.#registries.push(registry);
    return registry;
  }

  async file(name: string, content: string): Promise<string> {
    const path = join(this.#folder, name);
    await writeFile(path, content);
    return path;
  }

  async close(): Promise<void> {
    await Promise.all(this.#registries.map((registry) => registry.stop()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}
