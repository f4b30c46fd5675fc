// A tar archive with the same bytes on every machine: folders, files and symbolic links, owned by root, dated 1970.
// The demo writes one of its own (src/demo/registry-layer.ts), of one file: folders and links would be code in the product
// for the sake of its tests, and images must not change here because the demo's do.

export type TarEntry =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly bytes: Buffer }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

const BLOCK = 512;

/** Where each field of a ustar header starts (POSIX.1-2017, pax, "ustar Interchange Format"). */
const FIELD = {
  name: 0,
  mode: 100,
  uid: 108,
  gid: 116,
  size: 124,
  mtime: 136,
  checksum: 148,
  type: 156,
  target: 157,
  magic: 257,
};
const TYPE = { file: '0', link: '2', folder: '5' };
/** Longer names take a second field, which nobody here needs. */
const LONGEST_NAME = 100;

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, '0')}\0`;
}

function modeOf(entry: TarEntry): number {
  if (entry.kind === 'file') return entry.mode;
  return entry.kind === 'folder' ? 0o755 : 0o777;
}

function header(entry: TarEntry, size: number): Buffer {
  const target = entry.kind === 'link' ? entry.target : '';
  for (const name of [entry.path, target]) {
    if (Buffer.byteLength(name) > LONGEST_NAME) throw new Error(`${name} is too long for this tar`);
  }
  const block = Buffer.alloc(BLOCK);
  block.write(entry.path, FIELD.name);
  block.write(octal(modeOf(entry), 7), FIELD.mode);
  block.write(octal(0, 7), FIELD.uid);
  block.write(octal(0, 7), FIELD.gid);
  block.write(octal(size, 11), FIELD.size);
  block.write(octal(0, 11), FIELD.mtime);
  block.write(' '.repeat(8), FIELD.checksum);
  block.write(TYPE[entry.kind], FIELD.type);
  block.write(target, FIELD.target);
  block.write('ustar\x0000', FIELD.magic);
  // The checksum is the sum of all bytes with its own field taken as blanks.
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)} `, FIELD.checksum);
  return block;
}

/** Writes the archive, entries in the order given. Not compressed: compressors differ, and digests should not. */
export function writeTar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const bytes = entry.kind === 'file' ? entry.bytes : Buffer.alloc(0);
    const padding = Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK);
    return [header(entry, bytes.length), bytes, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}
