// Node sources: what of a mirror set a node's runtime may be told, by what that runtime does with credentials.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Mirror, MirrorSet, NodePolicy } from '../../src/domain/mirror-set.ts';
import { LEFT_OUT_REASONS } from '../../src/nodes/node-file.ts';
import { nodeCredentials } from '../../src/nodes/sources/node-credentials.ts';
import { nodeHosts, orderSources } from '../../src/nodes/sources/node-sources.ts';
import type { NodeHosts, Standing } from '../../src/nodes/sources/node-sources.ts';
import { RUNTIMES } from '../../src/nodes/data/wanted.ts';
import type { RuntimeName } from '../../src/nodes/data/wanted.ts';
import { makeMirror, makeNodePolicy, makeSecret, makeSet } from '../support/make.ts';
import { CA_ONE, mirror, upstream } from './cases.ts';

const VERSIONS = { crio: '1.34.0', containerd: '2.1.9' } as const;

const NODE_AUTH = makeNodePolicy({ credentials: 'NodeAuth' });

function forNodes(
  prefix: string,
  mirrors: readonly (string | Mirror)[],
  nodes: Partial<NodePolicy> = {},
  over: Partial<MirrorSet> = {},
): MirrorSet {
  return makeSet(prefix, mirrors, { nodes: makeNodePolicy(nodes), ...over });
}

function hostsOf(sets: readonly MirrorSet[], name: RuntimeName, out: readonly string[] = []): NodeHosts {
  return nodeHosts({
    sets,
    runtime: { name, version: VERSIONS[name] },
    orderOf: (endpoint) => (out.includes(endpoint.host) ? 'out' : 'well'),
  });
}

/** `endpoint auth` of the sources, and `endpoint reason` of what is left out. */
function brief({ hosts, leftOut }: NodeHosts): { in: string[]; out: string[] } {
  return {
    in: hosts.flatMap(({ sources }) => sources.map(({ endpoint, auth }) => `${endpoint} ${auth}`)),
    out: leftOut.map(({ endpoint, prefix, reason }) => `${endpoint ?? `(${prefix})`} ${reason}`),
  };
}

const own = makeSecret('ams-pull', { 'ams.ocir.io': 'robot' });
const other = makeSecret('other', { 'lhr.ocir.io': 'robot' });
const upstreamSecret = makeSecret('fra', { 'fra.ocir.io': 'tenant' });

/** One mirror as declared, the nodes' part of the set, and what becomes of it on each runtime: an auth or a reason. */
const RULES: readonly {
  readonly title: string;
  readonly mirror: Parameters<typeof makeMirror>[1];
  readonly nodes?: Partial<NodePolicy>;
  readonly set?: Partial<MirrorSet>;
  readonly crio: string;
  readonly containerd: string;
}[] = [
  {
    title: "the pod's own credential",
    mirror: { source: 'SameAsUpstream' },
    crio: 'CredentialNotSent',
    containerd: 'None',
  },
  {
    title: 'a credential of its own',
    mirror: { source: 'Secret', secret: own },
    crio: 'CredentialNotSent',
    containerd: 'WouldReceiveCredentials',
  },
  {
    title: "a credential of its own, and it may see the pod's",
    mirror: { source: 'Secret', secret: own, mayReceiveUpstreamCredential: true },
    crio: 'CredentialNotSent',
    containerd: 'None',
  },
  { title: 'public', mirror: { source: 'None' }, crio: 'None', containerd: 'WouldReceiveCredentials' },
  {
    title: "public, and it may see the pod's",
    mirror: { source: 'None', mayReceiveUpstreamCredential: true },
    crio: 'None',
    containerd: 'None',
  },
  {
    title: "the kubelet's plugin",
    mirror: { source: 'Node' },
    crio: 'NodeCredential',
    containerd: 'NodeCredential',
  },
  {
    title: "the kubelet's plugin, and it may see the pod's",
    mirror: { source: 'Node', mayReceiveUpstreamCredential: true },
    crio: 'NodeCredential',
    containerd: 'None',
  },
  {
    title: "NodeAuth, the pod's own credential",
    mirror: { source: 'SameAsUpstream' },
    nodes: NODE_AUTH,
    set: { upstreamSecret },
    crio: 'Node',
    containerd: 'Node',
  },
  {
    title: "NodeAuth, the pod's own credential, but none of the upstream",
    mirror: { source: 'SameAsUpstream' },
    nodes: NODE_AUTH,
    crio: 'NoNodeCredential',
    containerd: 'None',
  },
  {
    title: 'NodeAuth, a credential of its own',
    mirror: { source: 'Secret', secret: own },
    nodes: NODE_AUTH,
    crio: 'Node',
    containerd: 'Node',
  },
  {
    title: 'NodeAuth, a credential of its own, but the Secret is absent',
    mirror: { source: 'Secret' },
    nodes: NODE_AUTH,
    crio: 'NoNodeCredential',
    containerd: 'NoNodeCredential',
  },
  {
    title: 'NodeAuth, a credential of its own, but the Secret is for another',
    mirror: { source: 'Secret', secret: other },
    nodes: NODE_AUTH,
    crio: 'NoNodeCredential',
    containerd: 'NoNodeCredential',
  },
  {
    title: 'NodeAuth, public',
    mirror: { source: 'None' },
    nodes: NODE_AUTH,
    crio: 'None',
    containerd: 'WouldReceiveCredentials',
  },
  {
    title: "NodeAuth, the kubelet's plugin",
    mirror: { source: 'Node' },
    nodes: NODE_AUTH,
    crio: 'NodeCredential',
    containerd: 'NodeCredential',
  },
];

