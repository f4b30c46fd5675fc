// Base64: text and bytes in the encoding of the Kubernetes API and of docker config files (RFC 4648, as Go reads it).

/** Encodes the UTF-8 bytes of a text, with padding. */
export function encodeBase64(text: string): string {
  let binary = '';
  for (const byte of new TextEncoder().encode(text)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

function hasRightLength(text: string, padding: 'padded' | 'unpadded'): boolean {
  const content = text.replace(/={1,2}$/, '');
  if (content.includes('=')) return false;
  return padding === 'padded' ? text.length % 4 === 0 : content === text && text.length % 4 !== 1;
}

/**
 * Decodes as Go's encoding/base64 does: line breaks are skipped, other white space is not; padding is there or not as
 * asked; left-over bits are not checked. undefined when it cannot be decoded.
 */
export function decodeBase64(text: string, padding: 'padded' | 'unpadded'): Uint8Array | undefined {
  const plain = text.replace(/[\r\n]+/g, '');
  if (/[^A-Za-z0-9+/=]/.test(plain) || !hasRightLength(plain, padding)) return undefined;
  return Uint8Array.from(atob(plain), (character) => character.charCodeAt(0));
}

/** UTF-8 bytes as text. A byte order mark is kept, so that JSON with one is refused as Go refuses it. */
export function decodeUtf8(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}
