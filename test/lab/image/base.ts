// The two base images of the product's Dockerfile, made here because public ones may be out of reach: Debian with Node, and npm on top.
import { copyFileSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { succeeds, run } from '../run.ts';
import { runContained, shortHash } from './podman.ts';
import type { Podman } from './podman.ts';
import { describeToolchain } from './toolchain.ts';
import type { Toolchain } from './toolchain.ts';

/** What Node 26 needs beyond Debian's smallest set of packages, and the public CAs. */
const PACKAGES = 'libatomic1,ca-certificates';
const SUITE = 'bookworm';
/** Not needed by any program in the image. */
const LEFT_OUT = [
  'var/cache/apt',
  'var/lib/apt/lists',
  'usr/share/doc',
  'usr/share/man',
  'usr/share/locale',
  'var/log',
];

/** What decides the Debian part. */
const RECIPE = [SUITE, PACKAGES, ...LEFT_OUT];

const DEBOOTSTRAP_MS = 10 * 60_000;
const IMPORT_MS = 5 * 60_000;

/** Names of the images in the store, without and with npm. */
export interface BaseImages {
  readonly base: string;
  readonly build: string;
}

/** Makes the base images unless the store has them. `scratch` is a folder for what is made on the way. */
export async function ensureBaseImages(
  podman: Podman,
  tools: Toolchain,
  where: { readonly cache: string; readonly scratch: string; readonly say: (line: string) => void },
): Promise<BaseImages> {
  const key = shortHash([...RECIPE, ...describeToolchain(tools)]);
  const images = { base: `localhost/lab-base:${key}`, build: `localhost/lab-build:${key}` };
  if ((await podman.has(images.base)) && (await podman.has(images.build))) return images;
  const debian = await ensureDebian(where);
  const began = performance.now();
  await podman.run(['import', debian, 'localhost/lab-debian:latest'], IMPORT_MS);
  await buildBase(podman, tools, { image: images.base, scratch: where.scratch });
  await buildBuild(podman, tools, { image: images.build, from: images.base, scratch: where.scratch });
  where.say(
    `image: base images with Node ${tools.nodeVersion} made in ${seconds(performance.now() - began)}`,
  );
  return images;
}

/** Debian's smallest root file system as a tar file, from its package archive; kept in the cache. */
async function ensureDebian(where: {
  readonly cache: string;
  readonly say: (line: string) => void;
}): Promise<string> {
  const target = path.join(where.cache, `debian-${shortHash(RECIPE)}.tar`);
  if (existsSync(target)) return target;
  if (!(await succeeds('debootstrap', ['--version'])))
    throw new Error('debootstrap is not installed: install the Debian package debootstrap');
  where.say('image: making a Debian root file system (once; about 30 s)');
  const began = performance.now();
  const folder = `${target}.partial`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    await runContained('debootstrap', ['--variant=minbase', `--include=${PACKAGES}`, SUITE, folder], {
      timeoutMs: DEBOOTSTRAP_MS,
    });
    for (const name of LEFT_OUT) rmSync(path.join(folder, name), { recursive: true, force: true });
    await run('tar', ['-C', folder, '--numeric-owner', '-cf', `${folder}.tar`, '.'], {
      timeoutMs: IMPORT_MS,
    });
    renameSync(`${folder}.tar`, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(`${folder}.tar`, { force: true });
  }
  where.say(`image: Debian root file system made in ${seconds(performance.now() - began)}`);
  return target;
}

async function buildBase(
  podman: Podman,
  tools: Toolchain,
  to: { readonly image: string; readonly scratch: string },
): Promise<void> {
  const context = freshContext(to.scratch, 'base');
  copyFileSync(tools.node, path.join(context, 'node'));
  await buildContext(podman, context, to.image, [
    'FROM localhost/lab-debian:latest',
    'COPY --chmod=0755 node /usr/local/bin/node',
  ]);
}

async function buildBuild(
  podman: Podman,
  tools: Toolchain,
  to: { readonly image: string; readonly from: string; readonly scratch: string },
): Promise<void> {
  const context = freshContext(to.scratch, 'build');
  cpSync(tools.npm, path.join(context, 'npm'), { recursive: true, verbatimSymlinks: true });
  writeFileSync(path.join(context, 'extra-ca.pem'), tools.caPem);
  const environment = {
    ...tools.npmEnvironment,
    ...(tools.caPem === '' ? {} : { NODE_EXTRA_CA_CERTS: '/lab/extra-ca.pem' }),
  };
  await buildContext(podman, context, to.image, [
    `FROM ${to.from}`,
    'COPY npm /usr/local/lib/node_modules/npm',
    'COPY extra-ca.pem /lab/extra-ca.pem',
    'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm',
    ...Object.entries(environment).map(([name, value]) => `ENV ${name}=${JSON.stringify(value)}`),
  ]);
}

function freshContext(scratch: string, name: string): string {
  const context = path.join(scratch, `context-${name}`);
  rmSync(context, { recursive: true, force: true });
  mkdirSync(context, { recursive: true });
  return context;
}

async function buildContext(
  podman: Podman,
  context: string,
  image: string,
  lines: readonly string[],
): Promise<void> {
  const file = path.join(path.dirname(context), `${path.basename(context)}.Containerfile`);
  writeFileSync(file, `${lines.join('\n')}\n`);
  const how = ['--isolation=chroot', '--network=host', '--pull=never'];
  await podman.run(['build', ...how, '-t', image, '-f', file, context], IMPORT_MS);
  rmSync(context, { recursive: true, force: true });
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
