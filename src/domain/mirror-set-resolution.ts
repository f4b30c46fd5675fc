// Mirror set resolution: one declared set with its secrets, CAs and endpoints looked up, or why it cannot be in force.
import { Report, secretOf, trustOf } from './declared-refs.ts';
import type { Refs, Resolution } from './declared-refs.ts';
import { deriveForSet } from './derived-secret.ts';
import { endpointOfPrefix, hostMatchesPattern, parseEndpoint, printEndpoint } from './endpoint.ts';
import type { Endpoint } from './endpoint.ts';
import type { LabelSelector } from './label-selector.ts';
import type { LabelSelectorSpec, MirrorSetObject, MirrorSpec } from './mirror-set-object.ts';
import type { Mirror, MirrorSet } from './mirror-set.ts';
import type { ParsedPullSecret } from './pull-secret.ts';
import { quote } from './reference-grammar.ts';
import { parsePrefix } from './reference.ts';

function checkAllowed(endpoint: Endpoint, field: string, refs: Refs, report: Report): void {
  const patterns = refs.allowedEndpoints;
  if (patterns.length === 0 || patterns.some((pattern) => hostMatchesPattern(pattern, endpoint))) return;
  report.refuse(field, {
    code: 'EndpointNotAllowed',
    message: `${endpoint.host} matches none of the allowed endpoints: ${patterns.join(', ')}`,
    fix: 'Add a pattern for it to allowedEndpoints of the installation, or take it out of the set',
  });
}

function selectorOf(selector: LabelSelectorSpec): LabelSelector {
  return {
    matchLabels: selector.matchLabels ?? {},
    matchExpressions: (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => ({
      key,
      operator,
      values,
    })),
  };
}

function resolveMirror(mirror: MirrorSpec, field: string, refs: Refs, report: Report): Mirror | undefined {
  const trust = trustOf(mirror.caBundle, `${field}.caBundle`, refs, report);
  const secret = secretOf(mirror.credential, `${field}.credential`, refs, report);
  const endpoint = parseEndpoint(mirror.endpoint, trust);
  if (!endpoint.ok) {
    report.refuse(`${field}.endpoint`, endpoint.error);
    return undefined;
  }
  checkAllowed(endpoint.value, `${field}.endpoint`, refs, report);
  return {
    endpoint: endpoint.value,
    source: mirror.credential.source,
    secret,
    trustedByNodes: mirror.trustedByNodes,
    mayReceiveUpstreamCredential: mirror.mayReceiveUpstreamCredential,
  };
}

function canaryOf(text: string): MirrorSet['canary'] {
  const colon = text.lastIndexOf(':');
  return colon === -1 ? undefined : { repository: text.slice(0, colon), tag: text.slice(colon + 1) };
}

/** A secret that has entries for other registries only is as good as none, and nobody would notice. */
function checkEntries(set: MirrorSet, report: Report): void {
  const owners: (readonly [string, Endpoint, ParsedPullSecret | undefined])[] = [
    ['spec.upstream.credential.secretRef', set.upstream, set.upstreamSecret],
    ...set.mirrors.map(
      (mirror, index) =>
        [`spec.mirrors[${index}].credential.secretRef`, mirror.endpoint, mirror.secret] as const,
    ),
  ];
  for (const [field, endpoint, secret] of owners) {
    const mirror = { trustedByNodes: false, mayReceiveUpstreamCredential: false };
    const alone = { ...set, mirrors: [{ ...mirror, endpoint, secret, source: 'Secret' as const }] };
    if (secret === undefined || deriveForSet(alone) !== undefined) continue;
    // A key may be a URL with a user and password before its `@`.
    const keys = secret.entries.map(({ key }) => quote(key.slice(key.lastIndexOf('@') + 1))).join(', ');
    report.note(field, {
      code: 'SecretWithoutEntry',
      message: `Secret "${secret.name}" has no entry for ${printEndpoint(endpoint)}, only for: ${keys === '' ? 'nothing' : keys}`,
      fix: `Add an entry to it under the key ${printEndpoint(endpoint)}`,
    });
  }
}

/**
 * Resolves one set. It is refused when a CA is missing or is no PEM (TLS would fail), and when a host is not allowed; a
 * secret that is missing or cannot be read costs that credential only.
 */
export function resolveMirrorSet(object: MirrorSetObject, refs: Refs): Resolution {
  const report = new Report(object);
  const { upstream, mirrors, failover, namespaceSelector, nodes } = object.spec;
  const trust = trustOf(upstream.caBundle, 'spec.upstream.caBundle', refs, report);
  const upstreamSecret = secretOf(upstream.credential, 'spec.upstream.credential', refs, report);
  const prefix = parsePrefix(upstream.prefix);
  if (!prefix.ok) report.refuse('spec.upstream.prefix', prefix.error);
  const resolved = mirrors.flatMap(
    (mirror, index) => resolveMirror(mirror, `spec.mirrors[${index}]`, refs, report) ?? [],
  );
  if (!prefix.ok) return report.resolution(undefined);
  const endpoint = endpointOfPrefix(prefix.value, trust);
  checkAllowed(endpoint, 'spec.upstream.prefix', refs, report);
  const set: MirrorSet = {
    name: object.name,
    generation: object.generation,
    createdAt: object.createdAt,
    namespaceSelector: namespaceSelector === undefined ? undefined : selectorOf(namespaceSelector),
    prefix: prefix.value,
    upstream: endpoint,
    upstreamSecret,
    canary: canaryOf(upstream.canary),
    mirrors: resolved,
    mode: failover.mode,
    on: new Set(failover.on),
    digestPolicy: failover.digestPolicy,
    rescue: failover.rescue,
    nodes: { ...nodes, selector: selectorOf(nodes.selector) },
  };
  checkEntries(set, report);
  return report.resolution(set);
}