describe('nodeHosts', () => {
  it.each(RULES.flatMap((rule) => RUNTIMES.map((runtime) => ({ ...rule, runtime }))))(
    'on $runtime: $title',
    ({ mirror: over, nodes, set, runtime, ...verdicts }) => {
      const made = forNodes('fra.ocir.io', [makeMirror('ams.ocir.io', over)], nodes, set);
      const verdict = verdicts[runtime];
      const isIn = verdict === 'None' || verdict === 'Node';
      expect(brief(hostsOf([made], runtime))).toEqual(
        isIn
          ? { in: ['fra.ocir.io None', `ams.ocir.io ${verdict}`], out: [] }
          : { in: [], out: [`ams.ocir.io ${verdict}`, '(fra.ocir.io) NoMirrorLeft'] },
      );
    },
  );

  it('leaves out one mirror and keeps the others', () => {
    const set = forNodes('fra.ocir.io', [
      makeMirror('a.b', { source: 'Node' }),
      makeMirror('c.d', { source: 'None' }),
    ]);
    expect(brief(hostsOf([set], 'crio'))).toEqual({
      in: ['fra.ocir.io None', 'c.d None'],
      out: ['a.b NodeCredential'],
    });
  });

  it('leaves out a set that is not for nodes', () => {
    const set = makeSet('fra.ocir.io', ['ams.ocir.io']);
    expect(brief(hostsOf([set], 'containerd'))).toEqual({ in: [], out: ['(fra.ocir.io) NodesNotEnabled'] });
  });

  it('asks for wholeHost where containerd would send a whole host to the mirrors, and CRI-O would not', () => {
    const mirrors = [makeMirror('ams.ocir.io/team', { source: 'None', mayReceiveUpstreamCredential: true })];
    const set = forNodes('fra.ocir.io/team', mirrors);
    expect(brief(hostsOf([set], 'crio')).out).toEqual([]);
    expect(brief(hostsOf([set], 'containerd'))).toEqual({
      in: [],
      out: ['(fra.ocir.io/team) WholeHostNotAllowed'],
    });
    const allowed = forNodes('fra.ocir.io/team', mirrors, { wholeHost: true });
    expect(brief(hostsOf([allowed], 'containerd'))).toEqual({
      in: ['fra.ocir.io/team None', 'ams.ocir.io/team None'],
      out: [],
    });
  });

  it('says of what a runtime cannot express, which mirror of which set it is', () => {
    const set = forNodes('fra.ocir.io/team', ['ams.ocir.io', 'lhr.ocir.io/team'], { wholeHost: true });
    const { hosts, leftOut } = hostsOf([set], 'containerd');
    expect(hosts[0]?.order).toEqual(['fra.ocir.io/team', 'lhr.ocir.io/team']);
    expect(leftOut).toMatchObject([
      { set: 'fra-ocir-io-team', endpoint: 'ams.ocir.io', reason: 'PathNotExpressible' },
    ]);
  });

  describe('where sets share a host on containerd', () => {
    const whole = { wholeHost: true };

    it('merges those that say the same', () => {
      const sets = [
        forNodes('fra.ocir.io/b', ['ams.ocir.io/b'], whole),
        forNodes('fra.ocir.io/a', ['ams.ocir.io/a'], whole),
      ];
      expect(brief(hostsOf(sets, 'containerd'))).toEqual({
        in: ['fra.ocir.io/a None', 'ams.ocir.io/a None'],
        out: [],
      });
    });

    it('merges them whatever is out', () => {
      const sets = [
        forNodes('fra.ocir.io', ['ams.ocir.io']),
        forNodes('fra.ocir.io/a', ['ams.ocir.io/a'], whole),
      ];
      expect(hostsOf(sets, 'containerd', ['fra.ocir.io'])).toMatchObject({
        hosts: [{ order: ['ams.ocir.io', 'fra.ocir.io'] }],
        leftOut: [],
      });
    });

    it('keeps the shortest prefix of those that do not, whatever their order', () => {
      const sets = [
        forNodes('fra.ocir.io/a', ['lhr.ocir.io/a'], whole),
        forNodes('fra.ocir.io', ['ams.ocir.io']),
        forNodes('quay.io', ['m.example']),
      ];
      for (const given of [sets, sets.toReversed()]) {
        const { hosts, leftOut } = hostsOf(given, 'containerd');
        expect(hosts.map(({ prefix }) => prefix)).toEqual(['fra.ocir.io', 'quay.io']);
        expect(leftOut.map(({ set, reason }) => `${set} ${reason}`)).toEqual(['fra-ocir-io-a HostShared']);
        expect(leftOut[0]?.message).toContain('mirror set fra-ocir-io (fra.ocir.io)');
      }
    });

    it('does not merge those whose nodes would log in differently', () => {
      const [one, two] = ['a', 'b'].map((path) =>
        forNodes(
          `fra.ocir.io/${path}`,
          [
            makeMirror(`ams.ocir.io/${path}`, {
              source: 'Secret',
              secret: makeSecret(path, { 'ams.ocir.io': path }),
            }),
          ],
          { ...NODE_AUTH, ...whole },
        ),
      );
      expect(brief(hostsOf([one!, two!], 'containerd')).out).toEqual(['(fra.ocir.io/b) HostShared']);
    });

    it('keeps both on CRI-O', () => {
      const sets = [
        forNodes('fra.ocir.io', [makeMirror('ams.ocir.io', { source: 'None' })]),
        forNodes('fra.ocir.io/a', [makeMirror('lhr.ocir.io/a', { source: 'None' })]),
      ];
      expect(hostsOf(sets, 'crio').hosts).toHaveLength(2);
    });
  });

  it('hands over certificates, and leaves out a bundle that is too long for the data', () => {
    const trust = { pem: CA_ONE, sha256: 'f'.repeat(64) };
    const long = { pem: CA_ONE.repeat(150), sha256: 'e'.repeat(64) };
    const set = forNodes('fra.ocir.io', [makeMirror('a.b', { trust }), makeMirror('c.d', { trust: long })]);
    const { hosts, leftOut } = hostsOf([set], 'containerd');
    expect(hosts[0]?.sources.map(({ caPem }) => caPem)).toEqual(['', CA_ONE]);
    expect(leftOut.map(({ endpoint, reason }) => `${endpoint} ${reason}`)).toEqual(['c.d CaNotUsable']);
  });

  it('leaves out certificates that an agent could not read, which would refuse all of the data for them', () => {
    const trust = { pem: CA_ONE, sha256: 'f'.repeat(64) };
    const set = forNodes('fra.ocir.io', [makeMirror('a.b', { trust }), 'c.d']);
    const input = {
      runtime: { name: 'containerd', version: '2.1.9' },
      orderOf: (): Standing => 'well',
    } as const;
    const unread = nodeHosts({ ...input, sets: [set], readsCertificates: (pem) => pem !== CA_ONE });
    expect(brief(unread)).toEqual({ in: ['fra.ocir.io None', 'c.d None'], out: ['a.b CaNotUsable'] });
    const upstream = { ...set, upstream: { ...set.upstream, trust } };
    const none = nodeHosts({ ...input, sets: [upstream], readsCertificates: () => false });
    expect(brief(none)).toEqual({ in: [], out: ['(fra.ocir.io) CaNotUsable'] });
  });

  it('leaves out what is beyond the size of the data', () => {
    const trust = { pem: CA_ONE.repeat(100), sha256: 'f'.repeat(64) };
    const sets = Array.from({ length: 20 }, (_, index) =>
      forNodes(`r${index}.example`, [makeMirror('a.b', { trust })]),
    );
    const { hosts, leftOut } = hostsOf(sets, 'containerd');
    const size = hosts.flatMap(({ sources }) => sources).reduce((sum, { caPem }) => sum + caPem.length, 0);
    expect(size).toBeLessThanOrEqual(1_000_000);
    expect(hosts.length + leftOut.length).toBe(20);
    expect(new Set(leftOut.map(({ reason }) => reason))).toEqual(new Set(['TooMuch']));
  });

  it('says what to do in every sentence about something that is left out', () => {
    const messages = new Map<string, string>();
    const sets = [
      ...RULES.map(({ mirror: over, nodes, set }) =>
        forNodes('fra.ocir.io', [makeMirror('ams.ocir.io', over)], nodes, set),
      ),
      makeSet('quay.io', ['ams.ocir.io']),
    ];
    for (const set of sets)
      for (const runtime of RUNTIMES)
        for (const { reason, message } of hostsOf([set], runtime).leftOut) messages.set(reason, message);
    expect([...messages.keys()].every((reason) => LEFT_OUT_REASONS.some((one) => one === reason))).toBe(true);
    for (const message of messages.values()) {
      expect(message).toMatch(/^[A-Zcf].*\.$/);
      expect(message.length).toBeLessThan(400);
    }
  });
});

