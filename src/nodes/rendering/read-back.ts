// Read back: no text leaves here before a TOML parser has read out of it what was meant, in the same order.
import { parse } from 'smol-toml';

/** What a rendered text is to say: tables as objects with their keys in the order of the file. */
export type Meaning = Readonly<Record<string, unknown>>;

/**
 * Throws when the text says anything else than it means: then the writer has a bug, and nothing is written anywhere.
 * The order of keys counts, since containerd asks hosts in the order of the file.
 */
export function readBack(text: string, meaning: Meaning): void {
  // JSON keeps the order of keys, and knows every type that we write.
  if (JSON.stringify(parse(text)) === JSON.stringify(meaning)) return;
  throw new Error('a rendered file does not read back as it was meant');
}
