// Health: what we believe of an endpoint, as a pure state machine over classes of evidence.

export type HealthStatus = 'up' | 'down' | 'unknown';

/** What an endpoint that is down is down with; decides the outcome that questions about it are answered with. */
export type DownCause = 'unreachable' | 'failing';

/**
 * One observation.
 * - `answered`: an HTTP answer below 500 to a pod's question. Heals nothing that is down: no pod is ever the trial.
 * - `connection-failed`, `silent`: of a pod's question. Failures of questions that were on their way together (`askedAt`
 *   before the one that is known) are one failure: they may have waited for one dial.
 * - `manifest-failed`, `manifest-ok`: of a pod's question, for one repository.
 * - `ping-ok`, `ping-failed`: the background's `/v2/`, or the one that confirms a failure. A 5xx there is a failure too.
 * - `ping-void`: a ping that came to nothing because of us. What it was to confirm is not confirmed.
 * - `repositories-failed`: several repositories failed, and nothing that was served before is served now.
 * - `recheck-ok`: the background asked a question again that had failed with 5xx, and got an answer.
 * - `rechecks-done`: every question that was kept for asking again has been answered, or one that was served before.
 * - `canary-ok`, `canary-failed`: the declared canary manifest.
 */
export type Evidence =
  | { readonly kind: 'answered' | 'silent' }
  | {
      readonly kind:
        'ping-ok' | 'ping-void' | 'repositories-failed' | 'rechecks-done' | 'canary-ok' | 'canary-failed';
    }
  | { readonly kind: 'connection-failed'; readonly detail: string; readonly askedAt?: number }
  | { readonly kind: 'ping-failed'; readonly detail: string; readonly cause: DownCause }
  | { readonly kind: 'manifest-failed'; readonly repository: string; readonly detail: string }
  | { readonly kind: 'manifest-ok'; readonly repository: string }
  | { readonly kind: 'recheck-ok'; readonly repository: string };

interface ManifestFailure {
  readonly repository: string;
  readonly at: number;
}

export interface EndpointHealth {
  readonly status: HealthStatus;
  /** Milliseconds on the caller's clock when `status` last changed. */
  readonly since: number;
  /** Counts going down and coming back; what was learnt of an image in another epoch is void. */
  readonly epoch: number;
  readonly cause: DownCause | undefined;
  readonly detail: string;
  /** Connection failures in a row. */
  readonly connectionFailures: number;
  /** When the last one was heard of. */
  readonly connectionFailedAt: number;
  /** Silent answers in a row. */
  readonly silences: number;
  /** A connection failed and a ping is to confirm it: until it has, questions are answered with that failure. */
  readonly suspect: boolean;
  /** Connection class: down until a ping succeeds; `failing` when it is the ping that was answered with 5xx. */
  readonly connectionDown: DownCause | undefined;
  /** Manifest class, by pods: down until the failing repositories answer again. */
  readonly repositoriesDown: boolean;
  /** Manifest class, by the canary: down until it can be read again. */
  readonly canaryDown: boolean;
  readonly manifestFailures: readonly ManifestFailure[];
}

/** Connection failures in a row that need no confirmation. */
const CONNECTION_FAILURES_DOWN = 3;
/** Distinct repositories with 5xx, and none served in between, that make it the endpoint's trouble, not a tenant's. */
const REPOSITORIES_DOWN = 2;
/** 5xx answers further apart than this are two stories, not one. */
const MANIFEST_WINDOW_MS = 60_000;
/** Enough to tell one from many; a bound on memory, not a rule. */
const MAX_FAILURES_KEPT = 8;
/** Silences in a row that are worth a ping. */
export const SILENCES_SUSPECT = 2;

/** The state before any evidence. */
export function initialHealth(now: number): EndpointHealth {
  return {
    status: 'unknown',
    since: now,
    epoch: 0,
    cause: undefined,
    detail: '',
    connectionFailures: 0,
    connectionFailedAt: -Infinity,
    silences: 0,
    suspect: false,
    connectionDown: undefined,
    repositoriesDown: false,
    canaryDown: false,
    manifestFailures: [],
  };
}

type Draft = { -readonly [K in keyof EndpointHealth]: EndpointHealth[K] };

function connectionFailed(draft: Draft, detail: string, ping: DownCause | undefined): void {
  draft.connectionFailures += 1;
  draft.detail = detail;
  const isConfirmed = ping !== undefined && hadSigns(draft);
  if (isConfirmed || draft.connectionFailures >= CONNECTION_FAILURES_DOWN) {
    draft.connectionDown ??= ping ?? 'unreachable';
  }
  // A 5xx has come over a connection: one alone raises no doubt about that.
  draft.suspect = draft.connectionDown === undefined && (draft.suspect || ping !== 'failing');
}

/** A ping that fails confirms a failure or silences before it; on its own it is the first of its kind. */
function hadSigns(draft: Draft): boolean {
  return draft.connectionFailures > 1 || draft.silences >= SILENCES_SUSPECT;
}

