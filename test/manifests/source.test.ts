import { rename, symlink } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { ManifestSource } from '../../src/manifests/source.ts';
import type { ManifestSourceOptions } from '../../src/manifests/source.ts';
import { Folder, OPTIONS, mirrorSet } from './folder.ts';

/** Polls never: what happens is by events alone. */
const NEVER = 3_600_000;

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function make(files: Readonly<Record<string, string>> = {}): Promise<Folder> {
  const folder = await Folder.make(files);
  closers.push(() => folder.close());
  return folder;
}

async function open(
  paths: readonly string[],
  options: Partial<ManifestSourceOptions> = {},
): Promise<ManifestSource> {
  const source = await ManifestSource.open({ ...OPTIONS, paths, debounceMs: 10, pollMs: NEVER, ...options });
  closers.push(() => source.close());
  return source;
}

/** `a→ams.ocir.io b→…`: which sets are in force, in which version. */
function inForce(source: ManifestSource): string {
  const sets = source.current().mirrorSets.map((set) => `${set.name}→${set.spec.mirrors[0]?.endpoint}`);
  return sets.sort().join(' ');
}

function codes(source: ManifestSource): string {
  return source
    .problems()
    .map((problem) => problem.code)
    .join(' ');
}

/** Waits until a change brings the sources to what is wanted; the state is looked at after each change. */
async function until(source: ManifestSource, isReached: () => boolean): Promise<void> {
  if (isReached()) return;
  await new Promise<void>((resolve) => {
    const stop = source.onChange(() => {
      if (!isReached()) return;
      stop();
      resolve();
    });
  });
}

async function untilInForce(source: ManifestSource, wanted: string, problems = ''): Promise<void> {
  await until(source, () => inForce(source) === wanted && codes(source) === problems);
}

