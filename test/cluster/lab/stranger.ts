// Stranger: a server in a registry's place that shows a certificate which nobody trusts, as after a wrong renewal. A program of its own as well.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';
import { issueCa, issueServing, validFor } from '../../../src/certificates/issue.ts';
import type { Registries } from '../../lab/registries/client.ts';
import type { RegistryHost } from '../../lab/registries/records.ts';

interface Orders {
  readonly address: string;
  readonly cert: string;
  readonly key: string;
}

/** Stops the registry and listens where it did. Answers what sends the stranger away; the registry is to be started after that. */
export async function letStrangerStandIn(
  registries: Registries,
  host: RegistryHost,
): Promise<() => Promise<void>> {
  const { netns, address } = registries.record(host);
  const validity = validFor(1, new Date());
  const ca = await issueCa({ name: 'nobody knows it', validity });
  const { certificatePem: cert, keyPem: key } = await issueServing(ca, { names: [host], validity });
  await registries.stop(host);
  // `ip netns exec` becomes the program: its pid is the server's.
  const server = spawn('ip', ['netns', 'exec', netns, process.execPath, import.meta.filename], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(server, 'exit');
  const orders: Orders = { address, cert, key };
  server.stdin.end(JSON.stringify(orders));
  await Promise.race([
    once(server.stdout, 'data'),
    ended.then(() => {
      throw new Error(`the stranger could not listen in the place of ${host}`);
    }),
  ]);
  return async () => {
    server.kill('SIGKILL');
    await ended;
  };
}

if (import.meta.main) {
  const { address, cert, key } = JSON.parse(await text(process.stdin)) as Orders;
  const server = createServer({ cert, key }, (_request, response) => {
    response.writeHead(200).end();
  });
  server.listen(443, address, () => process.stdout.write('listening\n'));
}
