// Registry text: words that came from a registry, made safe for logs, annotations and terminals.

/** Longest text kept, in bytes of UTF-8: the bound of every detail in an audit record or annotation. */
export const MAX_REGISTRY_TEXT_BYTES = 200;

// Bidi overrides, zero-width characters and lone surrogates can make a line read as something else than it is.
const INVISIBLE = /[\p{Cf}\p{Cs}]|(?!\s)\p{Cc}/gu;
const BLANKS = /[\s\p{Zl}\p{Zp}]+/gu;
const WORD = /[^\s"'<>]+/gu;

/** `user:password@` at the start of what follows `//`. */
function withoutUserInfo(afterSlashes: string): string {
  const slash = afterSlashes.indexOf('/');
  const authority = slash < 0 ? afterSlashes : afterSlashes.slice(0, slash);
  return afterSlashes.slice(authority.lastIndexOf('@') + 1);
}

/** Signed URLs carry secrets in the query, some carry them before the `@`. Paths are cut like URLs. Linear in the length. */
function withoutSecrets(word: string): string {
  const slash = word.indexOf('/');
  if (slash < 0) return word;
  const isUrl = word.includes('//');
  const tail = word.slice(slash).search(isUrl ? /[?#]/u : /\?/u);
  const bare = tail < 0 ? word : word.slice(0, slash + tail);
  if (!isUrl) return bare;
  const [start = '', ...rest] = bare.split('//');
  return [start, ...rest.map(withoutUserInfo)].join('//');
}

function cutToBytes(text: string): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= MAX_REGISTRY_TEXT_BYTES) return text;
  let end = MAX_REGISTRY_TEXT_BYTES - 3; // room for the ellipsis, three bytes
  // A byte 10xxxxxx continues a character: never cut in front of one.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return `${new TextDecoder().decode(bytes.subarray(0, end))}…`;
}

/**
 * Strips control and invisible characters, queries, fragments and user info of URLs, collapses blanks, and cuts to
 * {@link MAX_REGISTRY_TEXT_BYTES} at the end of a character. Idempotent.
 */
export function cleanRegistryText(text: string): string {
  const visible = text.replace(INVISIBLE, '').replace(BLANKS, ' ').trim();
  return cutToBytes(visible.replace(WORD, withoutSecrets)).trimEnd();
}
