// Set status: each condition's verdict and words, what survives from before, and that it fits the schema.
import { describe, expect, it } from 'vitest';
import { statusSchema } from '../../src/config/mirror-set-status.ts';
import { findCredentialsReady } from '../../src/domain/set-status-credentials.ts';
import {
  findAdmissionActive,
  findUpstreamAvailable,
  findValid,
} from '../../src/domain/set-status-conditions.ts';
import { findNodesReady } from '../../src/domain/set-status-nodes.ts';
import { makeSetStatus, MAX_REFUSED, printTime, readFormerStatus } from '../../src/domain/set-status.ts';
import type { CredentialFact, EndpointFact, SetFacts } from '../../src/domain/set-status-facts.ts';
import { makeMirror, makeSet } from '../support/make.ts';

const NOW = Date.UTC(2026, 4, 1, 10);
const NOTHING = readFormerStatus(undefined);

function up(endpoint: string, over: Partial<EndpointFact> = {}): EndpointFact {
  return { endpoint, health: 'up', cause: undefined, detail: '', since: NOW - 60_000, ...over };
}

const DOWN = {
  health: 'down',
  cause: 'unreachable',
  detail: 'connect ECONNREFUSED 127.0.0.2:443',
} as const;

function credential(over: Partial<CredentialFact> = {}): CredentialFact {
  return {
    set: 'ocir',
    namespace: 'shop',
    secret: 'registry-failover-from-regcred',
    state: 'ready',
    ...over,
  };
}

const SET = makeSet('fra.ocir.io', ['ams.ocir.io'], { name: 'ocir', generation: 3 });

function facts(over: Partial<SetFacts> = {}): SetFacts {
  return {
    generation: 3,
    set: SET,
    problems: [],
    nodesEnabled: false,
    nodes: { kind: 'NotInstalled' },
    endpoints: [up('fra.ocir.io'), up('ams.ocir.io')],
    credentials: [credential()],
    refused: [],
    namespaces: 1,
    admission: { seen: 4, unseen: 0, examples: [], isSkipping: false },
    podsOnMirrors: 2,
    installNamespace: 'registry-failover',
    ...over,
  };
}

const refused = {
  set: 'ocir',
  namespace: 'shop',
  secret: 'registry-failover-from-regcred',
  endpoint: 'ams.ocir.io',
  message: 'HTTP 401: Invalid username/password',
};

const taken = {
  path: 'registrymirrorset/ocir spec.upstream.prefix',
  code: 'PrefixTaken',
  message: 'fra.ocir.io belongs to the mirror set "older"',
  fix: 'Choose a longer prefix',
};

const secretMissing = {
  path: 'registrymirrorset/ocir spec.mirrors[0].credential.secretRef',
  code: 'SecretMissing',
  message: 'Secret registry-failover/dc1 does not exist, so nobody has this credential',
  fix: 'Make it: kubectl -n registry-failover create secret docker-registry dc1 ...',
};

describe('Valid', () => {
  it('is True when there is no problem', () => {
    expect(findValid(facts())).toMatchObject({ status: 'True', reason: 'Valid' });
  });

  it('carries the code of the problem, and says what to do', () => {
    expect(findValid(facts({ set: undefined, problems: [taken] }))).toEqual({
      type: 'Valid',
      status: 'False',
      reason: 'PrefixTaken',
      message:
        'Not in force. spec.upstream.prefix: fra.ocir.io belongs to the mirror set "older" [PrefixTaken]. Choose a longer prefix.',
    });
  });

  it('ends with one full stop, also after a command that is left open', () => {
    expect(findValid(facts({ problems: [secretMissing] })).message).toMatch(/[^.]\.\.\.$/u);
  });

  it.each<[string, Partial<SetFacts>, string]>([
    ['what is in force though', { problems: [secretMissing] }, 'In force, but not as declared. '],
    [
      'which generation is still in force',
      { problems: [taken], generation: 4 },
      'Generation 4 is not in force, 3 still is. ',
    ],
    [
      'how many more problems there are',
      { problems: Array.from({ length: 12 }, () => taken) },
      '(and 2 more)',
    ],
  ])('says %s', (_name, over, text) => {
    expect(findValid(facts(over)).message).toContain(text);
  });
});

