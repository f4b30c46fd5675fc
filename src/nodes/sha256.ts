// SHA-256 (FIPS 180-4) of a text: what the plan and `sha256sum` on the node compare by. The platform's own is asynchronous or node's.

const PRIMES = 64;

/** The first 32 bits of the fraction of a root of each of the first 64 primes: the constants of sections 4.2.2 and 5.3.3. */
function fractions(root: number): Uint32Array {
  const found: number[] = [];
  for (let candidate = 2; found.length < PRIMES; candidate += 1) {
    if (!found.some((prime) => candidate % prime === 0)) found.push(candidate);
  }
  return Uint32Array.from(found, (prime) => (prime ** (1 / root) % 1) * 2 ** 32);
}

const ROUND = fractions(3);
const INITIAL = fractions(2).slice(0, 8);

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

function at(words: Uint32Array, index: number): number {
  return words[index] ?? 0;
}

/** Section 5.1.1: a one bit, zeros, the length in bits as 64 bits. */
function pad(bytes: Uint8Array): DataView {
  const size = Math.ceil((bytes.length + 9) / 64) * 64;
  const padded = new Uint8Array(size);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(size - 8, Math.floor((bytes.length * 8) / 2 ** 32));
  view.setUint32(size - 4, (bytes.length * 8) >>> 0);
  return view;
}

/** Section 6.2.2, step 1. */
function schedule(block: DataView, offset: number, words: Uint32Array): void {
  for (let index = 0; index < 16; index += 1) words[index] = block.getUint32(offset + index * 4);
  for (let index = 16; index < 64; index += 1) {
    const [late, early] = [at(words, index - 15), at(words, index - 2)];
    const small = rotate(late, 7) ^ rotate(late, 18) ^ (late >>> 3);
    const large = rotate(early, 17) ^ rotate(early, 19) ^ (early >>> 10);
    words[index] = at(words, index - 16) + small + at(words, index - 7) + large;
  }
}

/** Section 6.2.2, steps 2 to 4. */
function compress(state: Uint32Array, words: Uint32Array): void {
  const work = state.slice();
  for (let index = 0; index < 64; index += 1) {
    const [a, b, c, e, f, g] = [at(work, 0), at(work, 1), at(work, 2), at(work, 4), at(work, 5), at(work, 6)];
    const choice = (e & f) ^ (~e & g);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const first =
      at(work, 7) +
      (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
      choice +
      at(ROUND, index) +
      at(words, index);
    const second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + majority;
    work.copyWithin(1, 0, 7);
    work[4] = at(work, 4) + first;
    work[0] = first + second;
  }
  for (const [index, word] of work.entries()) state[index] = at(state, index) + word;
}

/** Lower-case hex of the hash of the text's UTF-8 bytes. */
export function sha256Hex(text: string): string {
  const padded = pad(new TextEncoder().encode(text));
  const state = INITIAL.slice();
  const words = new Uint32Array(64);
  for (let offset = 0; offset < padded.byteLength; offset += 64) {
    schedule(padded, offset, words);
    compress(state, words);
  }
  return Array.from(state, (word) => word.toString(16).padStart(8, '0')).join('');
}
