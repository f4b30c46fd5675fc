// Doctor secrets: are the derived pull secrets of a namespace there, and would the kubelet take each pull secret?
import { deriveForSet, deriveFromSource, isDerivedName } from '../../domain/derived-secret.ts';
import type { MirrorSet } from '../../domain/mirror-set.ts';
import { parsePullSecret } from '../../domain/pull-secret.ts';
import type { PullSecretObject } from '../../domain/pull-secret.ts';
import { Checkup, listNames } from './doctor-check.ts';
import type { DoctorCheck, Fetched } from './doctor-check.ts';

export interface SecretsFacts {
  readonly namespace: string;
  /** Those that are for the namespace. */
  readonly sets: readonly MirrorSet[];
  readonly secrets: Fetched<readonly PullSecretObject[]>;
}

/** Names of the derived secrets that should be there; what the sources lack is said by the set's own status. */
function wantedNames(sets: readonly MirrorSet[], secrets: readonly PullSecretObject[]): readonly string[] {
  const serving = sets.filter(({ mode }) => mode !== 'Observe');
  const sources = secrets.filter(({ name }) => !isDerivedName(name)).map(parsePullSecret);
  const fromSources = sources.map((parsed) =>
    parsed.ok && parsed.value !== undefined ? deriveFromSource(parsed.value, serving) : undefined,
  );
  const all = [...fromSources, ...serving.map(deriveForSet)];
  return [...new Set(all.flatMap((derived) => derived?.name ?? []))];
}

/** What of it the kubelet would choke on: one such secret stops every pull of the pods that name it. */
function brokenNames(secrets: readonly PullSecretObject[]): readonly string[] {
  return secrets.filter((secret) => !parsePullSecret(secret).ok).map(({ name }) => name);
}

function judgeNamespace(
  { namespace, sets }: SecretsFacts,
  secrets: readonly PullSecretObject[],
  checkup: Checkup,
): void {
  const broken = brokenNames(secrets);
  const present = new Set(secrets.map(({ name }) => name));
  const wanted = wantedNames(sets, secrets);
  const missing = wanted.filter((name) => !present.has(name));
  if (broken.length > 0) {
    const message = `pull secrets in ${namespace} that the kubelet cannot read: ${listNames(broken)}; pods that name one pull nothing at all`;
    const fix = broken.every(isDerivedName)
      ? `The controller makes them anew: kubectl -n ${namespace} delete secret ${broken[0] ?? ''}`
      : `Make it anew: kubectl -n ${namespace} create secret docker-registry NAME --docker-server=… --docker-username=… --docker-password=…`;
    checkup.error('derived-secrets', message, fix);
  }
  if (missing.length > 0) {
    const message = `derived pull secrets are missing in ${namespace}: ${listNames(missing)}; pods there have no way in at mirrors`;
    checkup.error(
      'derived-secrets',
      message,
      'See the condition CredentialsReady of the mirror set, and the checks of leader and rights',
    );
  }
  if (broken.length + missing.length > 0) return;
  const count = wanted.length;
  const said =
    count === 0
      ? `no pull secret is to be derived in ${namespace}`
      : `${namespace} has its ${count} derived pull secret${count > 1 ? 's' : ''}`;
  checkup.ok('derived-secrets', said);
}

/** Judges one namespace. */
export function judgeSecrets(facts: SecretsFacts): readonly DoctorCheck[] {
  const checkup = new Checkup('cluster');
  const { secrets, namespace } = facts;
  if (secrets.state === 'found') judgeNamespace(facts, secrets.value, checkup);
  else {
    const why = secrets.state === 'unread' ? secrets.why : 'the namespace is gone';
    checkup.unknown(
      'derived-secrets',
      `pull secrets in ${namespace} could not be read: ${why}`,
      'Ask as somebody who may list secrets there',
    );
  }
  return checkup.checks;
}
