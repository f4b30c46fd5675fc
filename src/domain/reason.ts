// Reason: the closed list of why an image source was chosen, each with its one sentence for people.
import type { Outcome } from './outcome.ts';

export const KEEP_REASONS = [
  'upstream-available',
  'upstream-denied',
  'upstream-slow',
  'no-mirror-set',
  'no-mirror-available',
  'no-mirror-credential',
  'mirror-not-trusted-by-nodes',
  'digest-differs',
  'pull-never',
  'static-pod',
  'image-unparsable',
  'opted-out',
  'owner-excluded',
  'observe-only',
  'credential-unread',
  'deadline',
  'internal-error',
] as const;

export const REWRITE_REASONS = [
  'upstream-unreachable',
  'upstream-failing',
  'upstream-throttled',
  'upstream-missing',
  'upstream-slow',
] as const;

/** Why an image that stood on a mirror went back to its upstream, although it had been rewritten before. */
export const BACK_REASONS = [
  'mirror-unreachable',
  'mirror-failing',
  'mirror-throttled',
  'mirror-missing',
  'mirror-slow',
] as const;

export type KeepReason = (typeof KEEP_REASONS)[number];
export type RewriteReason = (typeof REWRITE_REASONS)[number];
export type BackReason = (typeof BACK_REASONS)[number];
export type Reason = KeepReason | RewriteReason | BackReason;

/** Outcomes of the upstream that a set may name in `on:`; all of them have a rewrite reason. */
export type Fault = 'unreachable' | 'failing' | 'throttled' | 'missing' | 'slow';

export const REWRITE_REASON_OF: Readonly<Record<Fault, RewriteReason>> = {
  unreachable: 'upstream-unreachable',
  failing: 'upstream-failing',
  throttled: 'upstream-throttled',
  missing: 'upstream-missing',
  slow: 'upstream-slow',
};

const BACK_REASON_OF: Readonly<Record<Fault, BackReason>> = {
  unreachable: 'mirror-unreachable',
  failing: 'mirror-failing',
  throttled: 'mirror-throttled',
  missing: 'mirror-missing',
  slow: 'mirror-slow',
};

/** The fault in an outcome; undefined for an answer that is no fault of the registry (available, denied). */
export function faultOf(outcome: Outcome): Fault | undefined {
  return outcome === 'available' || outcome === 'denied' ? undefined : outcome;
}

/** Why a slot left the mirror it stood on, given what that mirror came to. */
export function backReason(outcome: Outcome | undefined): Reason {
  const fault = outcome === undefined ? undefined : faultOf(outcome);
  return fault === undefined ? 'upstream-available' : BACK_REASON_OF[fault];
}

const SENTENCES: Readonly<Record<Reason, string>> = {
  'upstream-available': 'The upstream registry serves this image.',
  'upstream-denied':
    "The upstream registry refuses this image to the pod's credential; that is no outage, so the image is kept.",
  'upstream-slow': 'The upstream registry is connected but did not answer in time.',
  'no-mirror-set': 'No RegistryMirrorSet covers this image.',
  'no-mirror-available':
    'The upstream cannot serve this image, and no mirror can, or may, serve it instead; the image is kept.',
  'no-mirror-credential':
    'The upstream cannot serve this image, and the pod has no credential for a mirror that wants one; the image is kept.',
  'mirror-not-trusted-by-nodes':
    "The upstream cannot serve this image, and the nodes do not trust the mirror's private CA; the image is kept.",
  'digest-differs':
    'The upstream cannot serve this image, and no mirror is known to hold the same build; the image is kept.',
  'pull-never': 'imagePullPolicy is Never: no registry is asked.',
  'static-pod': 'This is a mirror of a static pod: the kubelet has already read its file.',
  'image-unparsable': 'The image is not a valid reference; the API server or the kubelet will say so.',
  'opted-out': 'The pod carries registry-failover.io/skip: "true".',
  'owner-excluded': 'The owner of this pod does not accept changed images; it gets credentials only.',
  'observe-only':
    'The mirror set only observes this (mode or on:), or the pod has no room left to say what was done; the image is kept.',
  'credential-unread':
    "The pod's pull secret could not be read, so the registry was not asked; the image is kept.",
  deadline: 'There was no time left to ask the registry; the image is kept.',
  'internal-error': 'registry-failover failed internally; the pod is admitted unchanged.',
  'upstream-unreachable': 'The upstream registry cannot be reached; a mirror serves the image.',
  'upstream-failing': 'The upstream registry answers with errors; a mirror serves the image.',
  'upstream-throttled': 'The upstream registry has reached its rate limit; a mirror serves the image.',
  'upstream-missing': 'The upstream registry no longer has this image; a mirror serves it.',
  'mirror-unreachable': 'The mirror cannot be reached any more; the image goes back to its upstream.',
  'mirror-failing': 'The mirror answers with errors; the image goes back to its upstream.',
  'mirror-throttled': 'The mirror has reached its rate limit; the image goes back to its upstream.',
  'mirror-missing': 'The mirror no longer has this image; it goes back to its upstream.',
  'mirror-slow': 'The mirror did not answer in time; the image goes back to its upstream.',
};

const ALL: ReadonlySet<string> = new Set([...KEEP_REASONS, ...REWRITE_REASONS, ...BACK_REASONS]);

/** Is this text one of our reasons? Annotations are user input; metrics must not get labels from them. */
export function isReason(text: unknown): text is Reason {
  return typeof text === 'string' && ALL.has(text);
}

/** The one sentence for people. */
export function sentenceOf(reason: Reason): string {
  return SENTENCES[reason];
}
