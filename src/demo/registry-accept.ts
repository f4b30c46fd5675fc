// Accept negotiation for manifests: whether a client has said that it takes this media type.

/** One range of the header without parameters; undefined when the client ruled it out by `q=0`. */
function parseRange(text: string): string | undefined {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  return parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter)) ? undefined : type;
}

/** True when `accept` covers `mediaType`. A client that sends no header, or an empty one, takes what it gets. */
export function accepts(accept: string | undefined, mediaType: string): boolean {
  if (accept === undefined || accept.trim() === '') return true;
  const family = `${mediaType.slice(0, mediaType.indexOf('/'))}/*`;
  const ranges = accept.split(',').map(parseRange);
  return ranges.some((range) => range === mediaType || range === family || range === '*/*');
}
