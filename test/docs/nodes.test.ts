// The document about nodes: its samples are what rendering makes of its declaration, and its table has every reason.
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseMirrorSet } from '../../src/config/mirror-set.ts';
import { WANTED_BOUNDS } from '../../src/domain/node-bounds.ts';
import { resolveDeclarations } from '../../src/domain/declarations.ts';
import { FINDING_CODES } from '../../src/nodes/findings/finding.ts';
import { DEFAULT_LAYOUT, LEFT_OUT_REASONS } from '../../src/nodes/node-file.ts';
import { nodeHosts } from '../../src/nodes/sources/node-sources.ts';
import { renderNode } from '../../src/nodes/rendering/render.ts';
import type { Runtime } from '../../src/nodes/data/wanted.ts';
import { CASE_OWNER } from '../nodes/cases.ts';
import { readFences, readText } from './documents.ts';

const DOCUMENT = readText('docs/nodes.md');

function renderSample(runtime: Runtime): readonly string[] {
  const [sample = ''] = readFences(DOCUMENT, 'yaml');
  const object = parseMirrorSet(parse(sample), 'docs/nodes.md');
  if (!object.ok) throw new Error('the sample is no mirror set');
  const { sets } = resolveDeclarations(
    { mirrorSets: [object.value], secrets: [], configMaps: [], namespaces: [] },
    { installNamespace: 'registry-failover', allowedEndpoints: [], sha256: () => '' },
  );
  const { hosts } = nodeHosts({ sets, runtime, orderOf: () => 'well' });
  const wanted = {
    version: 1,
    revision: '0'.repeat(16),
    owner: CASE_OWNER,
    runtime,
    action: 'Apply',
    hosts,
  } as const;
  return renderNode({ wanted, layout: DEFAULT_LAYOUT, credentials: new Map() }).files.map(
    ({ content }) => content,
  );
}

describe('docs/nodes.md', () => {
  it('shows the files that its declaration makes', () => {
    const [containerd, crio] = readFences(DOCUMENT, 'toml');
    expect([containerd]).toEqual(renderSample({ name: 'containerd', version: '2.1.0' }));
    expect([crio]).toEqual(renderSample({ name: 'crio', version: '1.28.0' }));
  });

  /** First column of the tables below a heading: words in code, several of them where they share a row. */
  function wordsBelow(heading: string): readonly string[] {
    const [, part = ''] = DOCUMENT.split(`\n## ${heading}\n`);
    const [section = ''] = part.split('\n## ');
    const cells = [...section.matchAll(/^\| ((?:`[A-Z]\w+`(?:, )?)+) +\|/gmu)].map(([, cell = '']) => cell);
    return cells.flatMap((cell) => [...cell.matchAll(/\w+/gu)].map(([word]) => word));
  }

  it('explains every reason for leaving something out, in their order', () => {
    const sources = ['Secret', 'None', 'Node', 'SameAsUpstream'];
    const reasons = wordsBelow('What is left out, and why').filter((word) => !sources.includes(word));
    expect(reasons).toEqual([...LEFT_OUT_REASONS]);
  });

  it('explains everything that can be found on a node', () => {
    expect(wordsBelow('What is found on a node').toSorted()).toEqual([...FINDING_CODES].toSorted());
  });

  it('says the bounds that are', () => {
    expect(DOCUMENT).toContain(`told of ${WANTED_BOUNDS.hosts} registries`);
    expect(DOCUMENT).toContain(`longer than ${WANTED_BOUNDS.caPem / 1024} KiB`);
  });
});
