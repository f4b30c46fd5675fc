// Free ports below the range that outgoing connections use.
import { createServer } from 'node:net';
import { randomInt } from 'node:crypto';

/**
 * Below 32768, where Linux takes the ports of outgoing connections from: a client that dials a port of that range while its
 * server restarts may be given that very port as its own, and then holds it.
 */
const FIRST = 20_000;
const END = 32_000;
const TRIES = 200;

/** So many different ports that nobody listens on at this moment. */
export async function freePorts(count: number, address: string): Promise<readonly number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries > TRIES) throw new Error(`no free port at ${address} between ${FIRST} and ${END}`);
    const port = randomInt(FIRST, END);
    if (!found.has(port) && (await isFree(port, address))) found.add(port);
  }
  return [...found];
}

function isFree(port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, address, () => server.close(() => resolve(true)));
  });
}