describe('UpstreamAvailable', () => {
  it.each<[string, Partial<SetFacts>, string, string]>([
    ['the upstream answers', {}, 'True', 'Serving'],
    [
      'nobody has asked yet',
      { endpoints: [up('fra.ocir.io', { health: 'unknown' })] },
      'Unknown',
      'NotAskedYet',
    ],
    ['the set is not in force', { set: undefined, endpoints: [] }, 'Unknown', 'NotInForce'],
    ['it cannot be reached', { endpoints: [up('fra.ocir.io', DOWN)] }, 'False', 'Unreachable'],
    [
      'it answers with errors',
      { endpoints: [up('fra.ocir.io', { ...DOWN, cause: 'failing' })] },
      'False',
      'Failing',
    ],
  ])('when %s', (_name, over, status, reason) => {
    expect(findUpstreamAvailable(facts(over))).toMatchObject({ status, reason });
  });

  it('says what pods get meanwhile', () => {
    const endpoints = [up('fra.ocir.io', DOWN), up('ams.ocir.io')];
    expect(findUpstreamAvailable(facts({ endpoints })).message).toBe(
      'fra.ocir.io cannot be reached (connect ECONNREFUSED 127.0.0.2:443). New pods take their images from ams.ocir.io and return to the upstream at their next creation. There is nothing to do for them.',
    );
  });

  it.each<[string, Partial<SetFacts>, string]>([
    [
      'that no mirror is up either',
      { endpoints: [up('fra.ocir.io', DOWN), up('ams.ocir.io', DOWN)] },
      'No mirror is up either',
    ],
    [
      'that a mirror that is up cannot be used without its credential',
      {
        set: makeSet('fra.ocir.io', [makeMirror('ams.ocir.io', { source: 'Secret' })]),
        endpoints: [up('fra.ocir.io', DOWN), up('ams.ocir.io')],
      },
      'ams.ocir.io could serve, but there is no credential for it',
    ],
    [
      'that a mirror with a private CA cannot be used by nodes that do not trust it',
      {
        set: makeSet('fra.ocir.io', [makeMirror('ams.ocir.io', { trust: { pem: 'x', sha256: 'ab' } })]),
        endpoints: [up('fra.ocir.io', DOWN), up('ams.ocir.io')],
      },
      'nodes are not known to trust its CA',
    ],
    [
      'that not all pods can go to a mirror that refuses some credentials',
      { refused: [refused], endpoints: [up('fra.ocir.io', DOWN), up('ams.ocir.io')] },
      'from ams.ocir.io and return to the upstream at their next creation. Not all can: see CredentialsReady.',
    ],
    [
      'that the set does not rewrite',
      { set: { ...SET, mode: 'Observe' }, endpoints: [up('fra.ocir.io', DOWN)] },
      'does not rewrite',
    ],
    [
      'which mirror cannot serve while all is well',
      { endpoints: [up('fra.ocir.io'), up('ams.ocir.io', DOWN)] },
      'Of its mirrors 1 of 1 cannot serve: ams.ocir.io cannot be reached',
    ],
  ])('says %s', (_name, over, text) => {
    expect(findUpstreamAvailable(facts(over)).message).toContain(text);
  });
});

