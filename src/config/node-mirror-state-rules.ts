// The rules about several fields of what a node is to have: sources, their order, prefixes.
import { asArray, asObject, asString } from '../domain/json.ts';
import type { JsonObject } from '../domain/json.ts';
import { quote } from '../domain/reference-grammar.ts';
import { WANTED_FAULTS } from '../domain/wanted-faults.ts';
import type { Rule } from './rule.ts';

type Fields = JsonObject;

function sourcesOf(host: Fields): readonly (JsonObject | undefined)[] {
  return asArray(host['sources']).map(asObject);
}

function endpointsOf(host: Fields): readonly (string | undefined)[] {
  return sourcesOf(host).map((source) => asString(source?.['endpoint']));
}

/** The places of a list at which a text stands that stood there before. */
function repeated(texts: readonly (string | undefined)[]): readonly number[] {
  return texts.flatMap((text, index) => (text !== undefined && texts.indexOf(text) < index ? [index] : []));
}

const oneUpstream: Rule<Fields> = {
  ...WANTED_FAULTS.upstream,
  cel: "self.sources.exists_one(s, s.role == 'Upstream') && self.sources.exists_one(s, s.role == 'Upstream' && s.endpoint == self.prefix)",
  celField: '.sources',
  find: (host) => {
    const upstreams = sourcesOf(host).filter((source) => source?.['role'] === 'Upstream');
    const isRight = upstreams.length === 1 && upstreams[0]?.['endpoint'] === host['prefix'];
    return !Array.isArray(host['sources']) || isRight ? [] : [{ path: ['sources'] }];
  },
};

const sourcesDiffer: Rule<Fields> = {
  ...WANTED_FAULTS.source,
  cel: 'self.sources.all(s, self.sources.exists_one(t, t.endpoint == s.endpoint))',
  celField: '.sources',
  find: (host) => repeated(endpointsOf(host)).map((index) => ({ path: ['sources', index, 'endpoint'] })),
};

/** Never fewer sources than there are, never one that is not declared: the upstream is in every order. */
const orderIsOfSources: Rule<Fields> = {
  ...WANTED_FAULTS.order,
  cel: 'self.order.size() == self.sources.size() && self.sources.all(s, self.order.exists_one(e, e == s.endpoint))',
  celField: '.order',
  find: (host) => {
    if (!Array.isArray(host['order'])) return [];
    const order = host['order'] as readonly unknown[];
    const endpoints = endpointsOf(host);
    const isRight =
      order.length === endpoints.length &&
      endpoints.every((endpoint) => order.filter((one) => one === endpoint).length === 1);
    return isRight ? [] : [{ path: ['order'] }];
  },
};

const prefixesDiffer: Rule<Fields> = {
  ...WANTED_FAULTS.prefix,
  cel: 'self.hosts.all(h, self.hosts.exists_one(i, i.prefix == h.prefix))',
  celField: '.hosts',
  find: (wanted) => {
    const prefixes = asArray(wanted['hosts']).map((host) => asString(asObject(host)?.['prefix']));
    return repeated(prefixes).map((index) => ({
      path: ['hosts', index, 'prefix'],
      message: `${quote(prefixes[index] ?? '')} is the prefix of another host already`,
    }));
  },
};

const restoreIsEmpty: Rule<Fields> = {
  ...WANTED_FAULTS.restore,
  cel: "self.action != 'Restore' || self.hosts.size() == 0",
  celField: '.hosts',
  find: (wanted) =>
    wanted['action'] === 'Restore' && asArray(wanted['hosts']).length > 0 ? [{ path: ['hosts'] }] : [],
};

export const HOST_RULES: readonly Rule<Fields>[] = [oneUpstream, sourcesDiffer, orderIsOfSources];
export const WANTED_RULES: readonly Rule<Fields>[] = [prefixesDiffer, restoreIsEmpty];
