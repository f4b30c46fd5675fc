// Node rollout: canary, gate, batches, stop; and that the plan carried out comes to an end whatever agents do.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planRollout } from '../../src/domain/node-rollout.ts';
import { resolveShare } from '../../src/domain/node-rollout-facts.ts';
import type {
  AgentReport,
  NodeProof,
  NodeShare,
  RolloutNode,
  RolloutPlan,
  RolloutSettings,
} from '../../src/domain/node-rollout-facts.ts';

const SETTINGS: RolloutSettings = {
  maxUnavailable: { kind: 'count', nodes: 3 },
  canaries: 1,
  gateMs: 30_000,
  silentMs: 300_000,
};
const NOT_NEEDED: NodeProof = { kind: 'NotNeeded' };
const DONE: AgentReport = { kind: 'Done', forMs: 60_000 };
const FRESH: AgentReport = { kind: 'Done', forMs: 1_000 };
const SILENT: AgentReport = { kind: 'Silent', forMs: 1_000 };
const FAILED: AgentReport = { kind: 'Failed', message: 'the disk is full' };

function makeNode(name: string, over: Partial<RolloutNode> = {}): RolloutNode {
  return { name, isReady: true, target: 'new', present: undefined, proof: NOT_NEEDED, ...over };
}

/** With an object that holds `revision`. */
function holding(name: string, report: AgentReport, over: Partial<RolloutNode> & { revision?: string } = {}) {
  const { revision = 'new', ...rest } = over;
  return makeNode(name, { present: { revision, report, isReleased: false }, ...rest });
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `n${String(index + 1).padStart(2, '0')}`);
}

function reasons(plan: RolloutPlan): Record<string, string> {
  return Object.fromEntries(
    [...plan.standings].map(([name, standing]) => [
      name,
      standing.kind === 'Waiting' ? standing.reason : standing.kind,
    ]),
  );
}

describe('planRollout', () => {
  it('begins with one node, and says what the others wait for', () => {
    const plan = planRollout(
      names(20).map((name) => makeNode(name)),
      SETTINGS,
    );
    expect(plan.write).toEqual(['n01']);
    expect(plan.standings.get('n02')).toEqual({
      kind: 'Waiting',
      reason: 'Canary',
      message: 'it is being tried on node n01 first',
    });
  });

  it.each<[string, AgentReport]>([
    ['is at work', SILENT],
    ['has not been well for the gate', FRESH],
  ])('waits while the canary %s', (_name, report) => {
    const plan = planRollout([holding('a', report), makeNode('b'), makeNode('c')], SETTINGS);
    expect(plan.write).toEqual([]);
    expect(reasons(plan)).toMatchObject({ b: 'Canary', c: 'Canary' });
    expect(plan.wakeInMs).toBe(report === FRESH ? 29_000 : 299_000);
  });

  it('goes on in batches once the canary is well, and writes that down', () => {
    const plan = planRollout([holding('a', DONE), ...names(5).map((name) => makeNode(name))], SETTINGS);
    expect(plan.write).toEqual(['n01', 'n02', 'n03']);
    expect(plan.release).toEqual(['a']);
    expect(reasons(plan)).toMatchObject({ n04: 'Batch', n05: 'Batch' });
  });

  it('counts what is under way against the batch', () => {
    const under = ['b', 'c'].map((name) => holding(name, SILENT));
    const plan = planRollout(
      [holding('a', DONE), ...under, ...names(5).map((name) => makeNode(name))],
      SETTINGS,
    );
    expect(plan.write).toEqual(['n01']);
  });

  it('does not try again what another leader has released', () => {
    const released = { revision: 'new', report: FRESH, isReleased: true };
    const plan = planRollout(
      [makeNode('a', { present: released, proof: { kind: 'Open' } }), makeNode('b')],
      SETTINGS,
    );
    expect(plan.write).toEqual(['b']);
    expect(plan.prove).toEqual([]);
    expect(plan.release).toEqual([]);
  });

  it('asks for the proof once the canary’s agent is done, and waits for it', () => {
    const proof: NodeProof = { kind: 'Open' };
    expect(planRollout([holding('a', SILENT, { proof }), makeNode('b', { proof })], SETTINGS).prove).toEqual(
      [],
    );
    const plan = planRollout([holding('a', DONE, { proof }), makeNode('b', { proof })], SETTINGS);
    expect(plan.prove).toEqual(['a']);
    expect(plan.write).toEqual([]);
    expect(reasons(plan)).toEqual({ a: 'InProgress', b: 'Canary' });
  });

  it.each<[string, RolloutNode, string]>([
    ['whose agent failed', holding('a', FAILED), 'the disk is full'],
    ['whose agent is silent', holding('a', { kind: 'Silent', forMs: 300_000 }), 'its agent does not report'],
    ['that is not Ready any more', holding('a', FRESH, { isReady: false }), 'has stopped being Ready'],
    [
      'on which the image cannot be pulled',
      holding('a', DONE, { proof: { kind: 'Failed', message: 'no such image' } }),
      'no such image',
    ],
  ])('stops at a node %s, released or not', (_name, node, message) => {
    for (const isReleased of [false, true]) {
      const { present } = node;
      const bad = present === undefined ? node : { ...node, present: { ...present, isReleased } };
      const plan = planRollout([bad, ...names(3).map((name) => makeNode(name))], SETTINGS);
      expect(plan.write).toEqual([]);
      expect(plan.standings.get('a')).toMatchObject({ kind: 'Failed' });
      expect(plan.standings.get('n02')).toMatchObject({ kind: 'Waiting', reason: 'Stopped' });
      const { message: told = '' } = plan.standings.get('n02') as { message?: string };
      expect(told).toContain('on node a: ');
      expect(told).toContain(message);
    }
  });

  it('starts anew with another revision, on a node that has not failed before', () => {
    const plan = planRollout(
      [holding('a', FAILED, { target: 'newer' }), makeNode('b', { target: 'newer' })],
      SETTINGS,
    );
    expect(plan.write).toEqual(['b']);
    expect(reasons(plan)).toEqual({ a: 'Canary', b: 'InProgress' });
  });

  it('keeps the failure of one revision from stopping another', () => {
    const plan = planRollout(
      [holding('a', FAILED), makeNode('b'), makeNode('c', { target: 'other runtime' })],
      SETTINGS,
    );
    expect(plan.write).toEqual(['c']);
  });

  it('leaves nodes that are not Ready alone, and a lost one that was well long ago is no failure', () => {
    const lost = holding('a', DONE, { isReady: false });
    const plan = planRollout(
      [lost, makeNode('b', { isReady: false }), makeNode('c'), holding('d', DONE)],
      SETTINGS,
    );
    expect(plan.write).toEqual(['c']);
    expect(reasons(plan)).toMatchObject({ a: 'UpToDate', b: 'NotReady' });
  });

  it('shares the room among revisions, canaries first', () => {
    const one: RolloutSettings = { ...SETTINGS, maxUnavailable: { kind: 'count', nodes: 1 } };
    const plan = planRollout(
      [holding('a', DONE), makeNode('b'), makeNode('c', { target: 'other runtime' })],
      one,
    );
    expect(plan.write).toEqual(['c']);
    expect(reasons(plan)).toMatchObject({ b: 'Batch' });
  });

  it.each<[NodeShare, number, number]>([
    [{ kind: 'count', nodes: 0 }, 20, 1],
    [{ kind: 'count', nodes: 7 }, 20, 7],
    [{ kind: 'percent', percent: 10 }, 20, 2],
    [{ kind: 'percent', percent: 10 }, 21, 3],
    [{ kind: 'percent', percent: 1 }, 3, 1],
  ])('takes %o of %i nodes as %i', (share, total, nodes) => {
    expect(resolveShare(share, total)).toBe(nodes);
  });
});

