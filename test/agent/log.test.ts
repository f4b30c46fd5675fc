import { describe, expect, it } from 'vitest';
import { createLog } from '../../src/agent/log.ts';
import { Credential } from '../../src/domain/credential.ts';

const TIME = Date.parse('2026-11-21T18:00:00Z');

describe('createLog', () => {
  it('writes a line of JSON in the shape of the other processes', () => {
    const lines: string[] = [];
    createLog(
      'info',
      (line) => lines.push(line),
      () => TIME,
    ).warn({ node: 'n1', unmet: ['a'] }, 'said');
    expect(lines).toEqual([
      '{"level":"warn","time":"2026-11-21T18:00:00.000Z","node":"n1","unmet":["a"],"message":"said"}\n',
    ]);
  });

  it.each([
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
  ] as const)('at %s says %i of four', (level, count) => {
    const lines: string[] = [];
    const log = createLog(level, (line) => lines.push(line));
    log.debug({}, 'd');
    log.info({}, 'i');
    log.warn({}, 'w');
    log.error({}, 'e');
    expect(lines).toHaveLength(count);
  });

  it('keeps a line a line, and of a bounded length', () => {
    const lines: string[] = [];
    createLog('info', (line) => lines.push(line)).info({ error: `a\nb${'x'.repeat(100_000)}` }, 'said');
    expect(lines[0]?.trimEnd()).not.toContain('\n');
    expect(lines[0]?.length).toBeLessThan(2300);
  });

  it('cannot print a credential, even where a type lets one in', () => {
    const lines: string[] = [];
    const credential = new Credential({ username: 'u', password: 'hunter2' });
    createLog('info', (line) => lines.push(line)).info({ credential } as never, 'said');
    expect(lines[0]).toContain('[redacted]');
    expect(lines[0]).not.toContain('hunter2');
  });
});
