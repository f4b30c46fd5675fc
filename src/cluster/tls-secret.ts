// TLS secret: the serving certificate as a Secret of the install namespace holds it, followed by a watch.
import { decodeBase64, decodeUtf8 } from '../domain/base64.ts';
import { asObject, own } from '../domain/json.ts';
import type { Informer, InformerSource } from '../kubernetes/cluster-api.ts';
import { SECRETS } from '../kubernetes/resource.ts';
import type { KubeObject } from '../kubernetes/resource.ts';
import { watched } from './watched.ts';
import type { Watched } from './watched.ts';

/** Texts as they stand in the Secret, nothing checked; undefined: the key is not there or is no base64. */
export interface TlsPair {
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

function textOf(object: KubeObject, key: string): string | undefined {
  const value = own(asObject(object['data']), key);
  const bytes = typeof value === 'string' ? decodeBase64(value, 'padded') : undefined;
  return bytes === undefined ? undefined : decodeUtf8(bytes);
}

/** Follows `tls.crt` and `tls.key` of one Secret. */
export class TlsSecret {
  readonly #informer: Informer<TlsPair>;
  readonly #openedAt: number;

  constructor(options: {
    readonly informers: InformerSource;
    readonly namespace: string;
    readonly name: string;
    /** Monotonic milliseconds. */
    readonly now: () => number;
    /** Told of every content, the first included. Not of the Secret being gone: what is in use stays. */
    readonly onPair: (pair: TlsPair) => void;
  }) {
    const { informers, namespace, name, onPair } = options;
    this.#openedAt = options.now();
    this.#informer = informers.watch({
      type: SECRETS,
      scope: { namespace, fieldSelector: `metadata.name=${name}` },
      keep: (object) => ({ cert: textOf(object, 'tls.crt'), key: textOf(object, 'tls.key') }),
    });
    this.#informer.onChange(({ after }) => {
      if (after !== undefined) onPair(after);
    });
  }

  get watches(): readonly Watched[] {
    return [watched('certificate', this.#informer, this.#openedAt)];
  }

  close(): void {
    this.#informer.close();
  }
}
