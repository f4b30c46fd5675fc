// Check: the real command line compares an image at real registries over TLS.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckImageView, CheckView } from '../../src/explain/check-view.ts';
import { digestOfText, indexManifest } from '../support/misbehaving-registry.ts';
import type { MisbehavingRegistry } from '../support/misbehaving-registry.ts';
import {
  CA_BUNDLE,
  ExplainLab,
  caManifest,
  dockerConfig,
  mirrorSet,
  pullSecret,
  runCli,
  stream,
} from './explain-lab.ts';
import type { CliRun } from './explain-lab.ts';

const ALICE = { username: 'alice', password: 'alice-has-a-secret' };
const IMAGE = indexManifest();
const AMD_ONLY = indexManifest(['linux/amd64']);

let lab: ExplainLab;
let upstream: MisbehavingRegistry;
let mirror: MisbehavingRegistry;
let manifests: string;
const runs: CliRun[] = [];

async function check(...args: readonly string[]): Promise<CliRun> {
  const run = await runCli(['check', '-m', manifests, '-n', 'shop', ...args]);
  runs.push(run);
  return run;
}

beforeAll(async () => {
  lab = await ExplainLab.open();
  upstream = await lab.registry('127.0.0.5', {
    credential: ALICE,
    images: { 'shop/app': { '1': IMAGE, '2': IMAGE }, 'half/side': { '1': IMAGE } },
  });
  mirror = await lab.registry('127.0.0.6', {
    credential: ALICE,
    images: { 'copy/shop/app': { '1': IMAGE, '2': AMD_ONLY } },
  });
  manifests = await lab.file(
    'manifests.yaml',
    stream(
      await caManifest(),
      pullSecret(
        'stale',
        'shop',
        dockerConfig(`${upstream.hostPort}/shop`, { ...ALICE, password: 'old-password' }),
      ),
      pullSecret('regcred', 'shop', dockerConfig(upstream.hostPort, ALICE)),
      mirrorSet('shop', {
        upstream: { prefix: upstream.hostPort, caBundle: CA_BUNDLE },
        mirrors: [
          {
            endpoint: `${mirror.hostPort}/copy`,
            credential: { source: 'SameAsUpstream' },
            caBundle: CA_BUNDLE,
          },
        ],
      }),
      mirrorSet('half', {
        upstream: { prefix: `${upstream.hostPort}/half`, caBundle: CA_BUNDLE },
        mirrors: [{ endpoint: '127.0.0.9:1', credential: { source: 'None' } }],
      }),
    ),
  );
});

afterAll(async () => {
  await lab.close();
});

describe('check', () => {
  it('exits 0 when every endpoint serves the same', async () => {
    const { code, stdout, stderr } = await check(`${upstream.hostPort}/shop/app:1`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`upstream +${upstream.hostPort} +available`));
    expect(stdout).toMatch(new RegExp(`mirror +${mirror.hostPort}/copy +available`));
    expect(stdout.match(/sha256:[0-9a-f]{12} for linux\/amd64, linux\/arm64\n/g)).toHaveLength(2);
    // The first credential that matches is out of date: the next one is tried, as the kubelet does.
    expect(stdout).toContain('with pull secret regcred');
    expect(stdout).toMatch(/The same at every endpoint\.\n\n$/);
    expect(stdout).not.toContain('\u001B');
  });

  it('exits 1 when digests or platforms differ, or an endpoint lacks the image', async () => {
    const images = ['shop/app:2', 'shop/app:3', 'half:1'].map((image) => `${upstream.hostPort}/${image}`);
    const { code, stdout } = await check(...images, '-o', 'json');
    expect(code).toBe(1);
    const view = JSON.parse(stdout) as CheckView;
    expect(view).toMatchObject({ kind: 'check', v: 1, result: 'different', problems: [] });
    const [other, absent, unmapped] = view.images as [CheckImageView, CheckImageView, CheckImageView];
    expect(other.endpoints).toMatchObject([
      { outcome: 'available', digest: digestOfText(IMAGE), platforms: ['linux/amd64', 'linux/arm64'] },
      { outcome: 'available', digest: digestOfText(AMD_ONLY), platforms: ['linux/amd64'] },
    ]);
    expect(other.endpoints[1]?.notes).toEqual([
      `Another build than at ${upstream.hostPort}.`,
      'Lacks linux/arm64.',
      'Nodes do not trust its private CA: no pod is sent here.',
    ]);
    expect(absent).toMatchObject({
      result: 'different',
      endpoints: [{ outcome: 'missing' }, { outcome: 'missing' }],
    });
    expect(unmapped.notes).toEqual(['This repository has no valid path at 127.0.0.9:1: no candidate.']);
  });

  it('exits 3 when an endpoint could not be asked', async () => {
    const { code, stdout } = await check(`${upstream.hostPort}/half/side:1`);
    expect(code).toBe(3);
    expect(stdout).toContain('Could not tell what 127.0.0.9:1 would serve.');
  });

  it('exits 2 for what is no image, and asks nobody', async () => {
    upstream.forget();
    const { code, stdout, stderr } = await check(`${upstream.hostPort}/shop/app:1`, 'shop/APP');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('error: shop/APP: the repository path "shop/APP" has upper-case letters');
    expect(upstream.requests).toEqual([]);
  });

  it('has printed no password in all this', () => {
    const said = runs.map(({ stdout, stderr }) => stdout + stderr).join('\n');
    expect(said.length).toBeGreaterThan(1_000);
    expect(said).not.toMatch(/has-a-secret|old-password/);
  });
});
