// node bench/cluster/figures.ts [ROUNDS]: how long a cluster waits for us, on the lab that is up; writes docs/cluster-figures.md.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { NODES, OPT_IN, RUNTIMES, Stage, unique, waitFor } from '../../test/cluster/lab/stage.ts';
import type { Runtime } from '../../test/cluster/lab/stage.ts';

const FRA = 'fra.registry.test';
const AMS = 'ams.registry.test';
const DERIVED = 'registry-failover-set-fra';
const OUT = path.resolve(import.meta.dirname, '../../docs/cluster-figures.md');

const rounds = Number(process.argv[2] ?? 7);
const stage = new Stage();

interface Spread {
  readonly what: string;
  readonly ms: readonly number[];
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** From a new namespace's label to a secret whose bytes let a pull in. */
async function labelToSecret(): Promise<number> {
  const name = unique('figures');
  await stage.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const began = performance.now();
  await stage.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: OPT_IN } });
  await waitFor('the derived secret', 60_000, async () => {
    return (await stage.find('secrets', name, DERIVED)) !== undefined;
  });
  const ms = performance.now() - began;
  await stage.kubectl('delete', 'namespace', name, '--wait=false');
  return ms;
}

interface SecretObject {
  readonly data: Readonly<Record<string, string>>;
}

/** From a change of the operator's secret to the same in a namespace. */
async function rotation(namespace: string, round: number): Promise<number> {
  const account = stage.lab.registries.record(AMS).account ?? { user: '', password: '' };
  const before = (await stage.get<SecretObject>('secrets', namespace, DERIVED)).data['.dockerconfigjson'];
  // The account stays right; only the bytes change, by an entry of another registry's and an e-mail address.
  const auths = {
    [AMS]: { username: account.user, password: account.password, email: `r${round}@example.test` },
  };
  const rotated = { [AMS]: { username: `${account.user}-${round}`, password: account.password } };
  const write = (content: object): Promise<void> =>
    stage.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'ams-pull', namespace: 'registry-failover' },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: content })).toString('base64') },
    });
  const began = performance.now();
  await write(rotated);
  await waitFor('the rotated secret', 60_000, async () => {
    return (
      (await stage.get<SecretObject>('secrets', namespace, DERIVED)).data['.dockerconfigjson'] !== before
    );
  });
  const ms = performance.now() - began;
  await write(auths);
  await waitFor('the secret as it was', 60_000, async () => {
    const now =
      (await stage.get<SecretObject>('secrets', namespace, DERIVED)).data['.dockerconfigjson'] ?? '';
    return !Buffer.from(now, 'base64').toString('utf8').includes(`-${round}"`);
  });
  return ms;
}

/** From the creation of a pod to Running, with an image that the node has never seen. */
async function podToRunning(namespace: string, runtime: Runtime, image: string): Promise<number> {
  const name = unique('run');
  const began = performance.now();
  await stage.apply(stage.podManifest(namespace, name, runtime, [image]));
  await stage.waitRunning(namespace, name, 120_000);
  const ms = performance.now() - began;
  await stage.kubectl('delete', 'pod', '-n', namespace, name, '--wait=false');
  return ms;
}

async function series(what: string, measure: (round: number) => Promise<number>): Promise<Spread> {
  const ms: number[] = [];
  for (let round = 0; round < rounds; round += 1) ms.push(await measure(round));
  const sorted = ms.toSorted((a, b) => a - b);
  console.error(`${what}: p50 ${quantile(sorted, 0.5).toFixed(0)} ms, most ${sorted.at(-1)?.toFixed(0)} ms`);
  return { what, ms: sorted };
}

async function measureAll(): Promise<readonly Spread[]> {
  const namespace = await stage.namespace('figures');
  const probe = await stage.image(FRA, AMS);
  await stage.waitJudged(namespace, `${FRA}/${probe}`, 'upstream-available');
  const found: Spread[] = [
    await series('a new namespace’s label → its derived secret', labelToSecret),
    await series('the source’s secret rotated → the derived one', (round) => rotation(namespace, round)),
  ];
  for (const runtime of RUNTIMES) {
    found.push(
      await series(`pod created → Running, upstream well (${runtime})`, async () =>
        podToRunning(namespace, runtime, `${FRA}/${await stage.image(FRA, AMS)}`),
      ),
    );
  }
  await stage.lab.registries.drop(FRA);
  for (const runtime of RUNTIMES) {
    found.push(
      await series(`pod created → Running, upstream black-holed (${runtime})`, async () =>
        podToRunning(namespace, runtime, `${FRA}/${await stage.image(AMS)}`),
      ),
    );
  }
  const bare = await stage.namespace('bare', { optedIn: false });
  for (const runtime of RUNTIMES) {
    const image = `${FRA}/${await stage.image(AMS)}`;
    const name = unique('stuck');
    await stage.apply(stage.podManifest(bare, name, runtime, [image]));
    const began = performance.now();
    await waitFor(`the first failed pull on ${NODES[runtime]}`, 180_000, async () => {
      const events = await stage.list<{
        readonly reason: string;
        readonly regarding: { readonly name: string };
      }>('events', bare);
      return events.some((event) => event.regarding.name === name && event.reason === 'Failed');
    });
    const ms = performance.now() - began;
    console.error(`without the product, ${runtime}: the first pull fails after ${ms.toFixed(0)} ms`);
    found.push({ what: `the same without the label: until the first pull fails (${runtime})`, ms: [ms] });
  }
  return found;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function page(found: readonly Spread[]): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const rows = found.map(
    ({ what, ms }) =>
      `| ${what} | ${seconds(quantile(ms, 0.5))} | ${seconds(ms.at(-1) ?? Number.NaN)} | ${ms.length} |`,
  );
  return `# How long a cluster waits

Written by \`node bench/cluster/figures.ts\` on the lab (\`npm run cluster -- up\`: a real API server, kubelets, CRI-O and containerd on one machine
with two cores); do not edit. ${new Date().toISOString().slice(0, 10)}, commit ${commit}.

| from → to | median | the longest | times |
|---|---|---|---|
${rows.join('\n')}

Every pod has an image that no node has seen. "Black-holed": the registry's packets are dropped, as behind a firewall. Without the product
the kubelet then goes on trying, each time as long, until the registry is back.
`;
}

try {
  await stage.lab.registries.reset();
  writeFileSync(OUT, page(await measureAll()));
  console.error(`written: ${path.relative(process.cwd(), OUT)}`);
} finally {
  await stage.close();
}
