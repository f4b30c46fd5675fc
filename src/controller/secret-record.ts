// Secret record: what is kept in memory of a Secret of an opted-in namespace: of most of them nothing at all.
import { isDerivedName, isTooLarge, MAX_SOURCE_TEXT } from '../domain/derived-secret.ts';
import { asObject, asString, own } from '../domain/json.ts';
import { parsePullSecret, pullSecretData } from '../domain/pull-secret.ts';
import type { ParsedPullSecret } from '../domain/pull-secret.ts';
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';
import type { FoundSecret, SourceSecret } from '../domain/secret-plan.ts';
import { DATA_KEY, isDerivedObject, ownAnnotations } from '../domain/secret-plan-object.ts';
import type { KubeObject } from '../kubernetes/resource.ts';
import { sha256Hex } from '../nodes/sha256.ts';

/** A pull secret of the namespace's own, or whatever stands under the name of a derived one. */
export type SecretRecord =
  | { readonly kind: 'source'; readonly source: SourceSecret }
  | { readonly kind: 'derived'; readonly found: FoundSecret };

function parse(object: KubeObject): Result<ParsedPullSecret | undefined, Problem> {
  const type = asString(own(object, 'type')) ?? '';
  return parsePullSecret({
    name: object.metadata.name,
    type,
    data: pullSecretData(type, own(object, 'data')),
  });
}

function foundSecret(object: KubeObject): FoundSecret {
  const { name, uid = '', labels = {}, annotations = {} } = object.metadata;
  const parsed = parse(object);
  const isOurs = isDerivedObject(name, asString(own(object, 'type')) ?? '', labels);
  return {
    name,
    uid,
    isOurs,
    labels,
    annotations: ownAnnotations(annotations),
    dataHash: sha256Hex(asString(own(asObject(own(object, 'data')), DATA_KEY)) ?? ''),
    entries: isOurs && parsed.ok ? (parsed.value?.entries ?? []) : [],
  };
}

function tooLarge(): Problem {
  return {
    path: '.data',
    code: 'PullSecretTooLarge',
    message: `it holds more than ${MAX_SOURCE_TEXT / 1024} KiB of credentials, and nothing is derived from so much`,
    fix: 'Keep the credentials that pods pull with in a pull secret of their own',
  };
}

/** An informer's `keep`. undefined: of a type that the kubelet ignores, so that nothing can be derived from it. */
export function keepSecret(object: KubeObject): SecretRecord | undefined {
  const { name, uid = '' } = object.metadata;
  if (isDerivedName(name)) return { kind: 'derived', found: foundSecret(object) };
  const parsed = parse(object);
  if (!parsed.ok) return { kind: 'source', source: { name, uid, content: parsed } };
  if (parsed.value !== undefined && isTooLarge(parsed.value))
    return { kind: 'source', source: { name, uid, content: err(tooLarge()) } };
  return parsed.value === undefined
    ? undefined
    : { kind: 'source', source: { name, uid, content: ok(parsed.value) } };
}
