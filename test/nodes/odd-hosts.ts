// Odd hosts: wanted data with strange text in every field. It is refused, left out, or rendered into files that read back as meant.
//
//   npm run test:odd-hosts -- --n 10000 --seed N
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { Credential } from '../../src/domain/credential.ts';
import { ownerOf } from '../../src/nodes/marker.ts';
import { DEFAULT_LAYOUT } from '../../src/nodes/node-file.ts';
import type { NodeFile } from '../../src/nodes/node-file.ts';
import { renderNode } from '../../src/nodes/rendering/render.ts';
import { parseNodeWanted } from '../../src/nodes/data/wanted-parse.ts';
import type { NodeWanted } from '../../src/nodes/data/wanted.ts';
import { CA_ONE, CA_TWO } from './cases.ts';

/** Pieces that mean something to TOML, to a shell, to a path, to a URL, or to nobody. */
const PIECES = [
  '"',
  '\\',
  "'",
  '"""',
  "'''",
  '\n',
  '\r\n',
  '\0',
  '\u007f',
  '\u001b[2J',
  '\u2028',
  '\u00a0',
  '\u202e',
  '\ud800',
  '😀',
  'ä',
  '[',
  ']',
  '[[',
  ']]',
  '=',
  '#',
  '# registry-failover owner=a/b (',
  ' ',
  '\t',
  '{',
  '}',
  ',',
  '..',
  '/',
  '//',
  '/../..',
  '$(id)',
  '`id`',
  '%2e',
  ':',
  ':0',
  ':65536',
  '@',
  '?',
  '*',
  '-----BEGIN CERTIFICATE-----',
  '-----END CERTIFICATE-----',
  '__proto__',
  'constructor',
  'host',
  'blocked = true',
];

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,4}[a-z0-9])?$/);
const port = fc.oneof(
  fc.constant(''),
  fc.integer({ min: 1, max: 65_535 }).map((number) => `:${number}`),
);
const path = fc
  .array(fc.stringMatching(/^[a-z0-9]+([._-][a-z0-9]+)?$/), { maxLength: 3 })
  .map((parts) => parts.map((part) => `/${part}`).join(''));
const name = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(label, label).map((labels) => labels.join('.')) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('docker.io', 'registry-1.docker.io', 'localhost', '[::1]', '[2001:db8::2]'),
  },
);
const rightPlace = fc.tuple(name, port, path).map((parts) => parts.join(''));

const oddText = fc.oneof(
  fc
    .array(fc.oneof(fc.constantFrom(...PIECES), label, rightPlace), { maxLength: 6 })
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 30 }),
);

function mostly<T>(right: fc.Arbitrary<T>, odd: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: 12, arbitrary: right }, { weight: 1, arbitrary: odd });
}

const place = mostly(rightPlace, oddText);
const ca = mostly(
  fc.constantFrom('', '', CA_ONE, CA_TWO, CA_ONE + CA_TWO),
  fc.tuple(oddText, fc.constantFrom(CA_ONE, ''), oddText).map((parts) => parts.join('')),
);

const host = fc
  .record({
    upstream: fc.record({ endpoint: place, caPem: ca }),
    mirrors: fc.uniqueArray(
      fc.record({ endpoint: place, caPem: ca, auth: fc.constantFrom('None', 'Node') }),
      {
        minLength: 1,
        maxLength: 3,
        selector: ({ endpoint }) => endpoint,
      },
    ),
    seed: fc.nat(),
  })
  .map(({ upstream, mirrors, seed }) => {
    const sources = [
      { ...upstream, role: 'Upstream', auth: 'None' },
      ...mirrors.map((mirror) => ({ ...mirror, role: 'Mirror' })),
    ];
    const turn = seed % sources.length;
    const endpoints = sources.map(({ endpoint }) => endpoint);
    return {
      prefix: upstream.endpoint,
      sources,
      order: [...endpoints.slice(turn), ...endpoints.slice(0, turn)],
    };
  });

/** Of the shape of the data, with anything in its texts. */
export const oddWanted = fc.record({
  version: fc.constant(1),
  revision: mostly(fc.constant('0123456789abcdef'), oddText),
  owner: mostly(fc.constant('registry-failover/registry-failover'), oddText),
  runtime: fc.record({
    name: fc.constantFrom('crio', 'containerd'),
    version: mostly(fc.constantFrom('1.28.0', '1.7.28', '2.0.5', '2.1.0', 'v2.3.7'), oddText),
  }),
  action: mostly(fc.constantFrom('Apply'), fc.constantFrom('Restore', 'Remove')),
  hosts: fc.uniqueArray(host, { maxLength: 4, selector: ({ prefix }) => prefix }),
});

export const oddLogin = fc.tuple(oddText, oddText);

type Odd = ReturnType<typeof oddWanted.generate>['value'];

const FOLDERS =
  /^\/etc\/(?:containers\/(?:registries\.conf\.d|certs\.d\/[\w.:[\]-]+)|containerd\/certs\.d\/[\w.:[\]-]+)\/[\w.-]+$/;

