// Mutations: takes an object and breaks it somewhere: types, nulls, names, sizes, order, and keys that mean something to JavaScript.
import type { Random } from './random.ts';
import { RAW_DEEP, RAW_LITERALS, rawValue } from './raw-json.ts';
import { DECISION, SKIP } from './pods.ts';

type Holder = Record<string, unknown> | unknown[];

/** One place of an object: who holds it, and under which key. */
interface Place {
  readonly holder: Holder;
  readonly key: string | number;
}

const KEYS = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  'toJSON',
  'then',
  'length',
  '',
  '0',
  '-',
  'a/b~c~1',
  'image',
  'Image',
  'name',
  'reference',
  'annotations',
  'imagePullSecrets',
  'ephemeralContainers',
  DECISION,
  SKIP,
  '\u0000',
  'ключ',
  '\ud83d',
];

function isHolder(value: unknown): value is Holder {
  return typeof value === 'object' && value !== null;
}

function place(holder: Holder, key: string | number): Place {
  return { holder, key };
}

function get({ holder, key }: Place): unknown {
  return Array.isArray(holder) ? holder[Number(key)] : holder[key];
}

/** Own property even for `__proto__`: this is what JSON.parse makes of it on the other side. */
function set({ holder, key }: Place, value: unknown): void {
  if (Array.isArray(holder)) holder[Number(key)] = value;
  else Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function remove({ holder, key }: Place): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else Reflect.deleteProperty(holder, key);
}

/** Every place of an object, depth first. */
export function placesOf(root: unknown): Place[] {
  const found: Place[] = [];
  const open: unknown[] = [root];
  while (open.length > 0) {
    const holder = open.pop();
    if (!isHolder(holder)) continue;
    const keys = Array.isArray(holder) ? holder.keys() : Object.keys(holder);
    for (const key of keys) {
      const one = place(holder, key);
      found.push(one);
      open.push(get(one));
    }
  }
  return found;
}

function anyText(random: Random): string {
  return random.pick([
    '',
    ' ',
    'null',
    '\u0000',
    '\ud800',
    '😀'.repeat(random.below(50)),
    'ü'.repeat(random.below(2_000)),
    'x'.repeat(random.below(random.chance(0.02) ? 400_000 : 5_000)),
    '"}]}\'',
    '../../..',
    '__proto__',
  ]);
}

/** A value of any type. */
export function anyValue(random: Random): unknown {
  const dice = random.next();
  if (dice < 0.25) return null;
  if (dice < 0.5) return anyText(random);
  if (dice < 0.6) return random.pick([0, -1, 1.5, 2 ** 60, true, false]);
  if (dice < 0.7) return random.pick([[], {}, [[]], [null], [{}], { a: null }]);
  if (dice < 0.83) return rawValue(random.pick(RAW_LITERALS));
  if (dice < 0.84) return rawValue(random.pick(RAW_DEEP));
  return random.pick([[1, 'a', null], { name: 7 }, { image: {} }, [[[['x']]]], { [DECISION]: {} }]);
}

type Mutation = (random: Random, place: Place) => void;

function repeatElement(random: Random, { holder, key }: Place): void {
  if (!Array.isArray(holder)) return;
  const copy = structuredClone(holder[Number(key)]);
  const isSmall = (JSON.stringify(copy) ?? '').length < 1_000;
  const count = isSmall && random.chance(0.03) ? 500 : 1 + random.below(3);
  for (let index = 0; index < count; index += 1) holder.push(copy);
}

function insert(random: Random, at: Place): void {
  const value = get(at);
  if (Array.isArray(value)) value.splice(random.below(value.length + 1), 0, anyValue(random));
  else if (isHolder(value)) set(place(value, random.pick(KEYS)), anyValue(random));
}

function rename(random: Random, { holder, key }: Place): void {
  if (Array.isArray(holder)) return;
  const value = holder[key];
  Reflect.deleteProperty(holder, key);
  set(place(holder, random.pick([...KEYS, String(key).toUpperCase(), `${key} `])), value);
}

function wrap(random: Random, at: Place): void {
  const value = get(at);
  set(at, random.pick<unknown>([[value], { value }, [value, value], { '0': value, length: 1 }]));
}

/** Takes another place's value: an image where a name was, a container where a text was. */
function graft(random: Random, at: Place, all: readonly Place[]): void {
  const from = get(random.pick(all));
  if (from !== undefined) set(at, structuredClone(from));
}

const MUTATIONS: readonly Mutation[] = [
  (random, at) => set(at, anyValue(random)),
  (random, at) => set(at, anyValue(random)),
  (_random, at) => remove(at),
  (_random, at) => set(at, null),
  repeatElement,
  insert,
  insert,
  rename,
  wrap,
];

/** Breaks `root` in so many places, in place; returns the object that came of it, which may be no object any more. */
export function mutate(random: Random, root: unknown, times: number): unknown {
  const held = { root };
  for (let round = 0; round < times; round += 1) {
    const all = placesOf(held);
    if (all.length === 0) break;
    const at = random.pick(all);
    if (random.chance(0.12)) graft(random, at, all);
    else random.pick(MUTATIONS)(random, at);
  }
  return held.root;
}
