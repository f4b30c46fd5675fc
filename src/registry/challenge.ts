// Challenge: what a registry asks for in WWW-Authenticate (RFC 9110 section 11.6.1; distribution's token specification).

/** One challenge. Names of schemes and parameters are lower-case; of a parameter given twice the first counts. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** A header longer than this is garbage; reading on would only cost time. */
const MAX_HEADER_CHARACTERS = 8192;

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/uy;
const EQUALS = /[ \t]*=[ \t]*/uy;
const SEPARATORS = /[ \t,]*/uy;
// Bare values are read more widely than the grammar: some registries send URLs and scopes without quotes.
const BARE_VALUE = /[^\s,"]+/uy;

/** A cursor over one header value. */
class Scanner {
  position = 0;
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  get done(): boolean {
    return this.position >= this.text.length;
  }

  /** What the sticky pattern matches here, or '' without moving. */
  take(pattern: RegExp): string {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text)?.[0] ?? '';
    this.position += found.length;
    return found;
  }

  /** The inside of a quoted string, escapes undone; an unclosed one reaches to the end. */
  takeQuoted(): string {
    let value = '';
    for (this.position += 1; !this.done; this.position += 1) {
      const character = this.text[this.position] ?? '';
      if (character === '"') {
        this.position += 1;
        return value;
      }
      if (character === '\\') this.position += 1;
      value += this.text[this.position] ?? '';
    }
    return value;
  }

  takeValue(): string {
    return this.text[this.position] === '"' ? this.takeQuoted() : this.take(BARE_VALUE);
  }
}

function parseOne(header: string): Challenge[] {
  const scanner = new Scanner(header.slice(0, MAX_HEADER_CHARACTERS));
  const found: { scheme: string; parameters: Record<string, string> }[] = [];
  while (!scanner.done) {
    scanner.take(SEPARATORS);
    const name = scanner.take(TOKEN).toLowerCase();
    if (name === '') {
      scanner.position += 1; // garbage: step over it
      continue;
    }
    const current = found.at(-1);
    if (scanner.take(EQUALS) === '')
      found.push({ scheme: name, parameters: Object.create(null) as Record<string, string> });
    else {
      const value = scanner.takeValue();
      if (current) current.parameters[name] ??= value;
    }
  }
  return found;
}

/** Every challenge in one or more WWW-Authenticate headers, in order. Total: garbage gives fewer challenges, never an error. */
export function parseChallenges(headers: string | readonly string[] | undefined): Challenge[] {
  if (headers === undefined) return [];
  return (typeof headers === 'string' ? [headers] : headers).flatMap(parseOne);
}
