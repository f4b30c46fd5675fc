// TLS trust: the authorities that a connection believes. Verification itself is never optional anywhere in this folder.
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';
import type { TrustAnchor } from '../domain/endpoint.ts';

/**
 * Contexts by the hash of the extra CA. Making one parses every default authority again (some 20 to 35 ms, measured), so
 * they are kept, and made ahead of time where the declarations are known ({@link TlsTrust.prepare}).
 */
export class TlsTrust {
  readonly #plain = createSecureContext();
  readonly #byHash = new LRUCache<string, SecureContext>({ max: 64 });

  /** The default authorities, and the endpoint's own beside them. */
  contextFor(trust: TrustAnchor | undefined): SecureContext {
    if (trust === undefined) return this.#plain;
    const known = this.#byHash.get(trust.sha256);
    if (known) return known;
    const context = createSecureContext({ ca: [...getCACertificates('default'), trust.pem] });
    this.#byHash.set(trust.sha256, context);
    return context;
  }

  /** Makes the contexts one per loop turn, so that no question's timers run late because of them. */
  async prepare(anchors: readonly TrustAnchor[]): Promise<void> {
    for (const anchor of anchors) {
      if (this.#byHash.has(anchor.sha256)) continue;
      this.contextFor(anchor);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }
}
