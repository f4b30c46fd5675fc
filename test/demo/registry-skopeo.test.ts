// The demo's registry against a client that is not ours: skopeo, where it is installed.
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildImage } from '../../src/demo/image.ts';
import type { DemoRegistry } from '../../src/demo/registry.ts';
import { DemoBench } from '../support/demo-registry.ts';

const run = promisify(execFile);
const skopeoIsHere = spawnSync('skopeo', ['--version']).status === 0;
const image = buildImage({ text: 'build 1' });

describe.skipIf(!skopeoIsHere)(`skopeo${skopeoIsHere ? '' : ' (skipped: it is not on PATH)'}`, () => {
  let bench: DemoBench;
  let registry: DemoRegistry;
  let directory: string;

  beforeAll(async () => {
    bench = await DemoBench.create();
    registry = await bench.registry();
    registry.publish('team/app', '1.0', image);
    directory = await mkdtemp(join(tmpdir(), 'demo-registry-'));
    await writeFile(join(directory, 'ca.crt'), bench.ca);
    await writeFile(join(directory, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
  });
  afterAll(async () => {
    await bench.stop();
    await rm(directory, { recursive: true });
  });

  const login = ['--creds', 'alice:wonder:land'];
  async function inspect(credential: readonly string[], options: readonly string[] = []): Promise<string> {
    const platform = ['--override-os', 'linux', '--override-arch', 'arm64'];
    const reference = `docker://${registry.hostPort}/team/app:1.0`;
    const trust = ['--cert-dir', directory];
    return (await run('skopeo', [...platform, 'inspect', ...trust, ...credential, ...options, reference]))
      .stdout;
  }

  it('inspects the image', async () => {
    expect(JSON.parse(await inspect(login))).toMatchObject({
      Digest: image.index.digest,
      RepoTags: ['1.0'],
      Architecture: 'arm64',
      Os: 'linux',
      Labels: { 'org.opencontainers.image.version': 'build 1' },
    });
  });

  it('gets the index as it was published', async () => {
    expect(await inspect(login, ['--raw'])).toBe(image.index.bytes.toString());
  });

  it('copies every platform, blobs included, checking every digest', async () => {
    const to = `oci:${join(directory, 'copy')}:1.0`;
    const from = `docker://${registry.hostPort}/team/app:1.0`;
    const trust = ['--src-cert-dir', directory, '--src-creds', 'alice:wonder:land'];
    const policy = ['--policy', join(directory, 'policy.json'), '--tmpdir', directory];
    await run('skopeo', [...policy, 'copy', '--all', '--preserve-digests', ...trust, from, to]);
    const copied = await run('skopeo', ['inspect', '--raw', to]);
    expect(copied.stdout).toBe(image.index.bytes.toString());
  });

  it('is refused with a wrong password', async () => {
    await expect(inspect(['--creds', 'alice:guessed'])).rejects.toThrow('wrong username or password');
  });
});
