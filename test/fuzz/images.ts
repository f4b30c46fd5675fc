// Images: references that pods may name: well-formed ones inside and outside the sets, and everything else a field can hold.
import type { Random } from './random.ts';

const HEX = '0123456789abcdef';

const ODD: readonly string[] = [
  '',
  ' ',
  ':',
  '@',
  '/',
  'UPPER/case:tag',
  'FRA.Example/App:1',
  'http://fra.example/app',
  'fra.example/app:tag with space',
  'fra.example//app',
  'fra.example/app/',
  'fra.example/app:',
  'fra.example/app@',
  'fra.example/app@sha256:short',
  'fra.example/app:1@md5:d41d8cd98f00b204e9800998ecf8427e',
  'fra.example/../../etc/passwd',
  'fra.example/app?x=1#y',
  'fra.example:99999/app',
  'fra.example:/app',
  'user:pass@fra.example/app',
  '[::1]:5000/app:1',
  '[::1/app',
  'fra.example/äpp:1',
  'fra.example/app:1\n',
  'fra.example/app:\u0000',
  '\u202efra.example/app',
  'fra.example/app:\ud800',
  '😀/😀:😀',
  '~0~1/%2e%2e:1',
  '__proto__/constructor:prototype',
  'index.docker.io/library/nginx',
  'docker.io/nginx',
  'localhost/app',
  `fra.example/${'a'.repeat(300)}:1`,
  `fra.example/app:${'t'.repeat(129)}`,
  `fra.example/${'a/'.repeat(120)}z:1`,
];

const PATHS = ['app', 'team/app', 'team/deep/er/app', 'a__b/c-d.e', 'nginx', 'library/nginx'] as const;

/** The hosts that a scene knows: where its sets begin and where their mirrors are. */
export interface SceneHosts {
  readonly prefixes: readonly string[];
  readonly mirrors: readonly string[];
}

function tail(random: Random): string {
  const kind = random.below(4);
  if (kind === 0) return '';
  const tag = `:v${random.below(5)}`;
  const digest = `@sha256:${random.text(64, HEX)}`;
  return kind === 1 ? tag : kind === 2 ? digest : tag + digest;
}

/** An image that somebody could really write. */
export function plausibleImage(random: Random, hosts: SceneHosts): string {
  const host = random.chance(0.85) ? random.pick(hosts.prefixes) : random.pick(hosts.mirrors);
  const path = random.pick(PATHS);
  if (random.chance(0.05)) return path + tail(random);
  return `${host}/${path}${tail(random)}`;
}

/** Any text: mostly plausible, sometimes odd, sometimes huge. */
export function anyImage(random: Random, hosts: SceneHosts): string {
  const dice = random.next();
  if (dice < 0.75) return plausibleImage(random, hosts);
  if (dice < 0.97) return random.pick(ODD);
  return `${random.pick(hosts.prefixes)}/${'x'.repeat(random.below(20_000))}`;
}
