// Golden files put to use: with the lab's registries in place of their names, pulls end well.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Runtime } from '../../../src/nodes/data/wanted.ts';
import { openLab } from '../../lab/lab.ts';
import type { Lab } from '../../lab/lab.ts';
import { DC1, FRA2, PLATFORM } from '../../lab/registries/records.ts';
import type { WitnessHost } from '../../lab/registries/records.ts';
import { NODE_CASES } from '../../nodes/cases.ts';
import type { NodeCase } from '../../nodes/cases.ts';
import { readGolden, reworded } from '../../nodes/golden-file.ts';
import { TAG } from './golden-expected.ts';
import { GoldenStage } from './golden-stage.ts';
import type { Program } from './golden-stage.ts';
import { unique } from './stage.ts';

let lab: Lab;
let stage: GoldenStage;

beforeAll(async () => {
  lab = openLab();
  await lab.registries.reset();
  stage = await GoldenStage.open(lab);
});
afterEach(async () => {
  await stage.clear();
});
afterAll(async () => {
  await stage.close();
  await lab.registries.reset();
  await lab.registries.close();
});

const PROGRAMS: readonly { readonly program: Program; readonly files: Runtime }[] = [
  { program: 'CRI-O', files: { name: 'crio', version: '1.28.0' } },
  { program: 'podman', files: { name: 'crio', version: '1.28.0' } },
  { program: 'containerd', files: { name: 'containerd', version: '2.1.0' } },
];

function caseOf(name: string): NodeCase {
  const found = NODE_CASES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found;
}

function loginOf(host: WitnessHost): string {
  const { user = '', password = '' } = lab.registries.record(host).account ?? {};
  return Buffer.from(`${user}:${password}`).toString('base64');
}

/** Who has asked for the repository since then, '' for nobody in particular. The product's own probes ask for others. */
function usersOf(host: WitnessHost, repository: string, since: number): readonly string[] {
  const requests = lab.registries.requests(host, since);
  return requests.filter(({ path }) => path.startsWith(`/v2/${repository}/`)).map(({ user = '' }) => user);
}

interface Scene {
  readonly what: string;
  readonly name: string;
  /** What the case's first mirror is here. */
  readonly mirror: typeof PLATFORM | typeof DC1;
  /** Where the mirror has the repository. */
  readonly below?: string;
  readonly isUpstreamOut?: boolean;
  readonly isUpstreamAsked: boolean;
}

const SCENES: readonly Scene[] = [
  { what: 'by the upstream', name: 'one mirror, all well', mirror: PLATFORM, isUpstreamAsked: true },
  {
    what: 'by the mirror when the upstream is out',
    name: 'one mirror, all well',
    mirror: PLATFORM,
    isUpstreamOut: true,
    isUpstreamAsked: false,
  },
  {
    what: 'by the mirror that is first',
    name: 'one mirror, upstream out',
    mirror: PLATFORM,
    isUpstreamAsked: false,
  },
  {
    what: 'by the mirror with a path',
    name: 'mirror with a path, first',
    mirror: PLATFORM,
    below: 'ocir/',
    isUpstreamAsked: false,
  },
  {
    what: 'by the mirror that knows the node',
    name: 'credentials of the node, upstream out',
    mirror: DC1,
    isUpstreamAsked: false,
  },
];
const PULLS = PROGRAMS.flatMap((one) => SCENES.map((scene) => ({ ...one, ...scene })));

describe('a pull from the lab’s registries', () => {
  it.each(PULLS)('is served to $program $what: $name', async ({ program, files, ...scene }) => {
    const repository = unique('golden');
    const image = { repository, tag: TAG, content: repository };
    await lab.registries.push({ ...image, host: FRA2 });
    await lab.registries.push({
      ...image,
      host: scene.mirror,
      repository: `${scene.below ?? ''}${repository}`,
    });
    const golden = reworded(readGolden(caseOf(scene.name), files), {
      'fra.ocir.io': FRA2,
      'ams.ocir.io': scene.mirror,
      'registry.dc1.example:5000': scene.mirror,
      [Buffer.from('robot:secret').toString('base64')]: loginOf(DC1),
    });
    // To podman nobody hands a credential: it has the node's alone.
    const own = program === 'podman' ? [[FRA2, loginOf(FRA2)] as const] : [];
    await stage.give(program, { ...golden, authEntries: new Map([...golden.authEntries, ...own]) });
    if (scene.isUpstreamOut === true) await lab.registries.stop(FRA2);
    const since = Date.now();
    const name = `${FRA2}/${repository}:${TAG}`;
    const failure = await stage.pull(program, name, lab.registries.record(FRA2).account);
    const isUpstreamAsked = usersOf(FRA2, repository, since).length > 0;
    if (scene.isUpstreamOut === true) await lab.registries.start(FRA2);
    expect({ failure, isUpstreamAsked }).toEqual({
      failure: undefined,
      isUpstreamAsked: scene.isUpstreamAsked,
    });
    await stage.forget(program, name);
    if (scene.mirror !== DC1) return;
    const users = usersOf(DC1, repository, since).filter((user) => user !== '');
    expect(new Set(users)).toEqual(new Set(['dc1-puller']));
  });
});
