// What people and machines are told of all nodes: table, reasons, exit code, and no credential.
import { describe, expect, it } from 'vitest';
import { nodesData } from '../../src/commands/nodes/nodes-data.ts';
import { exitOf, outcomeOf, plainResult } from '../../src/commands/nodes/nodes-result.ts';
import type { NodeResult } from '../../src/commands/nodes/nodes-result.ts';
import { renderNodes } from '../../src/commands/nodes/nodes-text.ts';
import type { NodesReport } from '../../src/commands/nodes/nodes-text.ts';
import type { NodesCommand } from '../../src/commands/nodes/nodes-words.ts';

const CRIO = { name: 'crio', version: '1.34.0' } as const;
const WRITE = { path: '/etc/f', action: 'write', secret: false, before: 'a\n', after: 'b\n' } as const;
const SECRET = { path: '/etc/auth.json', action: 'write', secret: true } as const;
const CONFLICT = { path: '/etc/h', reason: 'NotOurs', message: 'somebody else made it' } as const;
const GRAVE = {
  code: 'ContainerdConfigPathEmpty',
  severity: 'error',
  message: 'it is not read',
  fix: 'Set it',
} as const;
const HINT = {
  code: 'CrioAutoReload',
  severity: 'warning',
  message: 'it reloads by itself',
  fix: 'Nothing',
} as const;

function result(node: string, state: NodeResult['state'], parts: Partial<NodeResult> = {}): NodeResult {
  return { ...plainResult(node, state), runtime: CRIO, ...parts };
}

function report(results: readonly NodeResult[], parts: Partial<NodesReport> = {}): NodesReport {
  return {
    command: 'apply',
    isDryRun: false,
    hasDeclarations: true,
    owner: 'ssh/x',
    results,
    outcome: outcomeOf(results),
    ...parts,
  };
}

const LEFT_OUT = [
  { set: 'ocir', prefix: 'fra', endpoint: 'ams', reason: 'CredentialNotSent', message: 'Never sent.' },
] as const;
const DELETE = { path: '/etc/f', action: 'delete', secret: false, before: 'a\n' } as const;

const plain = (_: string, text: string): string => text;

function text(results: readonly NodeResult[], parts: Partial<NodesReport> = {}): string {
  return renderNodes(report(results, parts), plain).join('\n');
}

describe('the exit code', () => {
  const lost = plainResult('n', 'not-reached', 'n: gone');
  it.each<readonly [string, readonly NodeResult[], NodesCommand, number]>([
    ['all done', [result('a', 'changed'), result('b', 'unchanged')], 'apply', 0],
    ['all restored', [result('a', 'restored')], 'restore', 0],
    ['a dry run that finds something', [result('a', 'differs')], 'apply', 0],
    ['a diff that finds something', [result('a', 'differs'), result('b', 'unchanged')], 'diff', 1],
    ['a status that finds drift', [result('a', 'differs')], 'status', 1],
    ['one has failed', [result('a', 'changed'), result('b', 'rolled-back')], 'apply', 4],
    ['one was not reached', [result('a', 'changed'), lost], 'apply', 4],
    ['a diff with one not reached', [result('a', 'differs'), lost], 'diff', 4],
    ['nothing is known of any', [lost, lost, plainResult('c', 'not-tried')], 'apply', 3],
    [
      'a file of somebody else is in the way',
      [result('a', 'changed', { conflicts: [CONFLICT] })],
      'apply',
      4,
    ],
    ['what was written has no effect', [result('a', 'changed', { findings: [GRAVE] })], 'apply', 4],
    ['something is merely good to know', [result('a', 'changed', { findings: [HINT] })], 'apply', 0],
    ['all is left out', [result('a', 'unchanged', { leftOut: LEFT_OUT })], 'apply', 4],
    ['all is left out, and was found so', [result('a', 'unchanged', { leftOut: LEFT_OUT })], 'status', 4],
    ['no set is for the node', [result('a', 'unchanged')], 'apply', 0],
    [
      'something is left out, and the rest is there',
      [result('a', 'unchanged', { leftOut: LEFT_OUT, files: ['/etc/f'] })],
      'apply',
      0,
    ],
    [
      'something is left out, and the rest would be written',
      [result('a', 'differs', { leftOut: LEFT_OUT, changes: [WRITE] })],
      'apply',
      0,
    ],
    [
      'all is left out, and what is there would go',
      [result('a', 'differs', { leftOut: LEFT_OUT, changes: [DELETE], files: ['/etc/f'] })],
      'diff',
      4,
    ],
  ])('%s', (_, results, command, exit) => {
    expect(exitOf(outcomeOf(results), command === 'diff' || command === 'status')).toBe(exit);
  });
});