/** Agents and time, played through: each round carries the plan out, then agents answer as `fate` says. */
function play(fates: readonly string[], room: number) {
  const settings: RolloutSettings = { ...SETTINGS, maxUnavailable: { kind: 'count', nodes: room } };
  const nodes = new Map(fates.map((_, index) => [`n${index}`, makeNode(`n${index}`)]));
  let most = 0;
  let touchedBeforeRelease = 0;
  for (let round = 0; round < 4 * fates.length + 20; round += 1) {
    const plan = planRollout([...nodes.values()], settings);
    const isReleased = [...nodes.values()].some(({ present }) => present?.isReleased === true);
    for (const name of plan.write) nodes.set(name, holding(name, { kind: 'Silent', forMs: 0 }));
    for (const name of plan.release) {
      const node = nodes.get(name);
      if (node?.present !== undefined)
        nodes.set(name, { ...node, present: { ...node.present, isReleased: true } });
    }
    const held = [...nodes.values()].filter(({ present }) => present !== undefined);
    if (!isReleased && plan.release.length === 0)
      touchedBeforeRelease = Math.max(touchedBeforeRelease, held.length);
    most = Math.max(most, held.filter(({ present }) => present?.report.kind === 'Silent').length);
    for (const node of held) {
      const { present } = node;
      if (present === undefined) continue;
      const fate = fates[Number(node.name.slice(1))] ?? 'done';
      const { report } = present;
      if (report.kind === 'Silent' && fate === 'failed')
        nodes.set(node.name, { ...node, present: { ...present, report: FAILED } });
      else if (report.kind === 'Silent' && fate === 'done')
        nodes.set(node.name, { ...node, present: { ...present, report: { kind: 'Done', forMs: 0 } } });
      else if (report.kind !== 'Failed') {
        const aged = { ...report, forMs: report.forMs + 30_000 };
        nodes.set(node.name, { ...node, present: { ...present, report: aged } });
      }
    }
  }
  return { last: planRollout([...nodes.values()], settings), nodes, most, touchedBeforeRelease };
}

describe('a rollout played through', () => {
  it('never changes more nodes at once than it may, tries on one first, and ends', () => {
    const fate = fc.constantFrom('done', 'done', 'done', 'failed', 'silent');
    fc.assert(
      fc.property(
        fc.array(fate, { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 1, max: 6 }),
        (fates, room) => {
          const { last, nodes, most, touchedBeforeRelease } = play(fates, room);
          expect(most).toBeLessThanOrEqual(room);
          expect(touchedBeforeRelease).toBeLessThanOrEqual(1);
          expect(last.write).toEqual([]);
          const standings = [...last.standings.values()];
          const isStopped = standings.some(({ kind }) => kind === 'Failed');
          if (!isStopped) expect(standings.every(({ kind }) => kind === 'UpToDate')).toBe(true);
          // What a failure can reach is what was under way beside it.
          const bad = [...nodes.values()].filter(
            ({ name, present }) => present !== undefined && fates[Number(name.slice(1))] !== 'done',
          );
          expect(bad.length).toBeLessThanOrEqual(room);
        },
      ),
    );
  });
});