describe('orderSources', () => {
  const sources = [upstream('u'), mirror('a'), mirror('b'), mirror('c')];
  const order = (...out: string[]): string =>
    orderSources(sources, (endpoint) => (out.includes(endpoint) ? 'out' : 'well')).join(' ');

  it.each([
    ['everything is well', [], 'u a b c'],
    ['a mirror is out', ['a'], 'u b c a'],
    ['the upstream is out', ['u'], 'a b c u'],
    ['the upstream and a mirror are out', ['u', 'a'], 'b c a u'],
    ['nothing is well', ['u', 'a', 'b', 'c'], 'u a b c'],
  ])('when %s', (_, out, expected) => {
    expect(order(...out)).toBe(expected);
  });

  it('names every source once, whatever is out', () => {
    fc.assert(
      fc.property(fc.subarray(['u', 'a', 'b', 'c']), (out) => {
        expect(
          order(...out)
            .split(' ')
            .toSorted(),
        ).toEqual(['a', 'b', 'c', 'u']);
      }),
    );
  });

  it('puts nothing that is out before something that is well, but an upstream when nothing is', () => {
    fc.assert(
      fc.property(fc.subarray(['u', 'a', 'b', 'c'], { maxLength: 3 }), (out) => {
        const standings = order(...out)
          .split(' ')
          .map((endpoint): Standing => (out.includes(endpoint) ? 'out' : 'well'));
        const isMirrorWell = ['a', 'b', 'c'].some((endpoint) => !out.includes(endpoint));
        const relevant = isMirrorWell ? standings : standings.slice(1);
        expect(relevant.join(' ')).toMatch(/^(?:well ?)*(?:out ?)*$/);
      }),
    );
  });
});

