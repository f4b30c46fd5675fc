import { describe, expect, it } from 'vitest';
import { printRefusal, statusOf, type StatusFacts } from '../../src/agent/status.ts';
import { NODE_STATUS_BOUNDS } from '../../src/domain/node-bounds.ts';
import { finding } from '../../src/nodes/findings/finding.ts';
import { UPSTREAM } from './wanted.ts';

const FACTS: StatusFacts = {
  generation: 3,
  revision: '0123456789abcdef',
  state: 'UpToDate',
  messages: [],
  order: new Map([[UPSTREAM, UPSTREAM]]),
  runtime: { name: 'crio', version: '1.34.0' },
  report: { files: [{ path: '/etc/a', sha256: 'f'.repeat(64) }], conflicts: [], leftOut: [] },
  findings: [],
  agentVersion: '0.1.0',
};
const conflict = { path: '/etc/b', reason: 'NotOurs', message: 'somebody else made it' } as const;
const leftOut = {
  set: 's',
  prefix: UPSTREAM,
  endpoint: undefined,
  reason: 'NoMirrorLeft',
  message: 'none',
} as const;

describe('statusOf', () => {
  it('tells what is so, every list included, and says nothing when there is nothing to say', () => {
    expect(statusOf(FACTS)).toEqual({
      observedGeneration: 3,
      observedRevision: '0123456789abcdef',
      state: 'UpToDate',
      message: '',
      order: [{ prefix: UPSTREAM, first: UPSTREAM }],
      runtime: { name: 'crio', version: '1.34.0' },
      files: [{ path: '/etc/a', sha256: 'f'.repeat(64) }],
      conflicts: [],
      leftOut: [],
      findings: [],
      agentVersion: '0.1.0',
    });
  });

  it('gives lists and a runtime that replace older ones where nothing was run', () => {
    const status = statusOf({ ...FACTS, report: undefined, runtime: undefined });
    expect(status).toMatchObject({ files: [], conflicts: [], leftOut: [], runtime: null });
  });

  it('joins what there is to say', () => {
    const report = { files: [], conflicts: [conflict, conflict], leftOut: [] };
    const status = statusOf({ ...FACTS, messages: ['it failed', '', 'and\nagain'], report });
    expect(status.message).toBe('it failed. and again. 2 files are in the way, see conflicts');
  });

  it('cuts every list and text to what the API server takes, and says so', () => {
    const many = <T>(count: number, item: (index: number) => T): T[] =>
      Array.from({ length: count }, (_, i) => item(i));
    const long = '𝄞'.repeat(10_000);
    const status = statusOf({
      ...FACTS,
      revision: long,
      messages: [long],
      agentVersion: long,
      order: new Map(many(300, (i) => [`p${i}`, long])),
      runtime: { name: 'crio', version: long },
      report: {
        files: many(2000, (i) => ({ path: `${i}${long}`, sha256: 'f'.repeat(64) })),
        conflicts: many(100, () => ({ ...conflict, path: long, message: long })),
        leftOut: many(300, () => ({ ...leftOut, set: long, prefix: long, endpoint: long, message: long })),
      },
      findings: many(100, () => finding('NoRuntime', 'error', long, long)),
    });
    const bounds = NODE_STATUS_BOUNDS;
    expect(status.message.length).toBeLessThanOrEqual(bounds.message);
    expect(status.message.isWellFormed()).toBe(true);
    expect(status.observedRevision.length).toBeLessThanOrEqual(64);
    for (const key of ['order', 'files', 'conflicts', 'leftOut', 'findings'] as const) {
      expect(status[key]).toHaveLength(bounds[key]);
    }
    expect(status.files[0]?.path.length).toBeLessThanOrEqual(bounds.path);
    expect(status.conflicts[0]?.message.length).toBeLessThanOrEqual(bounds.sentence);
    expect(status.leftOut[0]?.set.length).toBeLessThanOrEqual(bounds.name);
    expect(status.leftOut[0]?.endpoint?.length).toBeLessThanOrEqual(512);
    expect(status.runtime?.version.length).toBeLessThanOrEqual(bounds.word);
    expect(statusOf({ ...FACTS, order: new Map(many(300, (i) => [`p${i}`, 'x'])) }).message).toBe(
      '172 more prefixes are not listed',
    );
  });
});

describe('printRefusal', () => {
  const problem = (path: string) => ({ path, code: 'Bad', message: 'it is bad', fix: 'Mend it' });

  it('says every problem, and that the node keeps what it has', () => {
    expect(printRefusal([problem('a'), problem('b')])).toEqual([
      'The data has 2 problems, so the node keeps what it has: a: it is bad [Bad]. Mend it',
      'b: it is bad [Bad]. Mend it',
    ]);
    expect(printRefusal([problem('a')])[0]).toContain('has a problem,');
  });
});
