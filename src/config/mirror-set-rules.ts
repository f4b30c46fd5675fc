// The rules about several fields of one mirror set.
import { asArray, asObject, asString } from '../domain/json.ts';
import type { JsonObject } from '../domain/json.ts';
import { quote } from '../domain/reference-grammar.ts';
import type { Rule } from './rule.ts';

type Fields = JsonObject;

/** The same place is written in one way only: lower case, Docker Hub's own name, no default port. Twin of celPlace. */
function placeOf(endpoint: string): string {
  return `|${endpoint.toLowerCase()}/`.replace('|index.docker.io/', '|docker.io/').replace(':443/', '/');
}

function celPlace(expression: string): string {
  return `('|' + ${expression}.lowerAscii() + '/').replace('|index.docker.io/', '|docker.io/').replace(':443/', '/')`;
}

function mirrorsOf(spec: Fields): readonly (JsonObject | undefined)[] {
  return asArray(spec['mirrors']).map(asObject);
}

function endpointsOf(spec: Fields): readonly (string | undefined)[] {
  return mirrorsOf(spec).map((mirror) => asString(mirror?.['endpoint']));
}

function sourceOf(owner: JsonObject | undefined): unknown {
  return asObject(owner?.['credential'])?.['source'];
}

/** A mirror below the prefix would be mapped a second time when a pod names it, and dies with the upstream's host. */
const mirrorIsNotUpstream: Rule<Fields> = {
  code: 'MirrorIsUpstream',
  message: 'a mirror is the upstream itself, or a path below it, so that it fails when the upstream fails',
  fix: 'Name another registry, or remove the mirror',
  cel: `self.mirrors.all(m, !${celPlace('m.endpoint')}.startsWith(${celPlace('self.upstream.prefix')}))`,
  celField: '.mirrors',
  find: (spec) => {
    const prefix = asString(asObject(spec['upstream'])?.['prefix']);
    if (prefix === undefined) return [];
    return endpointsOf(spec).flatMap((endpoint, index) => {
      if (endpoint === undefined || !placeOf(endpoint).startsWith(placeOf(prefix))) return [];
      const isSame = placeOf(endpoint) === placeOf(prefix);
      const message = isSame
        ? `${quote(endpoint)} is the upstream itself, so this mirror fails when the upstream fails`
        : `${quote(endpoint)} is below the upstream ${quote(prefix)}, so this mirror fails when the upstream fails`;
      return [{ path: ['mirrors', index, 'endpoint'], message }];
    });
  },
};

const mirrorsDiffer: Rule<Fields> = {
  code: 'MirrorTwice',
  message: 'two mirrors are the same place, and asking it twice gains nothing',
  fix: 'Remove one of them',
  cel: `self.mirrors.all(m, self.mirrors.exists_one(n, ${celPlace('n.endpoint')} == ${celPlace('m.endpoint')}))`,
  celField: '.mirrors',
  find: (spec) => {
    const places = endpointsOf(spec).map((endpoint) =>
      endpoint === undefined ? undefined : placeOf(endpoint),
    );
    return places.flatMap((place, index) => {
      const first = places.indexOf(place);
      if (place === undefined || first === index) return [];
      const message = `this is the same place as spec.mirrors[${first}], and asking it twice gains nothing`;
      return [{ path: ['mirrors', index, 'endpoint'], message }];
    });
  },
};

const upstreamCredentialIsSecret: Rule<Fields> = {
  code: 'UpstreamCredentialSource',
  message: "the upstream's credential serves health probes and NodeAuth, and only source: Secret names one",
  fix: 'Write source: Secret with a secretRef, or remove spec.upstream.credential',
  cel: "!has(self.upstream.credential) || self.upstream.credential.source == 'Secret'",
  celField: '.upstream.credential.source',
  find: (spec) => {
    const source = sourceOf(asObject(spec['upstream']));
    return source === 'SameAsUpstream' || source === 'Node' || source === 'None'
      ? [{ path: ['upstream', 'credential', 'source'] }]
      : [];
  },
};

const selectorIsWrittenOut: Rule<Fields> = {
  code: 'NamespaceSelectorRequired',
  message:
    'a mirror has source: Secret, so every pod creator in the selected namespaces can read all that this credential can read: which namespaces must be written out',
  fix: 'Add spec.namespaceSelector; {} grants it to every opted-in namespace',
  cel: "has(self.namespaceSelector) || self.mirrors.all(m, m.credential.source != 'Secret')",
  find: (spec) =>
    spec['namespaceSelector'] === undefined && mirrorsOf(spec).some((mirror) => sourceOf(mirror) === 'Secret')
      ? [{ path: ['namespaceSelector'] }]
      : [],
};

const nodeAuthHasCredential: Rule<Fields> = {
  code: 'UpstreamCredentialRequired',
  message:
    "nodes.credentials is NodeAuth and a mirror has source: SameAsUpstream, so nodes need the upstream's credential, and there is none",
  fix: 'Add spec.upstream.credential with source: Secret, or write nodes.credentials: None',
  cel: "self.nodes.credentials != 'NodeAuth' || has(self.upstream.credential) || self.mirrors.all(m, m.credential.source != 'SameAsUpstream')",
  celField: '.nodes.credentials',
  find: (spec) => {
    const upstream = asObject(spec['upstream']);
    const isNeeded =
      asObject(spec['nodes'])?.['credentials'] === 'NodeAuth' &&
      mirrorsOf(spec).some((mirror) => sourceOf(mirror) === 'SameAsUpstream');
    return isNeeded && upstream !== undefined && upstream['credential'] === undefined
      ? [{ path: ['upstream', 'credential'] }]
      : [];
  },
};

export const SPEC_RULES: readonly Rule<Fields>[] = [
  mirrorIsNotUpstream,
  mirrorsDiffer,
  upstreamCredentialIsSecret,
  selectorIsWrittenOut,
  nodeAuthHasCredential,
];