describe('a credential that the agents have for another set’s nodes', () => {
  it('is not shown by nodes that that set is not for', () => {
    const theirs = makeSecret('their-pull', { 'ams.ocir.io': 'privileged' });
    const nodes = NODE_AUTH;
    const mine = forNodes(
      'fra.ocir.io',
      [makeMirror('ams.ocir.io', { source: 'Secret', secret: own })],
      nodes,
    );
    const secret = makeMirror('ams.ocir.io', { source: 'Secret', secret: theirs });
    const first = forNodes('lhr.ocir.io', [secret], nodes);
    for (const name of RUNTIMES) {
      const runtime = { name, version: VERSIONS[name] };
      const input = { sets: [mine], runtime, orderOf: () => 'well' as const };
      expect(brief(nodeHosts(input)).in).toContain('ams.ocir.io Node');
      const shown = nodeCredentials([first, mine]);
      expect(brief(nodeHosts({ ...input, shown })).out).toContain('ams.ocir.io CredentialOfOtherNodes');
    }
  });
});

describe('nodeCredentials', () => {
  it('is by endpoint, of the sets that have it, the first of two for one endpoint', () => {
    const second = makeSecret('second', { 'ams.ocir.io': 'second' });
    const sets = [
      forNodes('fra.ocir.io', [makeMirror('ams.ocir.io', { source: 'Secret', secret: own })], NODE_AUTH),
      forNodes(
        'quay.io',
        [makeMirror('ams.ocir.io', { source: 'Secret', secret: second }), 'm.example/q'],
        NODE_AUTH,
        {
          upstreamSecret: makeSecret('quay', { 'quay.io': 'quay' }),
        },
      ),
      forNodes('gcr.io', [
        makeMirror('n.example', { source: 'Secret', secret: makeSecret('n', { 'n.example': 'n' }) }),
      ]),
      makeSet('a.b', [makeMirror('c.d', { source: 'Secret', secret: makeSecret('c', { 'c.d': 'c' }) })], {
        nodes: { ...NODE_AUTH, enabled: false },
      }),
    ];
    const users = [...nodeCredentials(sets)].map(([endpoint, { username }]) => `${endpoint} ${username}`);
    expect(users).toEqual(['ams.ocir.io robot', 'm.example/q quay']);
  });

  it('passes over entries that are no way in', () => {
    const secret = makeSecret('s', { 'ams.ocir.io': 'robot' });
    const [entry] = makeSecret('e', { 'ams.ocir.io/deep': '' }).entries;
    const set = forNodes(
      'fra.ocir.io',
      [
        makeMirror('ams.ocir.io', {
          source: 'Secret',
          secret: { ...secret, entries: [entry!, ...secret.entries] },
        }),
      ],
      NODE_AUTH,
    );
    expect(nodeCredentials([set]).get('ams.ocir.io')?.username).toBe('robot');
  });
});
