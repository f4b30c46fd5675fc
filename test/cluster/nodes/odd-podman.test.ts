// Files for odd hosts, laid before containers/image itself, as podman has it: none is refused, and each says what was meant.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_LAYOUT } from '../../../src/nodes/node-file.ts';
import { renderNode } from '../../../src/nodes/rendering/render.ts';
import type { NodeWanted } from '../../../src/nodes/data/wanted.ts';
import { oddWanted } from '../../nodes/odd-hosts.ts';
import { CAN_ASK_PODMAN, makePodmanFolder } from './podman-folder.ts';

const FILES = 50;
const SEED = 1;

/** As `podman info` prints an entry, as far as we write one. */
interface Entry {
  readonly Prefix: string;
  readonly Location: string;
  readonly Insecure: boolean;
  readonly Blocked: boolean;
  readonly Mirrors: readonly { readonly Location: string; readonly Insecure: boolean }[] | null;
}

interface Table {
  readonly prefix: string;
  readonly location: string;
  readonly mirror?: readonly { readonly location: string }[];
}

/** Drop-ins of data that nobody has checked: what is written must be right all the same. */
function dropIns(): readonly string[] {
  const all = fc.sample(oddWanted, { numRuns: 2_000, seed: SEED }).flatMap((odd) => {
    const runtime = { name: 'crio', version: '1.28.0' };
    const wanted = { ...odd, owner: 'a/b', action: 'Apply', runtime } as unknown as NodeWanted;
    const { files } = renderNode({ wanted, layout: DEFAULT_LAYOUT, credentials: new Map() });
    return files.filter((file) => file.path.endsWith('.conf')).map(({ content }) => content);
  });
  return [...new Set(all)].slice(0, FILES);
}

function meantBy(content: string): readonly Entry[] {
  const { registry } = parse(content) as unknown as { readonly registry: readonly Table[] };
  return registry.map(({ prefix, location, mirror = [] }) => ({
    Prefix: prefix,
    Location: location,
    Insecure: false,
    Blocked: false,
    Mirrors: mirror.map((one) => ({ Location: one.location, Insecure: false })),
  }));
}

describe.skipIf(!CAN_ASK_PODMAN)(
  `files for odd hosts${CAN_ASK_PODMAN ? '' : ' (skipped, for want of root or podman)'}`,
  () => {
    let folder: string;

    beforeAll(() => {
      folder = makePodmanFolder();
      mkdirSync(path.join(folder, 'files'));
    });
    afterAll(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    it('are read by podman as they were meant', () => {
      const contents = dropIns();
      expect(contents).toHaveLength(FILES);
      for (const [index, content] of contents.entries())
        writeFileSync(path.join(folder, `files/${String(index).padStart(4, '0')}.conf`), content);
      const script = `mount --bind "$0/containers" /etc/containers || exit
      for file in "$0"/files/*; do
        cp "$file" /etc/containers/registries.conf.d/90-x.conf
        podman info --format '{{json .Registries}}' 2>/dev/null || echo '"refused"'
      done`;
      const said = execFileSync('unshare', ['--mount', 'sh', '-c', script, folder], {
        env: { ...process.env, CONTAINERS_STORAGE_CONF: path.join(folder, 'storage.conf') },
        encoding: 'utf8',
      });
      const lines = said.trimEnd().split('\n');
      for (const [index, content] of contents.entries()) {
        const read = JSON.parse(lines[index] ?? 'null') as Readonly<Record<string, Entry>> | 'refused';
        if (read === 'refused') throw new Error(`podman refuses: ${content}`);
        const entries = meantBy(content).map(({ Prefix }) => read[Prefix]);
        expect(entries, content).toMatchObject(meantBy(content));
        expect(Object.keys(read).toSorted(), content).toEqual(
          meantBy(content)
            .map(({ Prefix }) => Prefix)
            .toSorted(),
        );
      }
    });
  },
);
