// Garbage: bodies that are no AdmissionReview, each with the status that is the right answer to it.
import { nested } from './raw-json.ts';
import type { Random } from './random.ts';

export interface Garbage {
  readonly kind: string;
  readonly body: Buffer;
  readonly contentType: string;
}

const CONTENT_TYPES = [
  'application/json',
  'application/json',
  '',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'application/json; charset=utf-16',
  'application/vnd.kubernetes.protobuf',
  'nonsense',
] as const;

const VALID = JSON.stringify({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'u',
    resource: { resource: 'pods' },
    operation: 'CREATE',
    namespace: 'shop',
    object: {
      apiVersion: 'v1',
      kind: 'Pod',
      spec: { containers: [{ name: 'a', image: 'fra.example/ünï:1' }] },
    },
  },
});

function bytes(random: Random, length: number): Buffer {
  return Buffer.from(random.several(length, () => random.below(256)));
}

function review(over: Record<string, unknown>): string {
  return JSON.stringify({ ...(JSON.parse(VALID) as object), ...over });
}

/** JSON, but not a review that has a request with a uid. */
function wrongReview(random: Random): string {
  const request = random.pick<unknown>([
    null,
    'x',
    7,
    [],
    {},
    { uid: '' },
    { uid: 7 },
    { uid: null },
    { uid: ['u'] },
    [{ uid: 'u' }],
  ]);
  return random.pick([
    review({ request }),
    review({ request: undefined }),
    review({ kind: random.pick<unknown>(['Pod', 'admissionreview', null, 7, ['AdmissionReview'], '']) }),
    review({
      apiVersion: random.pick<unknown>(['admission.k8s.io/v1beta1', 'v1', null, {}, 'admission.k8s.io/v1 ']),
    }),
    `[${VALID}]`,
    JSON.stringify(VALID),
    `{"__proto__":${VALID}}`,
    `{"request":{"__proto__":{"uid":"u"}},"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}`,
  ]);
}

/** Not UTF-8 somewhere in what would otherwise be a review. */
function badUtf8(random: Random): Buffer {
  const text = Buffer.from(VALID, 'utf8');
  const bad = random.pick([
    [0xff],
    [0xc0, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf0, 0x9f, 0x98],
    [0xe2, 0x82],
    [0x80],
  ]);
  // Within the image, where any character would be taken.
  const at = text.indexOf('fra.example/') + 12;
  return Buffer.concat([text.subarray(0, at), Buffer.from(bad), text.subarray(at)]);
}

type Maker = (random: Random) => string | Buffer;

const MAKERS: Readonly<Record<string, Maker>> = {
  'random bytes': (random) => bytes(random, 1 + random.below(random.chance(0.05) ? 50_000 : 300)),
  'truncated JSON': (random) => Buffer.from(VALID, 'utf8').subarray(0, random.below(VALID.length)),
  'more behind it': (random) => VALID + random.pick(['x', '{}', ',', '\u0000', VALID, ']']),
  'something before it': (random) => random.pick(['\ufeff', '\u0000', ',', ")]}',\n"]) + VALID,
  'one byte changed': (random) => {
    const text = Buffer.from(VALID, 'utf8');
    // The first 20 bytes hold structure and the name of a field that must be there.
    text[1 + random.below(19)] = random.pick([0x00, 0xff, 0x7b, 0x5d, 0x27]);
    return text;
  },
  'a JSON value': (random) => random.pick(['null', '7', '"x"', 'true', '[]', '{}', '1e999', '-0', '[[]]']),
  'no JSON': (random) =>
    random.pick(['NaN', "{'a':1}", '{a:1}', 'undefined', '<xml/>', '\\', '{"a":01}', ' ']),
  'wrong review': wrongReview,
  'deep nesting': (random) =>
    random.pick([
      '['.repeat(100_000),
      nested(100_000),
      nested(50_000, '{"a":', '}', '1'),
      '{"a":'.repeat(50_000),
    ]),
  'bad UTF-8': badUtf8,
  'UTF-16': () => Buffer.from(VALID, 'utf16le'),
  'empty body': () => '',
};

/** One piece of garbage; the answer has to be 400. */
export function makeGarbage(random: Random): Garbage {
  const kind = random.pick(Object.keys(MAKERS));
  const made = MAKERS[kind]?.(random) ?? '';
  return { kind, body: Buffer.from(made), contentType: random.pick(CONTENT_TYPES) };
}

/** Bodies above the limit of 8 MiB; the answer has to be 413. */
export function makeTooLarge(random: Random): Garbage {
  const size = 8 * 1024 * 1024 + 1 + random.below(4 * 1024 * 1024);
  const body = random.chance(0.5) ? Buffer.alloc(size, '[') : Buffer.from(VALID.padEnd(size, ' '));
  return { kind: 'too large', body, contentType: random.pick(['application/json', 'text/plain', '']) };
}

/** What is not even HTTP, or HTTP that contradicts itself. */
export function makeWireGarbage(random: Random): Buffer {
  const head = 'POST /mutate HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n';
  return random.pick([
    () => bytes(random, 1 + random.below(500)),
    () => Buffer.from('GARBAGE\r\n\r\n'),
    () => Buffer.from(`${head}content-length: -1\r\n\r\n{}`),
    () => Buffer.from(`${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`),
    () => Buffer.from(`${head}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`),
    () => Buffer.from(`POST /mutate HTTP/1.1\r\nhost: a\r\n${'x: y\r\n'.repeat(20_000)}\r\n`),
    () => Buffer.from(`POST /mutate HTTP/9.9\r\n\r\n`),
  ])();
}
