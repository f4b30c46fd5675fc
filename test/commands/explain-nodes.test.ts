// Explain nodes: explain says which mirrors the runtimes of nodes are not told of, where a set is for nodes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExplainView } from '../../src/explain/view.ts';
import {
  dockerConfig,
  ExplainLab,
  mirrorSet,
  namespaceManifest,
  podManifest,
  pullSecret,
  runCli,
  stream,
} from './explain-lab.ts';

// Nobody listens there, so that every question is answered at once.
const UPSTREAM = '127.0.0.9:1';
const MIRROR = '127.0.0.10:1';

let lab: ExplainLab;

beforeAll(async () => {
  lab = await ExplainLab.open();
});

afterAll(async () => {
  await lab.close();
});

async function explainWith(nodes: object, prefix = UPSTREAM): Promise<{ mirror: string[]; image: string[] }> {
  const path = prefix.slice(UPSTREAM.length);
  const set = mirrorSet('shop', {
    upstream: { prefix, credential: { source: 'Secret', secretRef: { name: 'probe' } } },
    mirrors: [{ endpoint: MIRROR + path, credential: { source: 'SameAsUpstream' } }],
    nodes,
  });
  const login = dockerConfig(UPSTREAM, { username: 'robot', password: 'x' });
  const secret = pullSecret('probe', 'registry-failover', login);
  const namespace = namespaceManifest('shop', { 'registry-failover.io/enabled': 'true' });
  const manifests = await lab.file('manifests.yaml', stream(set, namespace, secret));
  const pod = stream(podManifest('web', [`${UPSTREAM}/team/app:1`]));
  const { stdout, stderr } = await runCli(['explain', '-m', manifests, '-f', '-', '-o', 'json'], pod);
  expect(stderr).toBe('');
  const view = JSON.parse(stdout) as ExplainView;
  const [image] = view.pods[0]?.images ?? [];
  const mirror = image?.candidates.find(({ role }) => role === 'mirror');
  const about = (notes: readonly string[] = []): string[] => notes.filter((note) => /nodes/i.test(note));
  return { mirror: about(mirror?.notes), image: about(image?.notes) };
}

describe('explain, of a set for nodes', () => {
  it('says of a mirror which runtime is not told of it, and why', async () => {
    const { mirror, image } = await explainWith({ enabled: true });
    expect(mirror).toEqual([
      expect.stringMatching(/^Not in the files of CRI-O nodes: CRI-O never sends .* NodeAuth to give nodes/),
    ]);
    expect(image).toEqual([]);
  });

  it('says of a whole set that a runtime is told of none of it', async () => {
    const { image } = await explainWith({ enabled: true }, `${UPSTREAM}/team`);
    expect(image).toEqual([
      expect.stringMatching(
        /^Not in the files of containerd nodes: .* Write spec.nodes.wholeHost: true if they may\.$/,
      ),
    ]);
  });

  it('says of NodeAuth what it gives, and to whom', async () => {
    const { mirror, image } = await explainWith({ enabled: true, credentials: 'NodeAuth' });
    expect(mirror).toEqual([
      `Nodes log in at ${MIRROR} themselves (NodeAuth): every pod on them can pull from there all that their credential can read.`,
    ]);
    expect(image).toEqual([]);
  });

  it('says nothing where the set is not for nodes', async () => {
    expect(await explainWith({ enabled: false })).toEqual({ mirror: [], image: [] });
  });
});
