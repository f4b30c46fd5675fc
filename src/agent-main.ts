// Agent main: the entry point of the process on a node, a bundle of its own that loads node:* and smol-toml only.
import { runAgent } from './agent/main.ts';
import { VERSION } from './commands/version.ts';

const asked = new Promise<void>((resolve) => {
  process.once('SIGTERM', () => {
    resolve();
  });
  process.once('SIGINT', () => {
    resolve();
  });
});

process.exitCode = await runAgent({
  argv: process.argv.slice(2),
  version: VERSION,
  asked,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
