// SHA-256 of texts: the one hash by which the pure parts tell contents apart, and which they are handed.
import { createHash } from 'node:crypto';

/** Lower-case hex, of the text in UTF-8. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
