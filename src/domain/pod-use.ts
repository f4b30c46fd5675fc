// Pod use: which entries of a pull secret the images of living pods match, by the kubelet's own rules.
import { Keyring } from './keyring.ts';
import type { PullSecretEntry } from './pull-secret.ts';
import { parseReference, repositoryName } from './reference.ts';

/** A pod that is neither finished nor gone, and names the secret in question. */
export interface SecretUser {
  /** As they stand in the pod's spec: containers of all kinds, and image volumes. */
  readonly images: readonly string[];
}

function repositoriesOf(users: readonly SecretUser[]): string[] {
  const images = new Set(users.flatMap((user) => user.images));
  return [...images].flatMap((image) => {
    const reference = parseReference(image);
    // The kubelet looks nothing up for an image that it cannot read.
    return reference.ok ? [repositoryName(reference.value)] : [];
  });
}

/** Does an image of one of these pods match the entry? Each entry is judged alone, so that in doubt it is in use. */
export function isEntryUsed(entry: PullSecretEntry, users: readonly SecretUser[]): boolean {
  if (users.length === 0) return false;
  const keyring = new Keyring([{ name: '', entries: [entry] }]);
  return repositoriesOf(users).some((repository) => keyring.lookup(repository).length > 0);
}
