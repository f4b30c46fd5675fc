// Registries: ten upstreams and two mirrors in a process of their own, told over IPC what is to go wrong.
import { readFileSync } from 'node:fs';
import { buildImage } from '../src/demo/image.ts';
import type { Fault } from '../src/demo/faults.ts';
import { DemoRegistry } from '../src/demo/registry.ts';
import { BENCH_IMAGES, SETS } from './reviews.ts';

/** Upstreams and mirrors have an address each, so that a packet filter can tell them apart. */
export const UPSTREAM_ADDRESS = '127.0.0.2';
export const MIRROR_ADDRESS = '127.0.0.3';
const MIRRORS = 2;

/** The ordinary tag, and those that the load asks for once each: `c00000` and on. */
export const TAG = '1.4.2';
export const DISTINCT_TAGS = 20_000;
/** As many of them are at the mirrors too: an outage asks for few. */
const DISTINCT_AT_MIRRORS = 2_000;

/** Where they listen, `address:port`. */
export interface Places {
  readonly upstreams: readonly string[];
  readonly mirrors: readonly string[];
}

/** What the parent may ask; answered with `done`. */
export interface Order {
  readonly who: 'upstreams' | 'mirrors';
  readonly fault: Fault;
}

/** Where set `index` has its copies at a mirror. */
export function copiesPath(index: number): string {
  return `copies-${index}`;
}

export function distinctTag(number: number): string {
  return `c${String(number).padStart(5, '0')}`;
}

function start(address: string, name: string, tls: { certificatePem: string; keyPem: string }) {
  return DemoRegistry.start({
    name,
    address,
    tls,
    account: { username: 'alice', password: () => 'wonder' },
    // A token is fetched once per repository and used for the whole run.
    tokenSeconds: 3_600,
  });
}

function publish(upstreams: readonly DemoRegistry[], mirrors: readonly DemoRegistry[]): void {
  for (const { set, repository } of BENCH_IMAGES) {
    const image = buildImage({ text: repository });
    const tags = [TAG, ...Array.from({ length: DISTINCT_TAGS }, (_, index) => distinctTag(index))];
    for (const tag of tags) upstreams[set]?.publish(repository, tag, image);
    for (const tag of tags.slice(0, DISTINCT_AT_MIRRORS)) {
      for (const mirror of mirrors) mirror.publish(`${copiesPath(set)}/${repository}`, tag, image);
    }
  }
}

async function serve(certPath: string, keyPath: string): Promise<void> {
  const tls = { certificatePem: readFileSync(certPath, 'utf8'), keyPem: readFileSync(keyPath, 'utf8') };
  const upstreams: DemoRegistry[] = [];
  for (let index = 0; index < SETS; index += 1) {
    upstreams.push(await start(UPSTREAM_ADDRESS, `upstream-${index}`, tls));
  }
  const mirrors: DemoRegistry[] = [];
  for (let index = 0; index < MIRRORS; index += 1) {
    mirrors.push(await start(MIRROR_ADDRESS, `mirror-${index}`, tls));
  }
  publish(upstreams, mirrors);
  process.on('message', ({ who, fault }: Order) => {
    for (const registry of who === 'upstreams' ? upstreams : mirrors) registry.fault = fault;
    process.send?.('done');
  });
  // Without a parent there is nobody to serve.
  process.on('disconnect', () => process.exit(0));
  const places: Places = {
    upstreams: upstreams.map((one) => one.hostPort),
    mirrors: mirrors.map((one) => one.hostPort),
  };
  process.send?.(places);
}

const [certPath, keyPath] = process.argv.slice(2);
if (import.meta.main && certPath !== undefined && keyPath !== undefined) await serve(certPath, keyPath);
