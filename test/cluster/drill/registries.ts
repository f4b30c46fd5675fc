// Two registries with one image, for a network namespace of their own: run by `ip netns exec`, ended by the end of its input.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { issueCa, issueServing, validFor } from '../../../src/certificates/issue.ts';
import { Credential } from '../../../src/domain/credential.ts';
import { buildImage } from '../../../src/demo/image.ts';
import { DemoRegistry } from '../../../src/demo/registry.ts';
import { ACCOUNT, PLACES, PORT } from './places.ts';

const [folder = ''] = process.argv.slice(2);
const validity = validFor(1, new Date());
const ca = await issueCa({ name: 'drill test', validity });
const account = new Credential(ACCOUNT);
const image = buildImage({ text: 'drill' });

for (const [name, address] of Object.entries(PLACES)) {
  const tls = await issueServing(ca, { names: [`${name}.test`, address], validity });
  const registry = await DemoRegistry.start({ name, address, port: PORT, tls, account });
  registry.publish('team/app', '1.0', image);
}
writeFileSync(path.join(folder, 'ca.crt'), ca.certificatePem);
process.stdout.write('ready\n');
process.stdin.resume().on('end', () => process.exit(0));
