// A drill as a process that can be killed: `drill-process.ts SHELL FLAGS` with the flags as JSON, over a given shell instead of ssh.
import { LocalShell } from '../../../src/agent/local-shell.ts';
import { drillWith, readOrder } from '../../../src/commands/drill/drill.ts';
import type { DrillFlags } from '../../../src/commands/drill/drill.ts';

const [program = '', text = ''] = process.argv.slice(2);
const flags = JSON.parse(text) as DrillFlags;
const read = readOrder(flags);
if (!read.ok) throw new Error(JSON.stringify(read.error));
process.exitCode = await drillWith(new LocalShell({ program }), read.value.order, flags);
