#!/usr/bin/env node
// Main: argv → sub-command → exit code. Sub-commands load lazily: a laptop's `explain` pays for no server, and the reverse.
import { runCli } from './commands/cli.ts';

process.exitCode = await runCli(process.argv.slice(2));
