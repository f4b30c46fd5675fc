// Render: golden files of every case and runtime; test/cluster/lab/golden.test.ts lays them before the real programs.
import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { ownerOf } from '../../src/nodes/marker.ts';
import type { NodeFile } from '../../src/nodes/node-file.ts';
import { renderNode } from '../../src/nodes/rendering/render.ts';
import type { Rendered } from '../../src/nodes/rendering/render.ts';
import { CASE_OWNER, CASE_RUNTIMES, CA_ONE, NODE_CASES, host, inputOf, mirror, upstream } from './cases.ts';
import type { NodeCase } from './cases.ts';
import { goldenName, printGolden, readGolden, titleOf } from './golden-file.ts';

const CRIO = { name: 'crio', version: '1.34.0' } as const;
const CONTAINERD = { name: 'containerd', version: '2.1.9' } as const;

const COMBINATIONS = NODE_CASES.flatMap((one) => CASE_RUNTIMES.map((runtime) => ({ one, runtime }))).map(
  ({ one, runtime }) => ({ title: titleOf(one, runtime), one, runtime }),
);

function contentOf(rendered: Rendered, end: string): string {
  return rendered.files.find(({ path }) => path.endsWith(end))?.content ?? '';
}

describe('renderNode', () => {
  it.each(COMBINATIONS)('renders $title', async ({ one, runtime }) => {
    const rendered = renderNode(inputOf(one, runtime));
    await expect(printGolden(rendered)).toMatchFileSnapshot(goldenName(one, runtime));
  });

  it.each(COMBINATIONS)('is read back from the golden file of $title', ({ one, runtime }) => {
    const { files, authEntries } = renderNode(inputOf(one, runtime));
    const logins = new Map([...authEntries].map(([key, login]) => [key, login.basic()]));
    expect(readGolden(one, runtime)).toEqual({ files, authEntries: logins });
  });

  it.each(COMBINATIONS)(
    'marks every file of $title as ours, with a line feed at the end',
    ({ one, runtime }) => {
      for (const { content } of renderNode(inputOf(one, runtime)).files) {
        expect(ownerOf(content)).toBe(CASE_OWNER);
        expect(content).toMatch(/[^\n]\n$/);
      }
    },
  );

  it.each(COMBINATIONS)('puts certificates of $title before the file that names them', ({ one, runtime }) => {
    const { files } = renderNode(inputOf(one, runtime));
    for (const [index, { path, content }] of files.entries()) {
      if (!path.endsWith('hosts.toml')) continue;
      const folder = path.slice(0, path.lastIndexOf('/'));
      const named = [...content.matchAll(/^ca = "(.*)"$/gm)].map(([, name]) => `${folder}/${name}`);
      expect(files.slice(0, index).map((file) => file.path)).toEqual(expect.arrayContaining(named));
    }
  });

  it.each(NODE_CASES)('never leaves the upstream out of a file: $name', (one) => {
    for (const { prefix, places } of renderNode(inputOf(one, CRIO)).files.flatMap(placesOfDropIn)) {
      expect(places).toContain(prefix);
    }
  });

  it('writes the same for containerd 2.0 as for 1.7, but for addresses in brackets', () => {
    for (const one of NODE_CASES.filter(({ name }) => !name.startsWith('IPv6'))) {
      const [old, newer] = ['1.7.28', '2.0.5'].map((version) =>
        renderNode(inputOf(one, { name: 'containerd', version })),
      );
      expect(newer).toEqual(old);
    }
  });

  it('writes nothing for a restore', () => {
    const input = inputOf({ name: '', hosts: [host([upstream('a.b'), mirror('c.d')])] }, CRIO);
    const rendered = renderNode({ ...input, wanted: { ...input.wanted, action: 'Restore' } });
    expect(rendered).toEqual({ files: [], authEntries: new Map(), leftOut: [] });
  });

  it('gives a certificate file another name when its content is another', () => {
    const names = [CA_ONE, CA_ONE.replace('MII', 'MIJ')].map((caPem) => {
      const one: NodeCase = { name: '', hosts: [host([upstream('a.b'), mirror('c.d', { caPem })])] };
      return /^ca = .*$/m.exec(contentOf(renderNode(inputOf(one, CONTAINERD)), 'hosts.toml'))?.[0];
    });
    expect(names[0]).toMatch(/^ca = "registry-failover-[0-9a-f]{16}\.pem"$/);
    expect(names[1]).not.toBe(names[0]);
  });

  it('writes certificates anew, so that odd white space does not make them unreadable to Go', () => {
    const caPem = CA_ONE.replaceAll('\n', '\u2028\u00a0\n').replaceAll(/(-----)\u2028\u00a0/g, '$1');
    const one: NodeCase = { name: '', hosts: [host([upstream('a.b'), mirror('c.d', { caPem })])] };
    expect(contentOf(renderNode(inputOf(one, CRIO)), '.crt')).toContain(CA_ONE);
  });

  it.each([
    ['a quote', 'm".example'],
    ['a line feed', 'm.example\nblocked = true'],
    ['a way out of the folder', '../../etc'],
    ['white space', 'm.example '],
    ['an empty text', ''],
  ])('leaves out what no check has seen: %s', (_, endpoint) => {
    for (const runtime of [CRIO, CONTAINERD]) {
      const asMirror = renderNode(
        inputOf({ name: '', hosts: [host([upstream('a.b'), mirror(endpoint)])] }, runtime),
      );
      expect(asMirror.files).toEqual([]);
      expect(asMirror.leftOut.map(({ reason }) => reason)).toEqual(['HostNotExpressible', 'NoMirrorLeft']);
      const asHost = renderNode(
        inputOf({ name: '', hosts: [host([upstream(endpoint), mirror('c.d')])] }, runtime),
      );
      expect(asHost.files).toEqual([]);
      expect(asHost.leftOut.map(({ reason }) => reason)).toEqual(['HostNotExpressible']);
    }
  });
});

interface DropInTable {
  readonly prefix: string;
  readonly location: string;
  readonly mirror?: readonly { readonly location: string }[];
}

function placesOfDropIn({ path, content }: NodeFile): { prefix: string; places: string[] }[] {
  if (!path.endsWith('.conf')) return [];
  const { registry } = parse(content) as unknown as { readonly registry: readonly DropInTable[] };
  return registry.map(({ prefix, location, mirror: mirrors = [] }) => {
    return { prefix, places: [...mirrors.map((one) => one.location), location] };
  });
}
