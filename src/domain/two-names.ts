// Two names: one registry that mirror sets spell in two ways. To pods and runtimes these are two registries, and rightly so.
import type { MirrorSet } from './mirror-set.ts';
import { printEndpoint } from './endpoint.ts';
import { pathCovers } from './reference-grammar.ts';
import { printPrefix } from './reference-prefix.ts';

function isSamePlace({ upstream: a }: MirrorSet, { upstream: b }: MirrorSet): boolean {
  const isOneServer = a.hostname === b.hostname && a.port === b.port && a.host !== b.host;
  return isOneServer && (pathCovers(a.path, b.path) || pathCovers(b.path, a.path));
}

function mirrorsOf({ mirrors }: MirrorSet): string {
  return mirrors.map(({ endpoint }) => printEndpoint(endpoint)).join(' ');
}

/**
 * A sentence for each pair of sets for nodes at one server with other mirrors: `reg.example` and `reg.example:443`, `docker.io` and
 * `registry-1.docker.io`. No problem, since whoever has images of both names needs both sets; but it may be a slip.
 */
export function notesOnTwoNames(sets: readonly MirrorSet[]): readonly string[] {
  const forNodes = sets.filter(({ nodes }) => nodes.enabled);
  return forNodes.flatMap((set, index) =>
    forNodes
      .slice(index + 1)
      .filter((other) => isSamePlace(set, other) && mirrorsOf(set) !== mirrorsOf(other))
      .map(
        (other) =>
          `${printPrefix(set.prefix)} (mirror set ${set.name}) and ${printPrefix(other.prefix)} (mirror set ${other.name}) are one registry under two names, with other mirrors. Runtimes take them for two: an image is looked for at the mirrors of the name that it is written with.`,
      ),
  );
}
