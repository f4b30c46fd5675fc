// Node bounds: how much a NodeMirrorState may hold. The CRD's schema, the agent's own check of it and whoever writes it agree on these.

/** Of `spec.wanted`. An object of the API server ends at some 1.5 MB, whatever these say. */
export const WANTED_BOUNDS = {
  /** More would cost more in CEL than the API server grants. */
  hosts: 128,
  /** The upstream and sixteen mirrors: a mirror set has no more. */
  sources: 17,
  /** Of an endpoint or prefix, characters: a mirror set's. */
  endpoint: 512,
  /** PEM, characters: some forty certificates. */
  caPem: 65_536,
  owner: 128,
  runtimeVersion: 64,
} as const;

/** Of `status`: lists in items, texts in UTF-16 units. What does not fit is left out, with its number in the message. */
export const NODE_STATUS_BOUNDS = {
  message: 4_096,
  order: WANTED_BOUNDS.hosts,
  files: 1_024,
  conflicts: 64,
  leftOut: 256,
  findings: 64,
  /** A path on the node: PATH_MAX. */
  path: 4_096,
  /** A sentence: what is wrong, or what to do. */
  sentence: 1_024,
  /** A machine's word: a code or a reason. */
  word: 64,
  /** Names of sets and versions. */
  name: 253,
} as const;