describe('CredentialsReady', () => {
  it.each<[string, Partial<SetFacts>, string, string, string]>([
    ['all are in place', {}, 'True', 'Ready', '1 derived pull secret in 1 namespace in place'],
    ['the set is not in force', { set: undefined }, 'Unknown', 'NotInForce', 'see Valid'],
    ['the set observes', { set: { ...SET, mode: 'Observe' } }, 'True', 'NotNeeded', 'only observes'],
    [
      'no mirror wants one',
      { set: makeSet('fra.ocir.io', [makeMirror('ams.ocir.io', { source: 'None' })]) },
      'True',
      'NotNeeded',
      'No mirror',
    ],
    ['the source is missing', { problems: [secretMissing] }, 'False', 'SourceMissing', 'kubectl -n'],
    [
      'one cannot be made',
      {
        credentials: [
          credential({ state: 'failed', problem: { message: 'no right', fix: 'Grant it' } }),
          credential({ namespace: 'pay', state: 'failed' }),
          credential({ namespace: 'web' }),
        ],
      },
      'False',
      'Failed',
      '2 of 3 derived pull secrets cannot be kept in place. shop/registry-failover-from-regcred: no right. Likewise: pay/registry-failover-from-regcred. Grant it.',
    ],
    [
      'one is refused',
      { refused: [refused] },
      'False',
      'Refused',
      'ams.ocir.io refuses the credential in shop/registry-failover-from-regcred (HTTP 401: Invalid username/password)',
    ],
    [
      'no namespace is opted in',
      { namespaces: 0, credentials: [] },
      'Unknown',
      'NoNamespace',
      'kubectl label',
    ],
    [
      'one is on its way',
      { credentials: [credential({ state: 'pending' })] },
      'False',
      'Pending',
      'shop/registry-failover-from-regcred',
    ],
    [
      'nobody has a credential for the upstream',
      { credentials: [] },
      'Unknown',
      'NoPullSecret',
      '--docker-server=fra.ocir.io',
    ],
  ])('when %s', (_name, over, status, reason, text) => {
    const finding = findCredentialsReady(facts(over));
    expect(finding).toMatchObject({ status, reason });
    expect(finding.message).toContain(text);
  });

  it("is not about the upstream's own credential, which is for probes", () => {
    const path = 'registrymirrorset/ocir spec.upstream.credential.secretRef';
    expect(findCredentialsReady(facts({ problems: [{ ...secretMissing, path }] })).reason).toBe('Ready');
  });
});

describe('AdmissionActive', () => {
  const skipped = { seen: 1, unseen: 5, examples: ['shop/a', 'shop/b', 'shop/c'], isSkipping: true };

  it.each<[string, Partial<SetFacts>, string, string, string]>([
    ['pods are seen', {}, 'True', 'PodsSeen', ''],
    ['the set is not in force', { set: undefined }, 'Unknown', 'NotInForce', 'see Valid'],
    [
      'pods are not seen',
      { admission: skipped },
      'False',
      'PodsNotSeen',
      '5 pods (shop/a, shop/b, shop/c and 2 more)',
    ],
    [
      'they are seen again',
      { admission: { ...skipped, isSkipping: false } },
      'True',
      'SomePodsNotSeen',
      '5 pods',
    ],
    [
      'there is no pod yet',
      { admission: { ...skipped, seen: 0, unseen: 0 } },
      'Unknown',
      'NoPodYet',
      '1 namespace opted in',
    ],
    [
      'there is no namespace',
      { namespaces: 0, admission: { ...skipped, seen: 0, unseen: 0 } },
      'Unknown',
      'NoNamespace',
      'kubectl label namespace',
    ],
  ])('when %s', (_name, over, status, reason, text) => {
    const finding = findAdmissionActive(facts(over));
    expect(finding).toMatchObject({ status, reason });
    expect(finding.message).toContain(text);
  });
});

describe('NodesReady', () => {
  it('does not frighten who has not asked for it', () => {
    expect(findNodesReady(facts()).reason).toBe('Disabled');
    expect(findNodesReady(facts({ nodesEnabled: true })).reason).toBe('NotInstalled');
  });
});

