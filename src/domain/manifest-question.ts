// Manifest question: what the registry client is asked, as its callers put it.
import type { Credential } from './credential.ts';
import type { Endpoint } from './endpoint.ts';
import type { Finding } from './outcome.ts';

/** "Does this endpoint serve this manifest to this credential?" */
export interface ManifestQuestion {
  readonly endpoint: Endpoint;
  /** The full path at that endpoint, the endpoint's own path included. */
  readonly repository: string;
  /** Tag or digest. */
  readonly reference: string;
  readonly credential: Credential | undefined;
  /** Stands for the credential where tokens are remembered; '' for anonymous. */
  readonly fingerprint: string;
}

/** A finding with what a person wants to compare. */
export type Description = Finding & {
  readonly mediaType?: string;
  /** `os/architecture[/variant]`, sorted. */
  readonly platforms?: readonly string[];
};