describe('ManifestSource', () => {
  it('has read everything when it is open', async () => {
    const folder = await make({ 'a.yaml': mirrorSet('a'), 'b.yaml': 'b: [' });
    const source = await open([folder.path]);
    expect([inForce(source), codes(source)]).toEqual(['a→ams.ocir.io', 'InvalidYaml']);
  });

  it('sees a file that is written, replaced as editors do, and removed', async () => {
    const folder = await make({ 'a.yaml': mirrorSet('a') });
    const source = await open([folder.path]);
    await folder.write('b.yaml', mirrorSet('b'));
    await untilInForce(source, 'a→ams.ocir.io b→ams.ocir.io');
    await folder.replace('a.yaml', mirrorSet('a', 'new.example'));
    await untilInForce(source, 'a→new.example b→ams.ocir.io');
    await folder.remove('b.yaml');
    await untilInForce(source, 'a→new.example');
  });

  it('sees the swap of a mounted ConfigMap, again and again', async () => {
    const folder = await make();
    await folder.mount({ 'a.yaml': mirrorSet('a') });
    const source = await open([folder.path]);
    for (const version of ['one.example', 'two.example', 'three.example']) {
      await folder.mount({ 'a.yaml': mirrorSet('a', version) });
      await untilInForce(source, `a→${version}`);
    }
  });

  it('sees a file that is named itself, and its replacement', async () => {
    const folder = await make({ 'a.yaml': mirrorSet('a'), 'other.yaml': mirrorSet('other') });
    const source = await open([folder.at('a.yaml')]);
    await folder.replace('a.yaml', mirrorSet('a', 'new.example'));
    await untilInForce(source, 'a→new.example');
    await folder.replace('a.yaml', mirrorSet('a', 'newer.example'));
    await untilInForce(source, 'a→newer.example');
  });

  it('keeps all that a file held while it is no YAML, and recovers', async () => {
    const folder = await make({
      'a.yaml': `${mirrorSet('a')}---\n${mirrorSet('b')}`,
      'c.yaml': mirrorSet('c'),
    });
    const source = await open([folder.path]);
    await folder.write('a.yaml', `${mirrorSet('a', 'new.example')}---\n{`);
    await untilInForce(source, 'a→ams.ocir.io b→ams.ocir.io c→ams.ocir.io', 'InvalidYaml');
    await folder.write('c.yaml', mirrorSet('c', 'new.example'));
    await untilInForce(source, 'a→ams.ocir.io b→ams.ocir.io c→new.example', 'InvalidYaml');
    await folder.write('a.yaml', mirrorSet('b', 'new.example'));
    await untilInForce(source, 'b→new.example c→new.example');
  });

  it('keeps the last valid content of an invalid set alone', async () => {
    const folder = await make({ 'a.yaml': `${mirrorSet('a')}---\n${mirrorSet('b')}` });
    const source = await open([folder.path]);
    await folder.write('a.yaml', `${mirrorSet('a', 'x y')}---\n${mirrorSet('b', 'new.example')}`);
    await untilInForce(source, 'a→ams.ocir.io b→new.example', 'InvalidEndpoint');
    expect(source.problems()[0]?.path).toBe(`${folder.at('a.yaml')} (document 1) spec.mirrors[0].endpoint`);
    await folder.write('a.yaml', `${mirrorSet('a', 'newest.example')}---\n${mirrorSet('b', 'new.example')}`);
    await untilInForce(source, 'a→newest.example b→new.example');
  });

  it('keeps an object whose name has become invalid, by its place', async () => {
    const folder = await make({ 'a.yaml': mirrorSet('a') });
    const source = await open([folder.path]);
    await folder.write('a.yaml', mirrorSet('a').replace('{ name: a }', '{}'));
    await untilInForce(source, 'a→ams.ocir.io', 'Required');
  });

  it('keeps an invalid object that has moved to another file', async () => {
    const folder = await make({ 'a.yaml': mirrorSet('a') });
    const source = await open([folder.path]);
    await folder.write('b.yaml', mirrorSet('a', 'x y'));
    await folder.remove('a.yaml');
    await untilInForce(source, 'a→ams.ocir.io', 'InvalidEndpoint');
    await folder.remove('b.yaml');
    await untilInForce(source, '');
  });

  it('has nothing for an object that was never valid', async () => {
    const folder = await make({ 'a.yaml': mirrorSet('a', 'x y') });
    const source = await open([folder.path]);
    expect([inForce(source), codes(source)]).toEqual(['', 'InvalidEndpoint']);
    await folder.write('a.yaml', mirrorSet('a'));
    await untilInForce(source, 'a→ams.ocir.io');
  });

  it('uses the first of two objects with one name', async () => {
    const folder = await make({ 'b.yaml': mirrorSet('a', 'second.example') });
    const source = await open([folder.path]);
    await folder.write('a.yaml', mirrorSet('a', 'first.example'));
    await untilInForce(source, 'a→first.example', 'DuplicateObject');
  });

  it('keeps everything while its directory is away, and finds it again', async () => {
    const parent = await make();
    const folder = await make({ 'a.yaml': mirrorSet('a') });
    const source = await open([folder.path], { pollMs: 20 });
    await rename(folder.path, parent.at('elsewhere'));
    await untilInForce(source, 'a→ams.ocir.io', 'ManifestsMissing');
    await rename(parent.at('elsewhere'), folder.path);
    await untilInForce(source, 'a→ams.ocir.io');
    await folder.write('a.yaml', mirrorSet('a', 'new.example'));
    await untilInForce(source, 'a→new.example');
  });

  it('watches the directory that has taken the place of another', async () => {
    const parent = await make();
    const folder = await make({ 'a.yaml': mirrorSet('a') });
    const other = await make({ 'a.yaml': mirrorSet('a', 'other.example') });
    const source = await open([folder.path], { debounceMs: 200 });
    await rename(folder.path, parent.at('elsewhere'));
    await rename(other.path, folder.path);
    await untilInForce(source, 'a→other.example');
    await folder.write('a.yaml', mirrorSet('a', 'new.example'));
    await untilInForce(source, 'a→new.example');
  });

  it('finds by polling what no event has told', async () => {
    const target = await make({ 'a.yaml': mirrorSet('a') });
    const folder = await make();
    await symlink(target.at('a.yaml'), folder.at('a.yaml'));
    const source = await open([folder.path], { pollMs: 20 });
    // The folder that is watched does not change.
    await target.write('a.yaml', mirrorSet('a', 'new.example'));
    await untilInForce(source, 'a→new.example');
  });

  it('gives the same objects as long as nothing has changed, and says nothing', async () => {
    const folder = await make({ 'a.yaml': mirrorSet('a') });
    const source = await open([folder.path]);
    const before = source.current();
    let changes = 0;
    source.onChange(() => (changes += 1));
    await folder.replace('a.yaml', mirrorSet('a'));
    await source.reload();
    expect(source.current()).toBe(before);
    expect(changes).toBe(0);
  });

  it('has in force what was written before a reload that was asked for while another ran', async () => {
    const folder = await make({ 'a.yaml': mirrorSet('a') });
    const source = await open([folder.path], { debounceMs: NEVER });
    for (let round = 0; round < 20; round += 1) {
      const running = source.reload();
      await folder.write('a.yaml', mirrorSet('a', `v${round}.example`));
      await source.reload();
      expect(inForce(source)).toBe(`a→v${round}.example`);
      await running;
    }
  });

  it('is silent once it is closed', async () => {
    const folder = await make({ 'a.yaml': mirrorSet('a') });
    const source = await open([folder.path]);
    let changes = 0;
    source.onChange(() => (changes += 1));
    const reloading = source.reload();
    source.close();
    await folder.write('a.yaml', mirrorSet('a', 'new.example'));
    await reloading;
    await source.reload();
    expect([changes, inForce(source)]).toEqual([0, 'a→ams.ocir.io']);
  });

  it('ends a subscription', async () => {
    const folder = await make({ 'a.yaml': mirrorSet('a') });
    const source = await open([folder.path]);
    let changes = 0;
    source.onChange(() => (changes += 1))();
    await folder.write('a.yaml', mirrorSet('a', 'new.example'));
    await untilInForce(source, 'a→new.example');
    expect(changes).toBe(0);
  });
});
