// Docker config file: the logins of a laptop's ~/.docker/config.json as a pull secret.
import { encodeBase64 } from '../domain/base64.ts';
import { asObject, own, parseJson } from '../domain/json.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Problem } from '../domain/problem.ts';
import { DOCKER_CONFIG_JSON, parsePullSecret } from '../domain/pull-secret.ts';
import type { PullSecretObject } from '../domain/pull-secret.ts';
import { quote } from '../domain/reference-grammar.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';
import { readManifestFile } from './manifest-files.ts';

/** The pull secret's name in what is printed. */
const DOCKER_CONFIG_NAME = 'docker-config';

/** Logins that are kept elsewhere: the kubelet could not use them, and neither can a program that asks no helper. */
function findHelpers(root: JsonObject, path: string): Problem[] {
  const problem = (field: string, message: string): Problem => ({
    path: `${path} ${field}`,
    code: 'CredentialHelper',
    message,
    fix: 'Write a file {"auths": {"REGISTRY": {"username": "...", "password": "..."}}} and name it with --docker-config',
  });
  const store = own(root, 'credsStore');
  const helpers = Object.keys(asObject(own(root, 'credHelpers')) ?? {});
  return [
    ...(typeof store === 'string' && store !== ''
      ? [problem('credsStore', `the logins are kept by the helper ${quote(store)}, not in this file`)]
      : []),
    ...helpers.map((registry) =>
      problem(
        `credHelpers[${quote(registry)}]`,
        `the login of ${quote(registry)} is kept by a helper, not in this file`,
      ),
    ),
  ];
}

/** The logins that can be used, and what is said of those that cannot. */
export interface DockerLogins {
  readonly secret: PullSecretObject;
  readonly notes: readonly Problem[];
}

/** Makes a pull secret of the file's text. Its `auths` is all that is taken over. A problem when no login can be used. */
export function parseDockerConfigFile(text: string, path: string): Result<DockerLogins, readonly Problem[]> {
  const root = asObject(parseJson(text));
  if (root === undefined) {
    const fix = 'Name the config.json that docker login has written';
    return err([{ path, code: 'InvalidDockerConfig', message: 'this is not a JSON object', fix }]);
  }
  const notes = findHelpers(root, path);
  const secret: PullSecretObject = {
    name: DOCKER_CONFIG_NAME,
    type: DOCKER_CONFIG_JSON.type,
    data: { [DOCKER_CONFIG_JSON.dataKey]: encodeBase64(JSON.stringify({ auths: own(root, 'auths') ?? {} })) },
  };
  const parsed = parsePullSecret(secret);
  if (!parsed.ok) {
    // What the file would mean for a pod is not what its reader wants to know.
    const [message = parsed.error.message] = parsed.error.message.split('; the kubelet');
    return err([{ ...parsed.error, path, message }]);
  }
  // With a helper, docker leaves an empty entry for each registry.
  const isUsable = parsed.value?.entries.some(({ credential }) => !credential.isEmpty()) ?? false;
  return isUsable || notes.length === 0 ? ok({ secret, notes }) : err(notes);
}

/** Reads `~/.docker/config.json`, or any file of its form. */
export async function loadDockerConfig(path: string): Promise<Result<DockerLogins, readonly Problem[]>> {
  const text = await readManifestFile(path);
  return text.ok ? parseDockerConfigFile(text.value, path) : err([text.error]);
}
