// Webhook front: the admission server, which listens as soon as it has a certificate, and how it goes.
import { AdmissionServer } from '../http/admission-server.ts';
import type { AdmissionHandler } from '../http/admission-server.ts';
import type { Certificate } from '../http/certificate-pair.ts';

export interface WebhookFrontOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly handler: AdmissionHandler;
  readonly onRefused: (status: number) => void;
  readonly onListening: () => void;
}

/** The admission server from before its first certificate to its end. */
export class WebhookFront {
  /** Rejects when the address cannot be had; never resolves. */
  readonly failed: Promise<never>;
  readonly #options: WebhookFrontOptions;
  #fail: (error: unknown) => void = () => {};
  #server: AdmissionServer | undefined;
  #isListening = false;

  constructor(options: WebhookFrontOptions) {
    this.#options = options;
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    // It may come while nobody waits yet.
    this.failed.catch(() => {});
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  get hasCertificate(): boolean {
    return this.#server !== undefined;
  }

  /** The first certificate opens the door; later ones are for the next handshakes. */
  use(certificate: Certificate): void {
    if (this.#server !== undefined) {
      this.#server.useCertificate(certificate);
      return;
    }
    const { handler, onRefused } = this.#options;
    this.#server = new AdmissionServer({ ...certificate, handler, onRefused });
    void this.#listen(this.#server);
  }

  async #listen(server: AdmissionServer): Promise<void> {
    try {
      await server.app.listen(this.#options.listen);
      this.#isListening = true;
      this.#options.onListening();
    } catch (error) {
      this.#fail(error);
    }
  }

  startDraining(): void {
    this.#server?.startDraining();
  }

  async close(graceMs: number): Promise<void> {
    await this.#server?.close(graceMs);
  }
}