/** What every runtime reads as a registry, with or without a path; an odd one would cost the whole file, or a pull. */
const PLACE =
  /^(?:https:\/\/)?(?:\[[0-9a-f:]+\]|[a-z0-9][a-z0-9.-]*)(?::[1-9][0-9]{0,4})?(?:\/[a-z0-9._-]+)*$/;

interface Tables {
  readonly registry?: readonly {
    readonly prefix: string;
    readonly location: string;
    readonly mirror?: readonly { readonly location: string }[];
  }[];
  readonly server?: string;
  readonly host?: Readonly<Record<string, unknown>>;
}

/** The places that a file sends a runtime to, in its order, as a parser of its own reads them. */
function placesIn(content: string): readonly (readonly string[])[] {
  const tables = parse(content) as unknown as Tables;
  if (tables.server !== undefined) return [[...Object.keys(tables.host ?? {}), tables.server]];
  return (tables.registry ?? []).map(({ location, mirror = [] }) => [
    ...mirror.map((one) => one.location),
    location,
  ]);
}

function hostOf(text: string): string {
  return text.replace('https://', '').split('/', 1)[0]?.replace('registry-1.docker.io', 'docker.io') ?? '';
}

/** What is wrong with a file; undefined when nothing is. */
function faultOf({ path: filePath, content }: NodeFile, wanted: NodeWanted): string | undefined {
  if (!FOLDERS.test(filePath) || filePath.includes('/../'))
    return `a path outside of our folders: ${filePath}`;
  if (ownerOf(content) !== wanted.owner) return 'a file without its owner';
  if (!/\.(?:conf|toml)$/.test(filePath)) return undefined;
  for (const places of placesIn(content)) {
    const odd = places.find((one) => !PLACE.test(one));
    if (odd !== undefined) return `a place that is none: ${JSON.stringify(odd)}`;
    const orders = wanted.hosts.map(({ order }) => order.map(hostOf));
    const isKnown = orders.some((order) => isWithin(places.map(hostOf), order));
    // A table that says of a port that it is where it is.
    if (!isKnown && places.length > 1)
      return `places that nobody declared in this order: ${places.join(', ')}`;
  }
  return undefined;
}

/** Are these all in the list, in its order? */
function isWithin(texts: readonly string[], list: readonly string[]): boolean {
  let from = 0;
  return texts.every((text) => {
    const found = list.indexOf(text, from);
    from = found + 1;
    return found !== -1;
  });
}

/** What became of one run. `fault` is what must never be. */
export interface Trial {
  readonly files: number;
  readonly isAccepted: boolean;
  readonly fault?: string;
}

/** Renders the data, whether a check lets it through or not: nothing that is written may be wrong. */
export function tryOdd(odd: Odd, [username, password]: readonly [string, string]): Trial {
  const accepted = parseNodeWanted(odd, { allowedEndpoints: [] });
  const unchecked = { ...odd, owner: 'a/b', action: 'Apply' } as unknown as NodeWanted;
  const endpoints = odd.hosts.flatMap(({ sources }) => sources.map(({ endpoint }) => endpoint));
  const credential = new Credential({ username, password });
  const credentials = new Map(endpoints.map((endpoint) => [endpoint, credential] as const));
  const layout = { ...DEFAULT_LAYOUT, authFile: '/etc/crio/auth.json' };
  let files = 0;
  for (const wanted of accepted.ok ? [accepted.value, unchecked] : [unchecked]) {
    try {
      const rendered = renderNode({ wanted, layout, credentials });
      files += rendered.files.length;
      const fault = rendered.files.map((file) => faultOf(file, wanted)).find((one) => one !== undefined);
      if (fault !== undefined) return { files, isAccepted: accepted.ok, fault };
    } catch (error) {
      return { files, isAccepted: accepted.ok, fault: String(error) };
    }
  }
  return { files, isAccepted: accepted.ok };
}

function run(count: number, seed: number): number {
  const trials = fc
    .sample(fc.tuple(oddWanted, oddLogin), { numRuns: count, seed })
    .map(([odd, login]) => ({ odd, ...tryOdd(odd, login) }));
  const faults = trials.filter(({ fault }) => fault !== undefined);
  const files = trials.reduce((sum, trial) => sum + trial.files, 0);
  const accepted = trials.filter(({ isAccepted }) => isAccepted).length;
  for (const { odd, fault } of faults.slice(0, 3)) process.stdout.write(`${fault}\n${JSON.stringify(odd)}\n`);
  process.stdout.write(
    `odd hosts: ${trials.length} runs tried (seed ${seed}; the check let ${accepted} through), ${files} files rendered, ${faults.length} invalid files found\n`,
  );
  return trials.length === 0 || files === 0 || faults.length > 0 ? 1 : 0;
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { n: { type: 'string' }, seed: { type: 'string' } } });
  process.exitCode = run(Number(values.n ?? 10_000), Number(values.seed ?? Date.now() % 1_000_000));
}
