// NodesReady: each reason with its counts, the first failure and what to do, and the counts in the status.
import { describe, expect, it } from 'vitest';
import { statusSchema } from '../../src/config/mirror-set-status.ts';
import { findNodesReady } from '../../src/domain/set-status-nodes.ts';
import { makeSetStatus, readFormerStatus } from '../../src/domain/set-status.ts';
import type { KnownNodes, SetFacts } from '../../src/domain/set-status-facts.ts';
import { makeSet } from '../support/make.ts';

const WELL: KnownNodes = {
  kind: 'Known',
  total: 5,
  matched: 5,
  upToDate: 5,
  inProgress: 0,
  waiting: 0,
  notReady: 0,
  failed: 0,
  notConfigurable: 0,
  hindered: 0,
  written: 5,
  failure: undefined,
  wait: undefined,
  obstacle: undefined,
  leftOut: [],
  loginsAt: [],
  remarks: [],
};

function facts(nodes: Partial<KnownNodes> = {}, over: Partial<SetFacts> = {}): SetFacts {
  return {
    generation: 1,
    set: makeSet('fra.ocir.io', ['ams.ocir.io'], { name: 'ocir' }),
    problems: [],
    nodesEnabled: true,
    nodes: { ...WELL, ...nodes },
    endpoints: [],
    credentials: [],
    refused: [],
    namespaces: 1,
    admission: { seen: 1, unseen: 0, examples: [], isSkipping: false },
    podsOnMirrors: 0,
    installNamespace: 'registry-failover',
    ...over,
  };
}

const FAILURE = { node: 'n3', message: 'the disk is full' };
const WAIT = { node: 'n4', message: 'it is being tried on node n3 first' };
const OBSTACLE = { node: 'n5', message: 'Talos writes the files itself. Declare the mirrors there' };

describe('NodesReady', () => {
  it.each<[string, SetFacts, string, string, string]>([
    ['nodes are left alone', facts({}, { nodesEnabled: false }), 'Unknown', 'Disabled', 'left as they are'],
    ['the set is refused', facts({}, { set: undefined }), 'Unknown', 'NotInForce', 'see Valid'],
    [
      'no agents are installed',
      facts({}, { nodes: { kind: 'NotInstalled' } }),
      'False',
      'NotInstalled',
      'nodes.enabled',
    ],
    [
      'nodes have not been read',
      facts({}, { nodes: { kind: 'NotKnown' } }),
      'Unknown',
      'NotKnownYet',
      'being found out',
    ],
    ['no node is selected', facts({ matched: 0 }), 'Unknown', 'NoNodes', 'None of 5 nodes'],
    [
      'it is being tried',
      facts({ upToDate: 0, inProgress: 1, waiting: 4, wait: WAIT }),
      'False',
      'RollingOut',
      '0 of 5 nodes are as wanted, 1 under way, 4 waiting. n4: it is being tried on node n3 first.',
    ],
    [
      'no node is Ready',
      facts({ upToDate: 0, notReady: 5 }),
      'False',
      'RollingOut',
      '5 nodes will follow when Ready.',
    ],
    [
      'a node failed',
      facts({ upToDate: 1, failed: 1, waiting: 3, failure: FAILURE, wait: WAIT }),
      'False',
      'Stopped',
      '1 of 5 nodes is as wanted, 1 failed, 3 wait. n3: the disk is full. Its agent says more (kubectl -n registry-failover describe nodemirrorstate n3).',
    ],
    [
      'nothing can be written',
      facts({ written: 0, leftOut: ['CRI-O sends no credential to ams.ocir.io'] }),
      'False',
      'NothingToWrite',
      'CRI-O sends no credential to ams.ocir.io.',
    ],
    [
      'a node is not ours to configure',
      facts({ upToDate: 4, notConfigurable: 1, written: 4, obstacle: OBSTACLE }),
      'False',
      'NotConfigurable',
      '1 node cannot be configured by us. n5: Talos writes',
    ],
    [
      'a file of somebody else is in the way',
      facts({ hindered: 1, remarks: ['n2: /etc/x: it is not ours'] }),
      'False',
      'Hindered',
      '5 of 5 nodes are as wanted, but something is in the way on 1 node. Agents report: n2: /etc/x',
    ],
    ['all have it', facts(), 'True', 'UpToDate', 'All 5 nodes are as wanted.'],
    [
      'one is away',
      facts({ upToDate: 4, notReady: 1 }),
      'True',
      'UpToDate',
      'All 4 nodes are as wanted. 1 node will follow when Ready.',
    ],
    [
      'another runtime gets nothing of it',
      facts({ written: 3, leftOut: ['CRI-O sends no credential'] }),
      'True',
      'UpToDate',
      'All 5 nodes are as wanted. On 2 nodes nothing of this set can be written. Left out',
    ],
    [
      'nodes log in at a mirror, which is for every pod there',
      facts({ loginsAt: ['dc1.example', 'ams.ocir.io'] }),
      'True',
      'UpToDate',
      'Nodes log in at dc1.example, ams.ocir.io themselves (NodeAuth): every pod on them can pull',
    ],
    [
      'something is left out',
      facts({ leftOut: ['a', 'b'], remarks: ['n1: c'] }),
      'True',
      'UpToDate',
      'Left out of the files: a. b. Agents report: n1: c.',
    ],
  ])('when %s', (_name, given, status, reason, text) => {
    const finding = findNodesReady(given);
    expect(finding).toMatchObject({ status, reason });
    expect(finding.message).toContain(text);
    expect(finding.message).not.toContain('..');
  });

  it('counts in the status only what is our business', () => {
    const make = (given: SetFacts) => makeSetStatus(given, readFormerStatus(undefined), 0);
    const status = make(facts({ upToDate: 3, failed: 1, waiting: 1, failure: FAILURE }));
    expect(status.nodes).toEqual({ matched: 5, upToDate: 3, failed: 1 });
    expect(statusSchema.safeParse(status).error).toBeUndefined();
    expect(make(facts({}, { nodesEnabled: false })).nodes).toBeUndefined();
  });

  it('fits the schema with everything too long', () => {
    const leftOut = Array.from({ length: 200 }, (_, index) => `${index}${'x'.repeat(3_000)}`);
    const status = makeSetStatus(
      facts({ leftOut, loginsAt: leftOut, remarks: leftOut }),
      readFormerStatus(undefined),
      0,
    );
    expect(statusSchema.safeParse(status).error).toBeUndefined();
  });
});
