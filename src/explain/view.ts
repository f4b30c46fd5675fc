// View: what `explain` has to say, as plain data. Printed as JSON or YAML it is the documented form, version 1.
import type { PatchOperation } from '../domain/patch.ts';
import type { Problem } from '../domain/problem.ts';
import type { Outcome } from '../domain/outcome.ts';

/**
 * What becomes of an image as things stand now.
 * - `served`: the place that the pod will name serves it.
 * - `not-served`: whoever could serve it has answered, and nobody does; or the pull would be refused for certain.
 * - `unknown`: somebody who might serve it could not be asked.
 * - `never-pulled`: imagePullPolicy is Never; the image has to be on the node.
 */
export type ImageResult = 'served' | 'not-served' | 'unknown' | 'never-pulled';

/** Would the API server ask the webhook about pods of this namespace? */
export interface OptIn {
  readonly asked: 'yes' | 'no' | 'unknown';
  readonly sentence: string;
}

/** One place that could serve an image. */
export interface CandidateView {
  readonly role: 'upstream' | 'mirror';
  /** `host[:port][/path]`. */
  readonly endpoint: string;
  /** The reference that pulls from there. */
  readonly image: string;
  /** Where its credential comes from: as declared for a mirror, `Upstream` for the upstream itself. */
  readonly source: string;
  readonly outcome: Outcome | 'not-asked';
  /** Milliseconds the question took; 0 from memory. */
  readonly ms: number;
  /** Known from an earlier question of this run. */
  readonly fromMemory: boolean;
  readonly digest?: string;
  /** The registry's own words, or our diagnosis. */
  readonly detail?: string;
  /** Name of the pull secret whose credential gave the answer; absent: without a credential. */
  readonly secret?: string;
  /** The pod will name this one. */
  readonly chosen: boolean;
  /** The decision knew this answer; false: asked for this picture only. */
  readonly decisive: boolean;
  /** What else a person should know of it, in sentences. */
  readonly notes: readonly string[];
}

export interface ImageView {
  /** `containers/app`. */
  readonly slot: string;
  /** As the manifest has it. */
  readonly image: string;
  readonly result: ImageResult;
  readonly action: 'keep' | 'rewrite' | 'back';
  readonly reason: string;
  readonly sentence: string;
  /** What the image field will say. */
  readonly chosen: string;
  readonly digest?: 'verified' | 'unverified' | 'differs';
  /** What would have been chosen, were changes allowed here. */
  readonly would?: { readonly image: string; readonly reason: string };
  /** Absent: no set covers the image. */
  readonly mirrorSet?: { readonly name: string; readonly generation: number };
  /** In the order of preference. Of an image outside of every set only its own registry. */
  readonly candidates: readonly CandidateView[];
  readonly notes: readonly string[];
}

/**
 * A pull secret of the pod.
 * - `read`: among the manifests. `stand-in`: the docker config stands for it. `derived`: ours, made from declarations.
 * - `absent`: nothing provides it; the pull goes on without. `ignored`: of a type that the kubelet passes over.
 * - `broken`: it does not parse, so that the kubelet refuses every pull of the pod.
 */
export type SecretState = 'read' | 'stand-in' | 'derived' | 'absent' | 'ignored' | 'broken';

export interface PullSecretView {
  readonly name: string;
  /** Appended by the webhook; else the pod has it already. */
  readonly added: boolean;
  readonly state: SecretState;
  /** Endpoints of this pod's candidates that it has a credential for. */
  readonly covers: readonly string[];
  readonly problem?: string;
}

export interface PodView {
  /** `Deployment/web`. */
  readonly workload: string;
  /** `deploy.yaml:12`. */
  readonly origin: string;
  readonly namespace: string;
  readonly optIn: OptIn;
  readonly images: readonly ImageView[];
  readonly pullSecrets: readonly PullSecretView[];
  /** What the API server would tell the author of a bare pod. */
  readonly warnings: readonly string[];
  /** JSON Patch (RFC 6902) that the webhook would answer for each such pod. */
  readonly patch: readonly PatchOperation[];
  /** Milliseconds that admission took. */
  readonly ms: number;
  readonly notes: readonly string[];
}

/** The whole of it. `kind` and `v` first, so that whoever reads it knows what it reads. */
export interface ExplainView {
  readonly kind: 'explain';
  readonly v: 1;
  /** The worst of all images: `not-served` before `unknown` before `served`. */
  readonly result: 'served' | 'not-served' | 'unknown';
  readonly pods: readonly PodView[];
  /** Objects of the file that make no pods. */
  readonly passedOver: readonly string[];
  /** What has to be known before the rest is read: that there is no mirror set, that -n does not count. */
  readonly notes: readonly string[];
  /** What is wrong with the declarations; what is right with them was in force. */
  readonly problems: readonly Problem[];
}

/** The worst of the images' results. */
export function overallResult(images: readonly ImageView[]): ExplainView['result'] {
  const results = new Set(images.map((image) => image.result));
  if (results.has('not-served')) return 'not-served';
  return results.has('unknown') ? 'unknown' : 'served';
}
