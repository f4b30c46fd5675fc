// SHA-256 of a text: what the plan and `sha256sum` on the node compare by, and the cluster side too, which hands it to its pure parts.
import { createHash } from 'node:crypto';

/** Lower-case hex, of the text in UTF-8. */
export function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
