// A layer of the demo's image: one file in a POSIX tar archive, the same bytes on every machine.

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
  magic: 257,
};

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, '0')}\0`;
}

function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, FIELD.name);
  block.write(octal(0o644, 7), FIELD.mode);
  block.write(octal(0, 7), FIELD.uid);
  block.write(octal(0, 7), FIELD.gid);
  block.write(octal(size, 11), FIELD.size);
  block.write(octal(0, 11), FIELD.mtime);
  block.write(' '.repeat(8), FIELD.checksum);
  block.write('0', FIELD.type);
  block.write('ustar\x0000', FIELD.magic);
  // The checksum is the sum of all bytes with its own field taken as blanks.
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)} `, FIELD.checksum);
  return block;
}

/**
 * A tar archive of one file, owned by root, dated 1970. Not compressed: what a compressor writes differs between zlib
 * versions, and the demo's digests should read the same everywhere. `name` is at most 100 ASCII characters.
 */
export function tarOfOneFile(name: string, text: string): Buffer {
  const content = Buffer.from(text, 'utf8');
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  const end = Buffer.alloc(2 * BLOCK);
  return Buffer.concat([header(name, content.length), content, padding, end]);
}
