// Explain nodes: what the runtimes of nodes are not told of a mirror set, and why, as sentences for explain.
import { printEndpoint } from '../domain/endpoint.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { MirrorSet } from '../domain/mirror-set.ts';
import type { LeftOut } from '../nodes/node-file.ts';
import { nodeHosts } from '../nodes/sources/node-sources.ts';
import { USUAL_VERSIONS } from '../nodes/data/runtime-version.ts';
import { RUNTIME_TITLES, RUNTIMES } from '../nodes/data/wanted.ts';
import type { RuntimeName } from '../nodes/data/wanted.ts';

/** What is left out of the files of nodes, for any set that is for nodes; which runtime a pod will meet nobody knows. */
export class NodeNotes {
  readonly #leftOut: readonly (readonly [RuntimeName, LeftOut])[];

  constructor(sets: readonly MirrorSet[]) {
    const enabled = sets.filter(({ nodes }) => nodes.enabled);
    this.#leftOut = RUNTIMES.flatMap((name) => {
      const runtime = { name, version: USUAL_VERSIONS[name] };
      const { leftOut } = nodeHosts({ sets: enabled, runtime, orderOf: () => 'well' });
      // Said mirror by mirror already.
      return leftOut.filter(({ reason }) => reason !== 'NoMirrorLeft').map((one) => [name, one] as const);
    });
  }

  #sentences(set: MirrorSet | undefined, endpoint: string | undefined): readonly string[] {
    return this.#leftOut
      .filter(([, one]) => one.set === set?.name && one.endpoint === endpoint)
      .map(([name, { message }]) => `Not in the files of ${RUNTIME_TITLES[name]} nodes: ${message}`);
  }

  /** About one mirror of the set. */
  ofMirror(set: MirrorSet | undefined, endpoint: Endpoint): readonly string[] {
    return this.#sentences(set, printEndpoint(endpoint));
  }

  /** About the set as a whole. */
  ofSet(set: MirrorSet | undefined): readonly string[] {
    return this.#sentences(set, undefined);
  }
}
