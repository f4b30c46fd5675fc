import { mkdir, symlink } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { Problem } from '../../src/domain/problem.ts';
import { loadManifests } from '../../src/manifests/load.ts';
import type { LoadOptions } from '../../src/manifests/load.ts';
import { MAX_FILE_BYTES } from '../../src/manifests/manifest-files.ts';
import { Folder, OPTIONS, mirrorSet } from './folder.ts';

const folders: Folder[] = [];

async function make(files: Readonly<Record<string, string>> = {}): Promise<Folder> {
  const folder = await Folder.make(files);
  folders.push(folder);
  return folder;
}

afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => folder.close()));
});

async function load(paths: string[], options: Partial<LoadOptions> = {}) {
  const loaded = await loadManifests(paths, { ...OPTIONS, ...options });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  return loaded.value;
}

async function problems(...paths: string[]): Promise<readonly Problem[]> {
  const loaded = await loadManifests(paths, OPTIONS);
  return loaded.ok ? [] : loaded.error;
}

function pathsAndCodes(found: readonly Problem[]): string[] {
  return found.map((problem) => `${problem.path} ${problem.code}`);
}

describe('loadManifests', () => {
  it('reads the manifests of a directory in order, and nothing else there', async () => {
    const folder = await make({
      'b.yml': mirrorSet('b'),
      'a.yaml': mirrorSet('a'),
      'c.JSON': '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"n"}}',
      'notes.txt': 'hello: [',
      '.hidden.yaml': 'hello: [',
    });
    await mkdir(folder.at('sub'));
    await folder.write('sub/d.yaml', 'hello: [');
    const loaded = await load([folder.path]);
    expect(loaded.mirrorSets.map((set) => set.origin)).toEqual([folder.at('a.yaml'), folder.at('b.yml')]);
    expect(loaded.namespaces).toEqual([{ name: 'n', labels: {} }]);
  });

  it('reads files by name, whatever the name is, and standard input', async () => {
    const folder = await make({ 'mirrors.txt': mirrorSet('a') });
    const loaded = await load([folder.at('mirrors.txt'), '-'], { stdin: mirrorSet('b') });
    expect(loaded.mirrorSets.map((set) => set.origin)).toEqual([folder.at('mirrors.txt'), 'stdin']);
  });

  it('says what it has passed over', async () => {
    const folder = await make({
      'a.yaml': 'apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\n',
    });
    expect((await load([folder.path])).ignored).toEqual([`${folder.at('a.yaml')}: apps/v1 Deployment web`]);
  });

  it('reads a path that is given twice once', async () => {
    const folder = await make({ 'a.yaml': mirrorSet('a') });
    expect((await load([folder.path, folder.path])).mirrorSets).toHaveLength(1);
  });

  it('gives all problems of all files, and no object', async () => {
    const folder = await make({
      'a.yaml': mirrorSet('a', 'x y'),
      'b.yaml': 'a: [',
      'c.yaml': mirrorSet('c'),
      'd.yaml': `${mirrorSet('d')}---\n${mirrorSet('c')}`,
    });
    expect(pathsAndCodes(await problems(folder.path, folder.at('gone.yaml')))).toEqual([
      `${folder.at('a.yaml')} spec.mirrors[0].endpoint InvalidEndpoint`,
      `${folder.at('b.yaml')} (line 1, column 5) InvalidYaml`,
      `${folder.at('gone.yaml')} ManifestsMissing`,
      `${folder.at('d.yaml')} (document 2) DuplicateObject`,
    ]);
  });

  it('names the place of the first of two objects with one name', async () => {
    const folder = await make({ 'a.yaml': mirrorSet('same'), 'b.yaml': mirrorSet('same') });
    const [problem] = await problems(folder.path);
    expect(problem?.message).toContain(`RegistryMirrorSet same is declared in ${folder.at('a.yaml')}`);
  });

  it('takes equal names in two namespaces for two objects', async () => {
    const secret = (namespace: string): string =>
      `apiVersion: v1\nkind: Secret\nmetadata: { name: s${namespace} }\n`;
    const folder = await make({ 'a.yaml': `${secret(', namespace: a')}---\n${secret(', namespace: b')}` });
    expect((await load([folder.path])).secrets).toHaveLength(2);
    await folder.write('b.yaml', secret(', namespace: registry-failover'));
    await folder.write('c.yaml', secret(''));
    expect(pathsAndCodes(await problems(folder.path))).toEqual([`${folder.at('c.yaml')} DuplicateObject`]);
  });

  it('refuses a file above the bound, another encoding, and what is no file', async () => {
    const folder = await make();
    await folder.write('large.yaml', `# ${'x'.repeat(MAX_FILE_BYTES)}`);
    await folder.write('latin.yaml', Uint8Array.from([0x61, 0x3a, 0x20, 0xfc]));
    await mkdir(folder.at('folder.yaml'));
    await symlink('nowhere', folder.at('link.yaml'));
    expect(pathsAndCodes(await problems(folder.path, '/dev/null'))).toEqual([
      `${folder.at('folder.yaml')} ManifestsUnreadable`,
      `${folder.at('large.yaml')} FileTooLarge`,
      `${folder.at('latin.yaml')} InvalidEncoding`,
      `${folder.at('link.yaml')} ManifestsMissing`,
      '/dev/null ManifestsUnreadable',
    ]);
  });

  it('reads a file of exactly the bound, and one with a byte order mark', async () => {
    const text = mirrorSet('a');
    const folder = await make({ 'b.yaml': `\ufeff${mirrorSet('b')}` });
    await folder.write('a.yaml', `${text}#${'x'.repeat(MAX_FILE_BYTES - text.length - 1)}`);
    expect((await load([folder.path])).mirrorSets).toHaveLength(2);
  });

  it('refuses a directory with far too many files', async () => {
    const folder = await make();
    await Promise.all(Array.from({ length: 1001 }, (_, index) => folder.write(`${index}.yaml`, '')));
    expect(pathsAndCodes(await problems(folder.path))).toEqual([`${folder.path} TooManyFiles`]);
  });
});
