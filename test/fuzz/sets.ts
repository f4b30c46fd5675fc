// Sets: the declarations of the fuzz run: every credential source, mode and policy, and secrets of every kind.
import type { DeclaredObjects } from '../../src/admission/declared-state.ts';
import type { TrustAnchor } from '../../src/domain/endpoint.ts';
import type { MirrorSet } from '../../src/domain/mirror-set.ts';
import type { PullSecretObject } from '../../src/domain/pull-secret.ts';
import { makeMirror, makeSecret, makeSet } from '../support/make.ts';

/** Namespaces of the requests; `shop` has the labels that the selective set asks for. */
export const NAMESPACES = ['shop', 'other', 'default', '', 'ünïcode', '__proto__'] as const;

/** Pull secrets that exist in `shop`: good, good for two hosts, of the old type, broken, of no use, unreadable. */
export const SECRET_NAMES = [
  'regcred',
  'two-hosts',
  'old',
  'broken',
  'opaque',
  'unread',
  'unread-later',
  'gone',
];

const TRUST: TrustAnchor = { pem: 'not used', sha256: 'ab'.repeat(32) };

/** The sets of the table scenes, over hosts that do not exist: their answers come from a table. */
export function tableSets(): MirrorSet[] {
  const dc1 = makeSecret('dc1-pull', { 'dc1.example:5000': 'puller' });
  return [
    makeSet('fra.example', ['ams.example', 'lon.example/copies'], { name: 'plain' }),
    makeSet('fra.example/team', ['ams.example/elsewhere'], { name: 'longer', digestPolicy: 'Require' }),
    makeSet('docker.io', [makeMirror('mirror.example/hub', { source: 'None' })], { name: 'hub' }),
    makeSet('mixed.example', [
      makeMirror('dc1.example:5000', { source: 'Secret', secret: dc1 }),
      makeMirror('node.example', { source: 'Node' }),
      makeMirror('private.example', { source: 'None', trust: TRUST }),
    ]),
    makeSet('slow.example', ['ams.example/slow'], {
      on: new Set(['Unreachable', 'Failing', 'Throttled', 'Missing', 'Slow']),
      digestPolicy: 'Ignore',
    }),
    makeSet('watched.example', ['ams.example/watched'], { mode: 'Observe' }),
    makeSet('creds.example', ['ams.example/creds'], { mode: 'CredentialsOnly' }),
    makeSet('[::1]:5000', ['[2001:db8::1]:5000/six'], { name: 'six' }),
    makeSet('some.example', ['ams.example/some'], {
      namespaceSelector: { matchLabels: { team: 'shop' }, matchExpressions: [] },
    }),
  ];
}

function secret(name: string, type: string, data: Record<string, unknown> | string): PullSecretObject {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  const key = type === 'kubernetes.io/dockercfg' ? '.dockercfg' : '.dockerconfigjson';
  return { name, type, data: { [key]: Buffer.from(text, 'utf8').toString('base64') } };
}

function login(hosts: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    hosts.map((host) => [host, { auth: Buffer.from('alice:wonder').toString('base64') }]),
  );
}

/** All objects in force, for these sets; `hosts` are those that the good secrets hold a login for. */
export function declaredObjects(sets: readonly MirrorSet[], hosts: readonly string[]): DeclaredObjects {
  const json = 'kubernetes.io/dockerconfigjson';
  const secrets = [
    secret('regcred', json, { auths: login(hosts.slice(0, 1)) }),
    secret('two-hosts', json, { auths: login(hosts) }),
    secret('old', 'kubernetes.io/dockercfg', login(hosts)),
    secret('broken', json, '{"auths":{"x":{"auth":"%%%"}}}'),
    secret('opaque', 'Opaque', {}),
  ];
  return {
    sets,
    namespaceLabels: new Map([['shop', { team: 'shop' }]]),
    secrets: secrets.map((one) => ({ ...one, namespace: 'shop' })),
    standIn: undefined,
  };
}
