// MirrorSetObject: a RegistryMirrorSet as declared, valid by itself, its secrets and CAs still only named.
import type {
  CredentialSource,
  DigestPolicy,
  FailoverMode,
  FailoverTrigger,
  NodeCredentials,
} from './mirror-set.ts';

/** An object of the install namespace, by name. */
interface SecretRef {
  readonly name: string;
}

interface ConfigMapKeyRef {
  readonly name: string;
  readonly key: string;
}

/** `secretRef` is there exactly when `source` is `Secret`. */
export interface CredentialSpec {
  readonly source: CredentialSource;
  readonly secretRef?: SecretRef | undefined;
}

/** Empty: the system's certificate authorities alone. */
export interface CaBundleSpec {
  readonly configMapRef?: ConfigMapKeyRef | undefined;
}

/** A label selector as it is written: absent parts select nothing away. */
export interface LabelSelectorSpec {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined;
  readonly matchExpressions?:
    | readonly {
        readonly key: string;
        readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
        readonly values?: readonly string[] | undefined;
      }[]
    | undefined;
}

export interface MirrorSpec {
  /** `host[:port][/path]`. */
  readonly endpoint: string;
  readonly credential: CredentialSpec;
  readonly caBundle: CaBundleSpec;
  readonly trustedByNodes: boolean;
  readonly mayReceiveUpstreamCredential: boolean;
}

export interface MirrorSetSpec {
  /** undefined: every opted-in namespace, and no mirror has `source: Secret`. */
  readonly namespaceSelector?: LabelSelectorSpec | undefined;
  readonly upstream: {
    /** `host[:port][/path]`. */
    readonly prefix: string;
    /** Its source is `Secret`. */
    readonly credential?: CredentialSpec | undefined;
    readonly caBundle: CaBundleSpec;
    /** `repository:tag` below the prefix, or ''. */
    readonly canary: string;
  };
  /** In order of preference; 1 to 16, at different places. */
  readonly mirrors: readonly MirrorSpec[];
  readonly failover: {
    readonly mode: FailoverMode;
    readonly on: readonly FailoverTrigger[];
    readonly digestPolicy: DigestPolicy;
    readonly rescue: boolean;
  };
  readonly nodes: {
    readonly enabled: boolean;
    readonly selector: LabelSelectorSpec;
    readonly credentials: NodeCredentials;
    readonly wholeHost: boolean;
  };
}

/** The object with the parts of its metadata that count. Every default is filled in. */
export interface MirrorSetObject {
  readonly name: string;
  /** 0 in files. */
  readonly generation: number;
  /** RFC 3339; undefined in files. */
  readonly createdAt: string | undefined;
  /** Where a person finds it: `mirrors.yaml (document 2)`, or `registrymirrorset/ocir`. Begins the path of a problem. */
  readonly origin: string;
  readonly spec: MirrorSetSpec;
}