describe('makeSetStatus', () => {
  const first = makeSetStatus(facts(), NOTHING, NOW);

  it('has every condition once, with the generation it is about', () => {
    expect(first.conditions.map(({ type, observedGeneration }) => [type, observedGeneration])).toEqual([
      ['Valid', 3],
      ['UpstreamAvailable', 3],
      ['CredentialsReady', 3],
      ['AdmissionActive', 3],
      ['NodesReady', 3],
    ]);
    const behind = makeSetStatus(facts({ generation: 4, problems: [taken] }), NOTHING, NOW);
    expect(behind.conditions.map(({ observedGeneration }) => observedGeneration)).toEqual([4, 3, 3, 3, 3]);
  });

  it('counts', () => {
    expect(first).toMatchObject({
      observedGeneration: 3,
      namespaces: 1,
      derivedSecrets: 1,
      podsOnMirrors: 2,
    });
  });

  it('is the same for the same facts at any later time', () => {
    const later = makeSetStatus(facts(), readFormerStatus(first), NOW + 3_600_000);
    expect(later).toEqual(first);
    // The endpoint's health is only as old as the process that looks.
    const restarted = facts({
      endpoints: facts().endpoints.map((each) => ({ ...each, since: NOW + 3_600_000 })),
    });
    expect(makeSetStatus(restarted, readFormerStatus(first), NOW + 3_600_000)).toEqual(first);
  });

  it('gives a time to what has changed, and to nothing else', () => {
    const now = NOW + 3_600_000;
    const endpoints = [up('fra.ocir.io', { ...DOWN, since: now - 2_000 }), up('ams.ocir.io')];
    const next = makeSetStatus(facts({ endpoints }), readFormerStatus(first), now);
    const times = next.conditions.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]);
    expect(Object.fromEntries(times)).toEqual({
      Valid: printTime(NOW),
      UpstreamAvailable: printTime(now),
      CredentialsReady: printTime(NOW),
      AdmissionActive: printTime(NOW),
      NodesReady: printTime(NOW),
    });
    expect(next.endpoints).toEqual([
      { endpoint: 'fra.ocir.io', health: 'down', since: printTime(now - 2_000), reason: DOWN.detail },
      { endpoint: 'ams.ocir.io', health: 'up', since: printTime(NOW - 60_000) },
    ]);
  });

  it.each<[string, Partial<SetFacts>]>([
    ['as usual', {}],
    ['of a refused set', { set: undefined, problems: [taken], endpoints: [], credentials: [] }],
    [
      'with everything too long',
      {
        problems: Array.from({ length: 50 }, () => ({ ...taken, message: 'x'.repeat(2_000) })),
        endpoints: Array.from({ length: 30 }, (_, index) =>
          up(`m${index}.example`, { ...DOWN, detail: 'y'.repeat(4_000) }),
        ),
        refused: Array.from({ length: 100 }, (_, index) => ({ ...refused, namespace: `n${index}` })),
      },
    ],
  ])('fits the schema: %s', (_name, over) => {
    const status = makeSetStatus(facts(over), NOTHING, NOW);
    expect(statusSchema.safeParse(status).error).toBeUndefined();
    expect(status.refused.length).toBeLessThanOrEqual(MAX_REFUSED);
  });

  it('names no endpoint twice: the list is keyed by it', () => {
    const endpoints = [up('fra.ocir.io'), up('ams.ocir.io'), up('ams.ocir.io')];
    expect(makeSetStatus(facts({ endpoints }), NOTHING, NOW).endpoints).toHaveLength(2);
  });
});

describe('readFormerStatus', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['another shape', { conditions: 'x', endpoints: [1, null] }],
    ['times that are none', { conditions: [{ type: 'Valid', status: 'True', lastTransitionTime: 'soon' }] }],
    ['a condition without a type', { conditions: [{ status: 'True', lastTransitionTime: printTime(NOW) }] }],
  ])('finds nothing in %s', (_name, status) => {
    const former = readFormerStatus(status);
    expect(former.conditions.size + former.endpoints.size).toBe(0);
  });
});
