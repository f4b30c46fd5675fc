#!/usr/bin/env node
// Main: argv → sub-command → exit code. Sub-commands load lazily: a laptop's `explain` pays for no server, and the reverse.

/** As package.json's engines say; a test holds the two equal. */
const OLDEST_NODE = 24;

const { node } = process.versions;
// Before anything else is loaded: an older Node fails at the first word it does not know, with a stack trace.
if (Number.parseInt(node, 10) < OLDEST_NODE) {
  process.stderr.write(
    `error: registry-failover needs Node.js ${OLDEST_NODE} or newer, this is ${node}. In a clone, use npm start or npm run cli.\n`,
  );
  process.exitCode = 2;
} else {
  const { runCli } = await import('./commands/cli.ts');
  process.exitCode = await runCli(process.argv.slice(2));
}
