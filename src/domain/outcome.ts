// Outcome: the closed list of what asking a registry for a manifest can come to (design: section "Admission").

/** What one question to a registry came to. */
export const OUTCOMES = [
  'available',
  'missing',
  'denied',
  'throttled',
  'failing',
  'unreachable',
  'slow',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What the registry client found for one manifest question with one credential. */
export interface Finding {
  readonly outcome: Outcome;
  /** `sha256:…` of the manifest (the index of a multi-platform image), when known. */
  readonly digest?: string;
  /** For people: the registry's own words or our diagnosis. Cleaned (no control characters, no URL queries), at most 200 bytes. */
  readonly detail?: string;
  /** Only with `throttled`: how long not to ask again, milliseconds, already within 30 s … 15 min. */
  readonly retryAfterMs?: number;
  /**
   * Which class of evidence about the ENDPOINT this is (design: "Health"). `connection-failed`: no TCP+TLS handshake,
   * DNS, reset. `silent`: connected, no answer in time. `manifest-failed`: 5xx. `answered`: any HTTP answer that is
   * not a 5xx. `none`: says nothing about the endpoint (e.g. the token server of another host failed, a refused redirect).
   */
  readonly evidence: 'connection-failed' | 'silent' | 'manifest-failed' | 'answered' | 'none';
  /** It came to nothing because of us (a late timer of ours, no free connection): what was known before still is. */
  readonly isVoid?: true;
}
