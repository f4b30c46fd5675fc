// Drill at the command line: nothing is blocked before somebody has agreed to it.
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { DrillOrder } from '../../src/commands/drill/drill-run.ts';
import { drillWith, readOrder } from '../../src/commands/drill/drill.ts';
import type { DrillFlags } from '../../src/commands/drill/drill.ts';
import type { Shell } from '../../src/nodes/shell.ts';

const FLAGS: DrillFlags = {
  host: 'n1',
  registry: 'reg.example.com',
  image: 'reg.example.com/team/app:1',
  seconds: '10',
  containerdFolder: '/etc/containerd',
  output: 'text',
};
const GROUND = [
  'rf:address 192.0.2.7',
  ...['crictl', 'iptables', 'setsid', 'timeout'].map((tool) => `rf:tool ${tool}`),
  'rf:socket /run/crio/crio.sock',
  'rf:runtime crio',
  'rf:done',
].join('\n');

function orderOf(flags: DrillFlags): DrillOrder {
  const read = readOrder(flags);
  if (!read.ok) throw new Error('no order');
  return read.value.order;
}

/** A node that tells what there is, and what it was asked to run. */
function makeShell(): Shell & { readonly scripts: string[] } {
  const scripts: string[] = [];
  return {
    scripts,
    run: (script) => {
      scripts.push(script);
      return Promise.resolve({ ran: true, exit: 0, stdout: GROUND, stderr: '' });
    },
  };
}

function answer(line: string): void {
  const terminal = Object.assign(Readable.from([`${line}\n`]), { isTTY: true });
  vi.spyOn(process, 'stdin', 'get').mockReturnValue(terminal as unknown as typeof process.stdin);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a drill', () => {
  it('does not begin where there is nobody to ask', async () => {
    const shell = makeShell();
    expect(process.stdin.isTTY).not.toBe(true);
    expect(await drillWith(shell, orderOf(FLAGS), FLAGS)).toBe(2);
    expect(shell.scripts).toHaveLength(1);
  });

  it.each(['n', '', 'yesterday'])(
    'does not begin when the answer is %j, and has shown nothing',
    async (line) => {
      const shell = makeShell();
      answer(line);
      expect(await drillWith(shell, orderOf(FLAGS), FLAGS)).toBe(3);
      expect(shell.scripts).toHaveLength(1);
    },
  );

  it('begins when the answer is yes', async () => {
    const shell = makeShell();
    answer('y');
    expect(await drillWith(shell, orderOf(FLAGS), FLAGS)).toBe(3);
    expect(shell.scripts).toHaveLength(2);
  });

  it('begins without asking when it is told to', async () => {
    const shell = makeShell();
    // The node says nothing of a pull, so that it ends there.
    expect(await drillWith(shell, orderOf(FLAGS), { ...FLAGS, yes: true })).toBe(3);
    expect(shell.scripts).toHaveLength(2);
  });
});
