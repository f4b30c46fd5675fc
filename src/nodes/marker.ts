// Marker: the first line of every file of ours, by which it is known again, with the installation that it belongs to.

/** What an owner's id looks like: it stands in a comment of a file. */
export const OWNER = /^[a-z0-9./-]{1,128}$/;

const LINE = /^# registry-failover owner=([a-z0-9./-]{1,128}) \(/;

/** Is it fit to be written into a file? */
export function isOwner(text: string): boolean {
  return OWNER.test(text);
}

/**
 * The first line of a file, without its line feed: a comment in TOML, and text that every reader of PEM passes over.
 * Throws when the owner is none: that is a bug of whoever read it.
 */
export function printMarker(owner: string): string {
  if (!isOwner(owner)) throw new TypeError('not the id of an owner');
  return `# registry-failover owner=${owner} (made by it and overwritten by it: do not edit)`;
}

/** Whose file is it? undefined: nobody's that we know of, so that it is not ours to change. */
export function ownerOf(content: string): string | undefined {
  return LINE.exec(content)?.[1];
}