describe('renderNodes', () => {
  it('has a row for each node, and says what to do about those that failed', () => {
    expect(
      text([
        result('a', 'changed', { changes: [WRITE, SECRET], notes: ['CRI-O told to read it'] }),
        result('worker-10', 'rolled-back', { error: 'CRI-O did not take it', changes: [WRITE] }),
        plainResult('c', 'not-reached', 'c: no ssh server answers there'),
        plainResult('d', 'not-tried'),
      ]),
    ).toBe(`NODE       RUNTIME       STATE        WHAT
a          cri-o 1.34.0  applied      2 written, CRI-O told to read it
worker-10  cri-o 1.34.0  rolled back  see below
c          -             not reached  see below
d          -             not tried

What went wrong
  - worker-10: CRI-O did not take it.
  - c: no ssh server answers there.

1 applied, 1 rolled back, 1 not reached, 1 not tried. Nothing was begun after
the failure; put it right and run the command again.`);
  });

  it('does not speak of a failure where somebody has only interrupted it', () => {
    const shown = text([result('a', 'changed', { changes: [WRITE] }), plainResult('b', 'not-tried')]);
    expect(shown).toContain('1 applied, 1 not tried. The others were not begun; run the command again.');
    expect(shown).not.toContain('failure');
  });

  it('shows each diff once, with the nodes that have it, and none of a file with credentials', () => {
    const changes = [WRITE, SECRET];
    const shown = text(
      [
        result('a', 'differs', { changes }),
        result('b', 'differs', { changes }),
        result('c', 'differs', { changes: [WRITE] }),
      ],
      { isDryRun: true },
    );
    expect(shown).toContain(`# a, b
--- /etc/f
+++ /etc/f
@@ -1 +1 @@
-a
+b
+++ /etc/auth.json (holds credentials: not shown)

# c
--- /etc/f`);
    expect(shown).toMatch(/3 would change\. nodes apply would do it\.$/);
  });

  it('gathers nodes of which the same is to be said', () => {
    const nodes = ['a', 'b', 'c', 'd', 'e', 'f'].map((node) =>
      result(node, 'changed', { conflicts: [CONFLICT], findings: [GRAVE, HINT] }),
    );
    const shown = text(nodes);
    expect(shown).toContain('  - a, b, c, d and 2 more: it is not read. Set it.');
    expect(shown).toContain('  - a, b, c, d and 2 more: /etc/h: somebody else made it');
    expect(shown).toContain('  - a, b, c, d and 2 more: it reloads by itself. Nothing.');
  });

  it('says once what is declared and not written', () => {
    const parts = { leftOut: LEFT_OUT, files: ['/etc/f'] };
    const shown = text([result('a', 'unchanged', parts), result('b', 'unchanged', parts)]);
    expect(shown).toContain('Declared, and not written to nodes\n  - ocir, ams: Never sent. (a, b)');
    expect(shown).not.toContain('no file');
    expect(shown).toMatch(/2 nothing to do\. Nothing was changed on any node\.$/);
  });

  it('says of a node that nothing could be written there', () => {
    const shown = text([result('a', 'unchanged', { leftOut: LEFT_OUT })]);
    expect(shown).toMatch(
      /^a .* nothing to do {2}no file: nothing of what is declared can be written here$/m,
    );
  });

  it('speaks of status in its own words', () => {
    const results = [
      result('a', 'unchanged', { files: ['/etc/f'] }),
      plainResult('b', 'not-reached', 'b: gone'),
    ];
    expect(text(results, { command: 'status' })).toMatch(
      /a {5}cri-o 1\.34\.0 {2}up to date {3}1 file of ours\nb {5}- {13}not reached {2}see below/,
    );
    expect(text(results, { command: 'status', hasDeclarations: false })).toMatch(/a .* seen/);
  });

  it('does not let a node steer the terminal', () => {
    const nasty = 'x\u001B[2Jy';
    const shown = text([
      result('a', 'failed', { error: nasty, notes: [nasty], conflicts: [{ ...CONFLICT, message: nasty }] }),
    ]);
    expect(shown).not.toContain('\u001B');
  });
});

describe('nodesData', () => {
  it('has the same for machines, without the text of files', () => {
    const data = nodesData(report([result('a', 'changed', { changes: [WRITE, SECRET], ms: 12.7 })]), [
      'a note',
    ]);
    expect(data).toMatchObject({
      kind: 'nodes',
      v: 1,
      command: 'apply',
      dryRun: false,
      result: 'done',
      notes: ['a note'],
      nodes: [{ node: 'a', state: 'changed', runtime: CRIO, error: null, ms: 13 }],
    });
    expect(JSON.stringify(data)).not.toContain('"before"');
  });
});
