// A temporary directory with manifests, and the ways in which such files change in real life.
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseMirrorSet } from '../../src/config/mirror-set.ts';
import type { ManifestOptions } from '../../src/manifests/manifest-entry.ts';

export const OPTIONS: ManifestOptions = { defaultNamespace: 'registry-failover', parseMirrorSet };

/** A mirror set as YAML. `mirror` makes it tell its versions apart; one with a space is invalid. */
export function mirrorSet(name: string, mirror = 'ams.ocir.io'): string {
  return `apiVersion: registry-failover.io/v1alpha1
kind: RegistryMirrorSet
metadata: { name: ${name} }
spec:
  upstream: { prefix: ${name}.example }
  mirrors:
    - endpoint: ${mirror}
      credential: { source: None }
`;
}

export class Folder {
  readonly path: string;
  #version = 0;

  private constructor(folder: string) {
    this.path = folder;
  }

  static async make(files: Readonly<Record<string, string>> = {}): Promise<Folder> {
    const folder = new Folder(await mkdtemp(path.join(tmpdir(), 'manifests-')));
    for (const [name, text] of Object.entries(files)) await folder.write(name, text);
    return folder;
  }

  at(name: string): string {
    return path.join(this.path, name);
  }

  async write(name: string, text: string | Uint8Array): Promise<void> {
    await writeFile(this.at(name), text);
  }

  /** As most editors save: a new file is moved over the old one. */
  async replace(name: string, text: string): Promise<void> {
    await writeFile(this.at(`.${name}.swp`), text);
    await rename(this.at(`.${name}.swp`), this.at(name));
  }

  async remove(name: string): Promise<void> {
    await rm(this.at(name), { recursive: true });
  }

  /** As the kubelet mounts a ConfigMap: names → ..data → a folder of this version; ..data is swapped by a rename. */
  async mount(files: Readonly<Record<string, string>>): Promise<void> {
    this.#version += 1;
    const version = `..version_${this.#version}`;
    await mkdir(this.at(version));
    for (const [name, text] of Object.entries(files))
      await writeFile(this.at(path.join(version, name)), text);
    await symlink(version, this.at('..data_tmp'));
    await rename(this.at('..data_tmp'), this.at('..data'));
    if (this.#version === 1)
      for (const name of Object.keys(files)) await symlink(path.join('..data', name), this.at(name));
    else await rm(this.at(`..version_${this.#version - 1}`), { recursive: true });
  }

  async close(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}
