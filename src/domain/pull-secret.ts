// Pull secret: a Secret as the API gives it, turned into what the kubelet would make of it.
import { decodeBase64, decodeUtf8 } from './base64.ts';
import { parseDockerConfigJson, parseDockercfg } from './docker-config.ts';
import type { PullSecretEntry } from './docker-config.ts';
import { asObject, own } from './json.ts';
import type { Problem } from './problem.ts';
import { quote } from './reference-grammar.ts';
import { err, ok } from './result.ts';
import type { Result } from './result.ts';

export { printDockerConfigJson } from './docker-config.ts';
export type { PullSecretEntry } from './docker-config.ts';

/** The parts of a Secret that matter here. */
export interface PullSecretObject {
  readonly name: string;
  readonly type: string;
  /** Values in base64, as in the API. */
  readonly data: Readonly<Record<string, string>>;
}

/** A pull secret the kubelet can decode. */
export interface ParsedPullSecret {
  readonly name: string;
  /** In the order of the JSON. */
  readonly entries: readonly PullSecretEntry[];
}

/** The type that pull secrets have today, with its data key. */
export const DOCKER_CONFIG_JSON = {
  type: 'kubernetes.io/dockerconfigjson',
  dataKey: '.dockerconfigjson',
} as const;

interface Format {
  readonly dataKey: string;
  readonly parse: typeof parseDockercfg;
}

// pkg/credentialprovider/secrets/secrets.go: a type counts only with the data key of its own.
const FORMATS = new Map<string, Format>([
  [DOCKER_CONFIG_JSON.type, { dataKey: DOCKER_CONFIG_JSON.dataKey, parse: parseDockerConfigJson }],
  ['kubernetes.io/dockercfg', { dataKey: '.dockercfg', parse: parseDockercfg }],
]);

/** A field selector that leaves out what is never a pull secret and comes in numbers: Helm's releases, and tokens of the old kind. */
export const MAYBE_PULL_SECRETS = 'type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token';

/** Is it a type that the kubelet looks at? */
export function isPullSecretType(type: string): boolean {
  return FORMATS.has(type);
}

/** Of a Secret's data (anything from JSON) the one value that counts for its type; none for types that the kubelet passes over. */
export function pullSecretData(type: string, data: unknown): PullSecretObject['data'] {
  const key = FORMATS.get(type)?.dataKey;
  const value = key === undefined ? undefined : own(asObject(data), key);
  return key === undefined || typeof value !== 'string' ? {} : { [key]: value };
}

/** Says what it means for the pod, which is worse than one credential less. */
function blocking(secret: PullSecretObject, dataKey: string, problems: readonly Problem[]): Problem {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return {
    path: `.data[${quote(dataKey)}]${first?.path ?? ''}`,
    code: 'InvalidPullSecret',
    message: `${first?.message ?? 'it is not base64'}${more}; the kubelet would refuse every pull of a pod that names secret ${quote(secret.name)}`,
    fix: first?.fix ?? 'Encode the value in base64, or use stringData',
  };
}

/**
 * Parses a Secret. undefined: of a type, or without the data key, that the kubelet passes over in silence. A problem
 * (code `InvalidPullSecret`, no secret text in it): one undecodable entry blocks all pulls of a pod that names the secret.
 */
export function parsePullSecret(secret: PullSecretObject): Result<ParsedPullSecret | undefined, Problem> {
  const format = FORMATS.get(secret.type);
  const encoded = format === undefined ? undefined : own(secret.data, format.dataKey);
  if (format === undefined || typeof encoded !== 'string') return ok(undefined);
  const bytes = decodeBase64(encoded, 'padded');
  if (bytes === undefined) return err(blocking(secret, format.dataKey, []));
  if (bytes.length === 0) return ok(undefined);
  const entries = format.parse(decodeUtf8(bytes));
  if (!entries.ok) return err(blocking(secret, format.dataKey, entries.error));
  return ok({ name: secret.name, entries: entries.value });
}
