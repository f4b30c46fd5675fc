// Wanted parse: an agent acts on nothing that it has not checked, and says everything that is wrong at once.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readsCertificates } from '../../src/nodes/rendering/pem-text.ts';
import { parseNodeWanted } from '../../src/nodes/data/wanted-parse.ts';
import type { WantedOptions } from '../../src/nodes/data/wanted-parse.ts';
import { revisionOf } from '../../src/nodes/data/wanted.ts';
import type { NodeWanted } from '../../src/nodes/data/wanted.ts';
import { CA_ONE, CA_TWO, NODE_CASES, host, inputOf, mirror, upstream } from './cases.ts';

type Fields = Record<string, unknown>;

const CRIO = { name: 'crio', version: '1.34.0' } as const;

function wanted(changes: Fields = {}): Fields {
  const one = {
    name: '',
    hosts: [host([upstream('fra.ocir.io'), mirror('ams.ocir.io'), mirror('dc1.example:5000/o')])],
  };
  return { ...inputOf(one, CRIO).wanted, ...changes };
}

/** One mirror and its upstream. */
function withMirror(changes: Fields): Fields {
  const endpoint = changes['endpoint'] ?? 'ams.ocir.io';
  const sources = [upstream('fra.ocir.io'), { ...mirror('ams.ocir.io'), ...changes }];
  return wanted({ hosts: [{ prefix: 'fra.ocir.io', sources, order: ['fra.ocir.io', endpoint] }] });
}

function withHost(changes: Fields): Fields {
  return wanted({ hosts: [{ ...host([upstream('fra.ocir.io'), mirror('ams.ocir.io')]), ...changes }] });
}

function problemsOf(value: unknown, options: Partial<WantedOptions> = {}): readonly string[] {
  const parsed = parseNodeWanted(value, { allowedEndpoints: [], ...options });
  if (parsed.ok) return [];
  for (const problem of parsed.error) {
    expect(problem.message).toMatch(/[^.\s]$/);
    expect(problem.fix).toMatch(/^[A-Z].*[^.\s]$/);
  }
  return parsed.error.map(({ path, code }) => `${path} ${code}`);
}

