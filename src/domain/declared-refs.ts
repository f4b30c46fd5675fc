// Declared refs: the Secrets and ConfigMaps that a declaration names, looked up in the install namespace.
import { parseCaBundle } from './ca-bundle.ts';
import type { ConfigMapObject, SecretObject } from './cluster-objects.ts';
import type { TrustAnchor } from './endpoint.ts';
import type { CaBundleSpec, CredentialSpec, MirrorSetObject } from './mirror-set-object.ts';
import type { MirrorSet } from './mirror-set.ts';
import type { Problem } from './problem.ts';
import { parsePullSecret } from './pull-secret.ts';
import type { ParsedPullSecret } from './pull-secret.ts';

/** A problem with a declaration; `set` is the name of the mirror set it is about. */
export type DeclarationProblem = Problem & { readonly set?: string };

export interface DeclarationOptions {
  /** Where `secretRef` and `configMapRef` point to. */
  readonly installNamespace: string;
  /** Host patterns that every upstream and mirror must match; empty: every host is allowed. */
  readonly allowedEndpoints: readonly string[];
  /** Lower-case hex SHA-256 of the text's UTF-8 bytes. */
  readonly sha256: (text: string) => string;
}

/** What a set can refer to: the objects of the install namespace by name. */
export interface Refs extends DeclarationOptions {
  readonly secrets: ReadonlyMap<string, SecretObject>;
  readonly configMaps: ReadonlyMap<string, ConfigMapObject>;
}

export interface Resolution {
  /** undefined: the set is refused, and a problem says why. */
  readonly set: MirrorSet | undefined;
  readonly problems: readonly DeclarationProblem[];
}

/** Collects what is wrong with one set; `refuse` keeps it out of force, `note` does not. */
export class Report {
  readonly problems: DeclarationProblem[] = [];
  readonly #object: MirrorSetObject;
  #isRefused = false;

  constructor(object: MirrorSetObject) {
    this.#object = object;
  }

  note(field: string, problem: Omit<Problem, 'path'>): void {
    const { name, origin } = this.#object;
    const { code, message, fix } = problem;
    this.problems.push({ path: `${origin} ${field}`, code, message, fix, set: name });
  }

  refuse(field: string, problem: Omit<Problem, 'path'>): void {
    this.#isRefused = true;
    this.note(field, problem);
  }

  resolution(set: MirrorSet | undefined): Resolution {
    return { set: this.#isRefused ? undefined : set, problems: this.problems };
  }
}

/** The CA of an endpoint; the set is refused when it is named and cannot be had. */
export function trustOf(
  caBundle: CaBundleSpec,
  field: string,
  refs: Refs,
  report: Report,
): TrustAnchor | undefined {
  const ref = caBundle.configMapRef;
  if (ref === undefined) return undefined;
  const where = `${field}.configMapRef`;
  const place = `ConfigMap ${refs.installNamespace}/${ref.name}`;
  const data = refs.configMaps.get(ref.name)?.data;
  const text = data !== undefined && Object.hasOwn(data, ref.key) ? data[ref.key] : undefined;
  if (text === undefined) {
    report.refuse(where, {
      code: 'CaBundleMissing',
      message:
        data === undefined
          ? `${place} does not exist, so TLS to this registry would fail`
          : `${place} has no key "${ref.key}", so TLS to this registry would fail`,
      fix: `Put the CA certificates in PEM there, under the key "${ref.key}"`,
    });
    return undefined;
  }
  const bundle = parseCaBundle(text);
  if (bundle.ok) return { pem: bundle.value, sha256: refs.sha256(bundle.value) };
  report.refuse(where, {
    code: 'CaBundleInvalid',
    message: `key "${ref.key}" of ${place} ${bundle.error}`,
    fix: 'Put the CA certificates there, each between its BEGIN CERTIFICATE and END CERTIFICATE lines',
  });
  return undefined;
}

/** The pull secret behind `source: Secret`; undefined, with a note, when it cannot be had. */
export function secretOf(
  credential: CredentialSpec | undefined,
  field: string,
  refs: Refs,
  report: Report,
): ParsedPullSecret | undefined {
  const name = credential?.secretRef?.name;
  if (credential?.source !== 'Secret' || name === undefined) return undefined;
  const where = `${field}.secretRef`;
  const place = `Secret ${refs.installNamespace}/${name}`;
  const make = `kubectl -n ${refs.installNamespace} create secret docker-registry ${name}`;
  const object = refs.secrets.get(name);
  if (object === undefined) {
    const message = `${place} does not exist, so nobody has this credential`;
    report.note(where, { code: 'SecretMissing', message, fix: `Make it: ${make} ...` });
    return undefined;
  }
  const parsed = parsePullSecret(object);
  if (!parsed.ok) {
    const { code, message, fix } = parsed.error;
    report.note(where, { code, message: `${place}: ${message}`, fix });
    return undefined;
  }
  if (parsed.value === undefined) {
    const message = `${place} (type ${object.type}) is no pull secret: the kubelet would pass it over`;
    report.note(where, { code: 'NoPullSecret', message, fix: `Delete it and make it again: ${make} ...` });
  }
  return parsed.value;
}
