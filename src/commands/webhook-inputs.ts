// Webhook inputs: where the webhook's declarations and certificate come from, as files give them or as a cluster does.
import { CertificateWatch, readCertificate } from '../http/certificate.ts';
import type { CertificateEvents } from '../http/certificate-pair.ts';
import type { Staleness } from '../telemetry/shared-gauges.ts';
import { LiveDeclarations } from './declarations.ts';
import type { DeclarationFlags, LiveState } from './declarations.ts';
import type { EngineLookups } from './engine.ts';

/** What a webhook is run on. */
export interface WebhookInputs {
  /** What files do not have. */
  readonly lookups: EngineLookups | undefined;
  /** Tells the declarations as soon as they are known, and after every change. */
  followDeclarations(listener: (state: LiveState) => void): void;
  /** Tells the serving certificate as soon as there is one, and each newer one. */
  followCertificate(events: CertificateEvents): void;
  /** Why nobody should be sent here yet; empty: nothing is missing. Once empty it stays so. */
  notReady(): readonly string[];
  staleness(): readonly Staleness[];
  close(): void;
}

/** The flags of a webhook on files. */
export interface FileInputFlags extends DeclarationFlags {
  readonly tlsCert: string;
  readonly tlsKey: string;
}

/** Reads both from files. Throws an Error when there is no usable certificate: without one nothing can be served, ever. */
export async function openFileInputs(flags: FileInputFlags): Promise<WebhookInputs> {
  const files = { certPath: flags.tlsCert, keyPath: flags.tlsKey };
  const certificate = await readCertificate(files);
  const declarations = await LiveDeclarations.open(flags);
  const closers: (() => void)[] = [];
  return {
    lookups: undefined,
    followDeclarations: (listener) => void closers.push(declarations.follow(listener)),
    followCertificate: (events) => {
      events.onChange(certificate);
      const watch = new CertificateWatch(files, certificate, events);
      closers.push(() => watch.close());
    },
    notReady: () => [],
    staleness: () => [],
    close: () => {
      for (const close of closers.splice(0)) close();
    },
  };
}
