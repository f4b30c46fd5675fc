// Golden files before the running programs: CRI-O (reload, start, pull), podman and containerd go where each case says, in that order.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { issueCa, issueServing, validFor } from '../../../src/certificates/issue.ts';
import type { Runtime } from '../../../src/nodes/data/wanted.ts';
import { openLab } from '../../lab/lab.ts';
import type { Lab } from '../../lab/lab.ts';
import { readyNodes } from '../../lab/start-nodes.ts';
import { CASE_RUNTIMES, CA_ONE, CA_TWO, NODE_CASES } from '../../nodes/cases.ts';
import type { NodeCase } from '../../nodes/cases.ts';
import { readGolden, reworded } from '../../nodes/golden-file.ts';
import { questionOf } from '../../nodes/oracle/questions.ts';
import { TAG, everyCase, expectedRequests } from './golden-expected.ts';
import { GoldenStage, HAS_IPV6 } from './golden-stage.ts';
import type { Program } from './golden-stage.ts';
import { snapshot } from './nodes-stage.ts';
import type { Recorded } from './recorder.ts';
import { waitFor } from './stage.ts';

/** Of the versions whose files differ, those that a runtime is asked about. */
const ofCrio = CASE_RUNTIMES.filter(({ name }) => name === 'crio');
const ofContainerd = CASE_RUNTIMES.filter(({ name }) => name === 'containerd');
const cases = NODE_CASES.filter(({ name }) => HAS_IPV6 || !name.startsWith('IPv6'));
interface Combination {
  readonly name: string;
  readonly version: string;
  readonly one: NodeCase;
  readonly files: Runtime;
}

function combined(runtimes: readonly Runtime[]): readonly Combination[] {
  return cases.flatMap((one) =>
    runtimes.map((files) => ({ name: one.name, version: files.version, one, files })),
  );
}

let lab: Lab;
let stage: GoldenStage;
let before: readonly unknown[];

const snapshots = (): readonly unknown[] =>
  (['node1', 'node2'] as const).map((name) => snapshot(lab.node(name).etc));

beforeAll(async () => {
  lab = openLab();
  before = snapshots();
  stage = await GoldenStage.open(lab);
  await stage.waitUntilNamed(`quay.io/first:${TAG}`);
});
afterEach(async () => {
  await stage.clear();
  stage.recorder.useCertificates({});
});
afterAll(async () => {
  await stage.close();
  expect(snapshots()).toEqual(before);
});

/** What an image that nobody has makes it ask. */
async function askedBy(program: Program, image: string): Promise<readonly Recorded[]> {
  stage.recorder.take();
  expect(await stage.pull(program, `${image}:${TAG}`)).toBeDefined();
  return stage.recorder.take();
}

interface Expectation {
  readonly image: string;
  readonly asked: readonly Recorded[];
}

/** All images of a case, and what each is to make a runtime ask. */
function expectationsOf(one: NodeCase, files: Runtime): readonly Expectation[] {
  const of = { runtime: files.name, version: files.version };
  return questionOf(one, of).images.map((image) => ({ image, asked: expectedRequests(one, image, of) }));
}

async function expectAsked(program: Program, expectations: readonly Expectation[]): Promise<void> {
  for (const { image, asked } of expectations)
    expect({ image, asked: await askedBy(program, image) }).toEqual({ image, asked });
}

describe('CRI-O', () => {
  it.each(combined(ofCrio))(
    'takes the files by a reload and goes where they say: $name',
    async ({ one, files }) => {
      const pid = lab.processes.pidOf('crio-node1');
      stage.askForLogins(one);
      expect(await stage.give('CRI-O', readGolden(one, files))).not.toContain('level=error');
      await expectAsked('CRI-O', expectationsOf(one, files));
      expect([lab.processes.isRunning('crio-node1'), lab.processes.pidOf('crio-node1')]).toEqual([true, pid]);
    },
  );

  it.each(ofCrio)(
    'starts with the files of all cases and goes where the last of each prefix says',
    async (files) => {
      for (const [index, one] of cases.entries()) {
        // Side by side, each drop-in under a name of its own; a later one replaces what an earlier one says of a prefix.
        const own = readGolden(one, files).files.map((file) => {
          const name = `/9${String(index).padStart(3, '0')}.conf`;
          return { ...file, path: file.path.replace(/\/90-[^/]*\.conf$/, name) };
        });
        stage.lay('node1', { files: own, authEntries: new Map() });
      }
      stage.askForLogins({});
      await stage.restart();
      const expectations = expectationsOf(everyCase(cases), files);
      expect(expectations.length).toBeGreaterThan(10);
      await expectAsked('CRI-O', expectations);
      await waitFor('both nodes to be ready', 60_000, async () => {
        return (await readyNodes(lab.controlPlane.access)).length === 2;
      });
    },
  );
});

describe('podman, as root of the node', () => {
  it.each(combined(ofCrio))('goes where the files say: $name', async ({ one, files }) => {
    stage.askForLogins(one);
    await stage.give('podman', readGolden(one, files));
    await expectAsked('podman', expectationsOf(one, files));
  });
});

describe('containerd', () => {
  it.each(combined(ofContainerd))('goes where the files for $version say: $name', async ({ one, files }) => {
    stage.askForLogins(one);
    await stage.give('containerd', readGolden(one, files));
    await expectAsked('containerd', expectationsOf(one, files));
  });
});

const programs: readonly { readonly program: Program; readonly files: Runtime }[] = [
  ...ofCrio.flatMap((files) => [{ program: 'CRI-O', files } as const, { program: 'podman', files } as const]),
  ...ofContainerd.map((files) => ({ program: 'containerd', files }) as const),
];

describe('the certificates of the files', () => {
  it.each(programs)(
    'make $program trust what nothing else vouches for: $files.version',
    async ({ program, files }) => {
      const one = NODE_CASES.find(({ name }) => name === 'certificates');
      if (one === undefined) throw new Error('no case has certificates');
      const validity = validFor(1, new Date());
      const first = await issueCa({ name: 'golden CA one', validity });
      const second = await issueCa({ name: 'golden CA two', validity });
      stage.askForLogins({});
      stage.recorder.useCertificates({
        'fra.ocir.io': await issueServing(first, { names: ['fra.ocir.io'], validity }),
        // By the second certificate of its file.
        'm.example': await issueServing(second, { names: ['m.example'], validity }),
      });
      const golden = readGolden(one, files);
      const certificates = { [CA_ONE]: first.certificatePem, [CA_TWO]: second.certificatePem };
      await stage.give(program, reworded(golden, certificates));
      const expectations = expectationsOf(one, files);
      await expectAsked(program, expectations);
      // With the case's own certificates, of nobody's, the lab's CA vouches for quay.io alone.
      await stage.clear();
      await stage.give(program, golden);
      const isQuay = ({ url }: Recorded): boolean => url.startsWith('https://quay.io/');
      const left = expectations.map(({ image, asked }) => ({ image, asked: asked.filter(isQuay) }));
      await expectAsked(program, left);
    },
  );
});
