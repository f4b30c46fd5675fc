// World: a temporary folder with certificates and manifests, as a webhook outside a cluster needs them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TestCa } from '../support/tls.ts';
import type { KeyAndCertificate } from '../support/tls.ts';

/** One mirror set to declare: `host[:port][/path]` each. */
export interface DeclaredSet {
  readonly name: string;
  readonly prefix: string;
  readonly mirrors: readonly string[];
}

const INSTALL_NAMESPACE = 'registry-failover';
const CA_REF = { configMapRef: { name: 'ca', key: 'ca.crt' } };

function mirrorSet(set: DeclaredSet): object {
  return {
    apiVersion: 'registry-failover.io/v1alpha1',
    kind: 'RegistryMirrorSet',
    metadata: { name: set.name },
    spec: {
      upstream: { prefix: set.prefix, caBundle: CA_REF },
      mirrors: set.mirrors.map((endpoint) => ({
        endpoint,
        credential: { source: 'SameAsUpstream' },
        caBundle: CA_REF,
        trustedByNodes: true,
      })),
    },
  };
}

export class World {
  readonly ca: TestCa;
  /** Serves every registry and webhook of this world. */
  readonly tls: KeyAndCertificate;
  readonly folder: string;
  readonly certPath: string;
  readonly keyPath: string;

  private constructor(ca: TestCa, tls: KeyAndCertificate) {
    this.ca = ca;
    this.tls = tls;
    this.folder = mkdtempSync(path.join(tmpdir(), 'registry-failover-world-'));
    this.certPath = this.write('tls.crt', tls.certPem);
    this.keyPath = this.write('tls.key', tls.keyPem);
  }

  /** @param names Names and addresses for the one certificate, beside 127.0.0.1. */
  static async create(names: readonly string[] = []): Promise<World> {
    const ca = await TestCa.create('registry-failover load CA');
    return new World(ca, await ca.issue({ names: ['127.0.0.1', 'localhost', ...names] }));
  }

  /** Writes a file into the folder; returns its path. */
  write(name: string, text: string): string {
    const file = path.join(this.folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  /** Declares the sets, and the pull secret `regcred` of namespace `shop` for their prefixes' hosts; returns the folder. */
  declare(folder: string, sets: readonly DeclaredSet[]): string {
    const configMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'ca', namespace: INSTALL_NAMESPACE },
      data: { 'ca.crt': this.ca.pem },
    };
    const auth = Buffer.from('alice:wonder').toString('base64');
    const auths = Object.fromEntries(sets.map((set) => [set.prefix.split('/')[0], { auth }]));
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/dockerconfigjson',
      metadata: { name: 'regcred', namespace: 'shop' },
      stringData: { '.dockerconfigjson': JSON.stringify({ auths }) },
    };
    const objects = [configMap, secret, ...sets.map(mirrorSet)];
    const text = objects.map((object) => JSON.stringify(object)).join('\n---\n');
    return path.dirname(this.write(path.join(folder, 'all.yaml'), text));
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