function pingAnswered(draft: Draft): void {
  draft.connectionFailures = 0;
  draft.silences = 0;
  draft.suspect = false;
  draft.connectionDown = undefined;
}

function manifestFailed(draft: Draft, repository: string, now: number): void {
  const others = draft.manifestFailures.filter(
    (failure) => failure.repository !== repository && now - failure.at < MANIFEST_WINDOW_MS,
  );
  draft.manifestFailures = [...others, { repository, at: now }].slice(-MAX_FAILURES_KEPT);
}

/** Do failures of several repositories lie so close together that they may be the endpoint's? The background finds out. */
export function areSeveral(state: Pick<EndpointHealth, 'manifestFailures'>): boolean {
  return state.manifestFailures.length >= REPOSITORIES_DOWN;
}

/** Another repository's manifest was served: what fails are those repositories, not the endpoint. */
function manifestServed(draft: Draft): void {
  if (!draft.repositoriesDown) draft.manifestFailures = [];
}

function recheckAnswered(draft: Draft, repository: string): void {
  draft.manifestFailures = draft.manifestFailures.filter((failure) => failure.repository !== repository);
  if (draft.manifestFailures.length === 0) draft.repositoriesDown = false;
}

/** An answer to a pod: it ends a row of failures, but brings nothing back that is down. */
function answered(draft: Draft): void {
  draft.silences = 0;
  if (draft.connectionDown !== undefined) return;
  draft.connectionFailures = 0;
  draft.suspect = false;
}

/** What pods saw. */
type PodEvidence = Extract<
  Evidence,
  { readonly kind: 'answered' | 'silent' | 'connection-failed' | 'manifest-failed' | 'manifest-ok' }
>;

function applyPod(draft: Draft, evidence: PodEvidence, now: number): void {
  switch (evidence.kind) {
    case 'answered':
      return answered(draft);
    case 'silent':
      draft.silences += 1;
      return;
    case 'connection-failed':
      if ((evidence.askedAt ?? Infinity) < draft.connectionFailedAt) return;
      draft.connectionFailedAt = now;
      return connectionFailed(draft, evidence.detail, undefined);
    case 'manifest-failed':
      answered(draft);
      draft.detail = evidence.detail;
      return manifestFailed(draft, evidence.repository, now);
    case 'manifest-ok':
      answered(draft);
      return manifestServed(draft);
  }
}

/** What the background saw: the only evidence that heals. */
function applyBackground(draft: Draft, evidence: Exclude<Evidence, PodEvidence>): void {
  switch (evidence.kind) {
    case 'ping-ok':
      return pingAnswered(draft);
    case 'ping-failed':
      return connectionFailed(draft, evidence.detail, evidence.cause);
    case 'ping-void':
      draft.suspect = false;
      return;
    case 'recheck-ok':
      return recheckAnswered(draft, evidence.repository);
    case 'repositories-failed':
      draft.repositoriesDown = areSeveral(draft);
      return;
    case 'rechecks-done':
      draft.manifestFailures = [];
      draft.repositoriesDown = false;
      return;
    case 'canary-ok':
      draft.canaryDown = false;
      return;
    case 'canary-failed':
      draft.canaryDown = true;
      draft.detail = 'the canary manifest cannot be read';
      return;
  }
}

const POD_EVIDENCE: ReadonlySet<Evidence['kind']> = new Set([
  'answered',
  'silent',
  'connection-failed',
  'manifest-failed',
  'manifest-ok',
] satisfies PodEvidence['kind'][]);

function isPodEvidence(evidence: Evidence): evidence is PodEvidence {
  return POD_EVIDENCE.has(evidence.kind);
}

function causeOf(draft: Draft): DownCause | undefined {
  if (draft.connectionDown !== undefined) return draft.connectionDown;
  return draft.repositoriesDown || draft.canaryDown ? 'failing' : undefined;
}

/** Only evidence that the endpoint answers makes an unknown one `up`. */
function proves(evidence: Evidence): boolean {
  return ['answered', 'manifest-ok', 'ping-ok', 'canary-ok', 'recheck-ok'].includes(evidence.kind);
}

function statusOf(draft: Draft, before: EndpointHealth, evidence: Evidence): HealthStatus {
  if (draft.cause !== undefined) return 'down';
  if (before.status === 'down') return 'up';
  return proves(evidence) ? 'up' : before.status;
}

/**
 * The next state. Total and pure.
 * @param now Milliseconds on a monotonic clock.
 */
export function nextHealth(before: EndpointHealth, evidence: Evidence, now: number): EndpointHealth {
  const draft: Draft = { ...before };
  if (isPodEvidence(evidence)) applyPod(draft, evidence, now);
  else applyBackground(draft, evidence);
  draft.cause = causeOf(draft);
  draft.status = statusOf(draft, before, evidence);
  if (draft.status !== before.status) draft.since = now;
  // From unknown to up nothing has changed at the endpoint: we have only come to know it.
  if ((draft.status === 'down') !== (before.status === 'down')) draft.epoch += 1;
  if (draft.status === 'up') draft.detail = '';
  return draft;
}
