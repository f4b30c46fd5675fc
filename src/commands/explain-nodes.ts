// Explain nodes: what the runtimes of nodes are not told of a mirror set, and why, as sentences for explain.
import { printEndpoint } from '../domain/endpoint.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { printPrefix } from '../domain/reference.ts';
import type { MirrorSet } from '../domain/mirror-set.ts';
import { sayNodeGrant } from '../domain/node-grant.ts';
import type { LeftOut } from '../nodes/node-file.ts';
import { nodeHosts } from '../nodes/sources/node-sources.ts';
import { USUAL_VERSIONS } from '../nodes/data/runtime-version.ts';
import { loginsOf, RUNTIME_TITLES, RUNTIMES } from '../nodes/data/wanted.ts';
import type { RuntimeName } from '../nodes/data/wanted.ts';

/** What is left out of the files of nodes, for any set that is for nodes; which runtime a pod will meet nobody knows. */
export class NodeNotes {
  readonly #leftOut: readonly (readonly [RuntimeName, LeftOut])[];
  /** Prefix and endpoint of every mirror at which some nodes log in themselves. */
  readonly #logins: readonly string[];

  constructor(sets: readonly MirrorSet[]) {
    const enabled = sets.filter(({ nodes }) => nodes.enabled);
    const known = RUNTIMES.map((name) => {
      const runtime = { name, version: USUAL_VERSIONS[name] };
      return { name, ...nodeHosts({ sets: enabled, runtime, orderOf: () => 'well' }) };
    });
    this.#leftOut = known.flatMap(({ name, leftOut }) =>
      // Said mirror by mirror already.
      leftOut.filter(({ reason }) => reason !== 'NoMirrorLeft').map((one) => [name, one] as const),
    );
    this.#logins = known.flatMap(({ hosts }) =>
      hosts.flatMap((host) => loginsOf(host).map((endpoint) => `${host.prefix} ${endpoint}`)),
    );
  }

  #sentences(set: MirrorSet | undefined, endpoint: string | undefined): readonly string[] {
    return this.#leftOut
      .filter(([, one]) => one.set === set?.name && one.endpoint === endpoint)
      .map(([name, { message }]) => `Not in the files of ${RUNTIME_TITLES[name]} nodes: ${message}`);
  }

  /** About one mirror of the set. */
  ofMirror(set: MirrorSet | undefined, endpoint: Endpoint): readonly string[] {
    const place = printEndpoint(endpoint);
    const isLogin = set !== undefined && this.#logins.includes(`${printPrefix(set.prefix)} ${place}`);
    return [...this.#sentences(set, place), ...(isLogin ? [sayNodeGrant([place])] : [])];
  }

  /** About the set as a whole. */
  ofSet(set: MirrorSet | undefined): readonly string[] {
    return this.#sentences(set, undefined);
  }
}
