// The product's image in the lab: built from the repository's Dockerfile when something in it has changed, and pushed to its registry.
import { copyFileSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { labCache } from '../binaries.ts';
import { Journal } from '../journal.ts';
import type { RegistryPark } from '../registries/park.ts';
import { ensureBaseImages } from './base.ts';
import { Podman, shortHash } from './podman.ts';
import { describeToolchain, findToolchain } from './toolchain.ts';
import type { Toolchain } from './toolchain.ts';

export interface ProductImageOptions {
  readonly repoFolder: string;
  readonly park: Pick<RegistryPark, 'caFile' | 'registries'>;
  /** The lab's state. */
  readonly folder: string;
  readonly say: (line: string) => void;
}

export interface ProductImage {
  /** With its tag, as in a chart's values. */
  readonly reference: string;
  readonly repository: string;
  /** Stands for the contents: another tree is another tag. */
  readonly tag: string;
  readonly digest: string;
}

const HOST = 'platform.registry.test';
const NAME = 'registry-failover';
/** Everything that the Dockerfile copies, and what decides how. */
const INPUTS = [
  'Dockerfile',
  '.dockerignore',
  'package.json',
  'package-lock.json',
  '.npmrc',
  'tsconfig.json',
  'build.ts',
  'src/**/*',
];
const BUILD_MS = 10 * 60_000;
const PUSH_MS = 2 * 60_000;

/**
 * Answers the image of this working tree at platform.registry.test: the one that is there already when nothing that goes into
 * it has changed, else a new one. Writes it to `product-image.json` too. Throws with the end of what the build said.
 */
export async function ensureProductImage(options: ProductImageOptions): Promise<ProductImage> {
  const { repoFolder, park, folder, say } = options;
  const began = performance.now();
  const tools = await findToolchain(repoFolder);
  const tag = tagOf(repoFolder, tools);
  const repository = `${HOST}/${NAME}`;
  const place = { host: HOST, repository: NAME, tag } as const;
  const there = await park.registries.digestOf(place);
  if (there === undefined) await buildAndPush(options, tools, `${repository}:${tag}`);
  const digest = there ?? (await park.registries.digestOf(place));
  if (digest === undefined) throw new Error(`${repository}:${tag} was pushed and is not there`);
  const image = { reference: `${repository}:${tag}`, repository, tag, digest };
  writeFileSync(path.join(folder, 'product-image.json'), `${JSON.stringify(image, undefined, 2)}\n`);
  const what = there === undefined ? 'built and pushed' : 'is there already, unchanged';
  say(`image: ${image.reference} ${what} (${seconds(performance.now() - began)})`);
  return image;
}

/** What `up` made; undefined when it was told to leave the image out. */
export function findProductImage(folder: string): ProductImage | undefined {
  return existsSync(path.join(folder, 'product-image.json')) ? readProductImage(folder) : undefined;
}

/** What `up` made; throws when it was told to leave the image out. */
export function readProductImage(folder: string): ProductImage {
  return JSON.parse(readFileSync(path.join(folder, 'product-image.json'), 'utf8')) as ProductImage;
}

/** Not of digits alone, as a hash may be: `helm --set` reads those as a number, which the chart's schema refuses. */
function tagOf(repoFolder: string, tools: Toolchain): string {
  const files = globSync(INPUTS, { cwd: repoFolder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
  const texts = files.flatMap((file) => [path.relative(repoFolder, file), readFileSync(file)]);
  return `src-${shortHash([...describeToolchain(tools), ...texts])}`;
}

async function buildAndPush(
  options: ProductImageOptions,
  tools: Toolchain,
  reference: string,
): Promise<void> {
  const lock = readFileSync(path.join(options.repoFolder, 'package-lock.json'), 'utf8');
  const inputs = [...describeToolchain(tools), lock];
  const podman = Podman.open({ cache: labCache(), journal: Journal.open(options.folder), inputs });
  try {
    const began = performance.now();
    await build(podman, options, tools, reference);
    const built = performance.now();
    options.say(`image: built from the Dockerfile in ${seconds(built - began)}`);
    await push(podman, options, reference);
    options.say(`image: pushed in ${seconds(performance.now() - built)}`);
  } finally {
    podman.close();
  }
}

async function build(
  podman: Podman,
  { repoFolder, folder, say }: ProductImageOptions,
  tools: Toolchain,
  reference: string,
): Promise<void> {
  const scratch = path.join(folder, 'image');
  mkdirSync(scratch, { recursive: true, mode: 0o700 });
  const images = await ensureBaseImages(podman, tools, { cache: labCache(), scratch, say });
  const bases = [`BUILD_IMAGE=${images.build}`, `BASE_IMAGE=${images.base}`];
  const how = ['--isolation=chroot', '--network=host', '--pull=never', '--layers'];
  const args = bases.flatMap((one) => ['--build-arg', one]);
  const file = path.join(repoFolder, 'Dockerfile');
  await podman.run(['build', ...how, ...args, '-t', reference, '-f', file, repoFolder], BUILD_MS);
}

async function push(podman: Podman, { park, folder }: ProductImageOptions, reference: string): Promise<void> {
  const trust = path.join(folder, 'image', 'trust');
  mkdirSync(trust, { recursive: true });
  copyFileSync(park.caFile, path.join(trust, 'ca.crt'));
  await podman.run(['push', '--tls-verify=true', '--cert-dir', trust, reference], PUSH_MS);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