describe('parseNodeWanted', () => {
  it.each(NODE_CASES)('takes $name', (one) => {
    const value = structuredClone(inputOf(one, CRIO).wanted);
    expect(parseNodeWanted(value, { allowedEndpoints: [] })).toEqual({ ok: true, value });
  });

  it.each([
    ['nothing wanted', wanted({ hosts: [] })],
    ['a restore', wanted({ action: 'Restore', hosts: [] })],
    ['certificates', withMirror({ caPem: CA_ONE + CA_TWO })],
  ])('takes %s', (_, value) => {
    expect(problemsOf(value)).toEqual([]);
  });

  it.each<[string, unknown, readonly string[]]>([
    ['nothing', undefined, [' InvalidType']],
    ['a list', [], [' InvalidType']],
    ['another version', wanted({ version: 2, owner: 7 }), ['version UnknownVersion']],
    ['no version', wanted({ version: undefined }), ['version UnknownVersion']],
    ['an unknown field', wanted({ files: ['/etc/passwd'] }), ['files UnknownField']],
    ['a short revision', wanted({ revision: '0' }), ['revision InvalidRevision']],
    ['an owner with a line feed', wanted({ owner: 'a\n' }), ['owner InvalidOwner']],
    [
      'an unknown runtime',
      wanted({ runtime: { name: 'docker', version: '1' } }),
      ['runtime.name InvalidValue'],
    ],
    ['no runtime', wanted({ runtime: undefined }), ['runtime InvalidType']],
    [
      'an odd runtime version',
      wanted({ runtime: { name: 'crio', version: '1"' } }),
      ['runtime.version InvalidRuntimeVersion'],
    ],
    ['an unknown action', wanted({ action: 'Remove' }), ['action InvalidValue']],
    ['hosts that are no list', wanted({ hosts: {} }), ['hosts InvalidList']],
    ['a host that is none', wanted({ hosts: ['a.b'] }), ['hosts[0] InvalidType']],
    ['a restore with hosts', wanted({ action: 'Restore' }), ['hosts RestoreWithHosts']],
    [
      'a prefix twice',
      wanted({ hosts: [host([upstream('a.b'), mirror('c.d')]), host([upstream('a.b'), mirror('e.f')])] }),
      ['hosts PrefixTwice'],
    ],
    ['an upper-case prefix', withHost({ prefix: 'FRA.ocir.io' }), ['hosts[0].prefix InvalidEndpoint']],
    [
      'no mirror',
      withHost({ sources: [upstream('fra.ocir.io')], order: ['fra.ocir.io'] }),
      ['hosts[0].sources InvalidList', 'hosts[0].order InvalidList'],
    ],
    [
      'no upstream',
      withHost({ sources: [mirror('fra.ocir.io'), mirror('ams.ocir.io')] }),
      ['hosts[0].sources OneUpstream'],
    ],
    ['two upstreams', withMirror({ role: 'Upstream' }), ['hosts[0].sources OneUpstream']],
    [
      'another upstream',
      withHost({ sources: [mirror('fra.ocir.io'), upstream('ams.ocir.io')] }),
      ['hosts[0].sources OneUpstream'],
    ],
    [
      'a source twice',
      withHost({
        sources: [upstream('fra.ocir.io'), mirror('fra.ocir.io')],
        order: ['fra.ocir.io', 'fra.ocir.io'],
      }),
      ['hosts[0].sources SourceTwice'],
    ],
    [
      'an order without the upstream',
      withHost({ order: ['ams.ocir.io', 'ams.ocir.io'] }),
      ['hosts[0].order OrderIncomplete'],
    ],
    [
      'an order with a stranger',
      withHost({ order: ['fra.ocir.io', 'ams.ocir.io', 'evil.example'] }),
      ['hosts[0].order OrderIncomplete'],
    ],
    [
      'a scheme',
      withMirror({ endpoint: 'http://ams.ocir.io' }),
      ['hosts[0].sources[1].endpoint InvalidEndpoint'],
    ],
    [
      'a way out of a folder',
      withMirror({ endpoint: 'ams.ocir.io/../x' }),
      ['hosts[0].sources[1].endpoint InvalidEndpoint'],
    ],
    [
      'an unknown role and auth',
      withMirror({ role: 'Backup', auth: 'Pod' }),
      ['hosts[0].sources[1].role InvalidValue', 'hosts[0].sources[1].auth InvalidValue'],
    ],
    [
      'a credential in the data',
      withMirror({ password: 'x' }),
      ['hosts[0].sources[1].password UnknownField'],
    ],
    ['certificates that are none', withMirror({ caPem: 'x' }), ['hosts[0].sources[1].caPem InvalidCaBundle']],
    [
      'a private key',
      withMirror({ caPem: '-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n' }),
      ['hosts[0].sources[1].caPem InvalidCaBundle'],
    ],
    [
      'too many certificates',
      withMirror({ caPem: CA_ONE.repeat(200) }),
      ['hosts[0].sources[1].caPem InvalidCaBundle'],
    ],
    [
      'all of it at once',
      wanted({ revision: 1, owner: '', action: '', hosts: [7], more: 1 }),
      [
        'more UnknownField',
        'revision InvalidRevision',
        'owner InvalidOwner',
        'action InvalidValue',
        'hosts[0] InvalidType',
      ],
    ],
  ])('refuses %s', (_, value, problems) => {
    expect(problemsOf(value)).toEqual(problems);
  });

  it('gives back nothing that was inherited', () => {
    const value = Object.assign(Object.create({ owner: 'a/b' }) as object, wanted({ owner: undefined }));
    expect(problemsOf(value)).toEqual(['owner InvalidOwner']);
  });

  it("refuses certificates that the agent's own reader cannot read", () => {
    // DER of one SEQUENCE, and nothing of a certificate in it.
    const caPem = '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n';
    expect(problemsOf(withMirror({ caPem }))).toEqual([]);
    expect(problemsOf(withMirror({ caPem }), { readsCertificates })).toEqual([
      'hosts[0].sources[1].caPem InvalidCaBundle',
    ]);
    const second = CA_ONE + caPem;
    expect(problemsOf(withMirror({ caPem: second }), { readsCertificates })).not.toEqual([]);
    expect(problemsOf(withMirror({ caPem: CA_ONE + CA_TWO }), { readsCertificates })).toEqual([]);
  });

  it.each([
    ['all of them', ['*.ocir.io', 'dc1.example:5000'], []],
    ['not the mirror', ['fra.ocir.io', 'dc1.example'], ['hosts[0].sources[1].endpoint EndpointNotAllowed']],
    ['not the upstream', ['ams.ocir.io', 'dc1.example'], ['hosts[0].sources[0].endpoint EndpointNotAllowed']],
    ['another port', ['*.ocir.io', 'dc1.example:5001'], ['hosts[0].sources[2].endpoint EndpointNotAllowed']],
  ])('holds sources to the allowed endpoints: %s', (_, allowedEndpoints, problems) => {
    expect(problemsOf(wanted(), { allowedEndpoints })).toEqual(problems);
  });
});

describe('revisionOf', () => {
  const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex');
  const base = wanted() as unknown as NodeWanted;
  const [first] = base.hosts;
  const second = host([upstream('a.b'), mirror('c.d')]);

  it('is what a NodeMirrorState may hold', () => {
    expect(revisionOf(base, sha256Hex)).toMatch(/^[0-9a-f]{16}$/);
  });

  it('is frozen, since rollouts count by it', () => {
    expect(revisionOf(base, sha256Hex)).toMatchInlineSnapshot(`"f25550831612c762"`);
  });

  it('does not change with the order of sources or of hosts', () => {
    const turned = base.hosts.map((one) => ({ ...one, order: one.order.toReversed() }));
    expect(revisionOf({ ...base, hosts: turned }, sha256Hex)).toBe(revisionOf(base, sha256Hex));
    const both = { ...base, hosts: [first!, second] };
    expect(revisionOf({ ...base, hosts: [second, first!] }, sha256Hex)).toBe(revisionOf(both, sha256Hex));
  });

  it.each<[string, Partial<NodeWanted>]>([
    ['the owner', { owner: 'x' }],
    ['the runtime', { runtime: { name: 'crio', version: '1.35.0' } }],
    ['the action', { action: 'Restore' }],
    ['a host more', { hosts: [...base.hosts, second] }],
    [
      'certificates',
      { hosts: [{ ...second, sources: [upstream('a.b'), mirror('c.d', { caPem: CA_ONE })] }] },
    ],
    ['who logs in', { hosts: [{ ...second, sources: [upstream('a.b'), mirror('c.d', { auth: 'Node' })] }] }],
  ])('changes with %s', (_, changes) => {
    const before = 'hosts' in changes && changes.hosts?.length === 1 ? { ...base, hosts: [second] } : base;
    expect(revisionOf({ ...base, ...changes }, sha256Hex)).not.toBe(revisionOf(before, sha256Hex));
  });
});
