// Runs in a network namespace of its own: a registry behind an address that DROPs. Prints one JSON object.
import { execFileSync } from 'node:child_process';
import { indexManifest, MisbehavingRegistry } from '../support/misbehaving-registry.ts';
import { clientFor, endpointOf, questionOf } from './client.ts';

const ADDRESS = '127.9.9.9';
const QUESTIONS = 20;

function drop(turn: '-A' | '-D'): void {
  execFileSync('iptables', [turn, 'INPUT', '-i', 'lo', '-d', ADDRESS, '-j', 'DROP'], { stdio: 'ignore' });
}

const registry = await MisbehavingRegistry.start({
  name: 'drop.registry.test',
  address: ADDRESS,
  images: { 'team/app': { '1.0': indexManifest() } },
});
const client = clientFor([registry]);

async function askAll(): Promise<{ outcomes: string[]; details: string[]; longestMs: number }> {
  const found = await Promise.all(
    Array.from({ length: QUESTIONS }, async () => {
      const started = performance.now();
      const { outcome, detail = '' } = await client.head(questionOf(registry), 5000);
      return { outcome, detail, ms: performance.now() - started };
    }),
  );
  return {
    outcomes: [...new Set(found.map(({ outcome }) => outcome))],
    details: [...new Set(found.map(({ detail }) => detail))],
    longestMs: Math.max(...found.map(({ ms }) => ms)),
  };
}

drop('-A');
const cold = await askAll();
drop('-D');
const healed = await askAll();
drop('-A');
const warm = await askAll();
const started = performance.now();
const ping = { ...(await client.ping(endpointOf(registry), 5000)), ms: performance.now() - started };
drop('-D');
await client.close();
await registry.stop();
process.stdout.write(JSON.stringify({ cold, healed, warm, ping }));
