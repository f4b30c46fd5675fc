// The file plan: what is ours is written and deleted, what is not is left alone and told.
import { describe, expect, it } from 'vitest';
import { planFiles, type FilePlan } from '../../src/nodes/writing/file-plan.ts';
import { FoundText, type Found, type FoundEntry, type FoundKind } from '../../src/nodes/looking/found.ts';
import { printMarker } from '../../src/nodes/marker.ts';
import { DEFAULT_LAYOUT, type NodeFile } from '../../src/nodes/node-file.ts';
import { newBeside, oldFolderBeside } from '../../src/nodes/writing/note-path.ts';
import { sha256Hex } from '../../src/nodes/sha256.ts';

const OWNER = 'ns/rf';
const DROP_IN = '/etc/containers/registries.conf.d/90-registry-failover.conf';
const HOSTS = '/etc/containerd/certs.d/reg.example.com:5000/hosts.toml';
const CA = '/etc/containerd/certs.d/reg.example.com:5000/registry-failover-0123456789abcdef.pem';
const CRT = '/etc/containers/certs.d/ams.example.com/registry-failover.crt';

function ours(rest = '', owner = OWNER): string {
  return `${printMarker(owner)}\n${rest}`;
}

function wanted(path: string, rest = ''): NodeFile {
  return { path, mode: 0o644, content: ours(rest) };
}

interface Thing {
  readonly text?: string;
  readonly kind?: FoundKind;
  readonly mode?: number;
  readonly unread?: 'TooLarge';
}

/** A node with these things and all folders above them. */
function node(things: Readonly<Record<string, Thing>>): Found {
  const entries = new Map<string, FoundEntry>();
  const put = (path: string, { text, kind = 'file', mode = 0o644, unread }: Thing): void => {
    const sha256 = text === undefined ? undefined : sha256Hex(text);
    const content = text === undefined ? undefined : new FoundText(text);
    entries.set(path, { path, kind, mode, uid: 0, gid: 0, size: 1, sha256, content, unread });
  };
  for (const [path, thing] of Object.entries(things)) {
    const parts = path.split('/').slice(1, -1);
    parts.forEach((_part, index) => {
      const folder = `/${parts.slice(0, index + 1).join('/')}`;
      if (!entries.has(folder)) put(folder, { kind: 'directory', mode: 0o755 });
    });
    put(path, thing);
  }
  const none = { isCut: false, osRelease: undefined, containerdDump: undefined };
  const lists = { traces: [], processes: [], programs: [], errors: [] };
  return { wholeHost: true, euid: 0, clock: 0, ...none, ...lists, entries };
}

function plan(files: readonly NodeFile[], found: Found, made: readonly string[] = []): FilePlan {
  return planFiles({ files, found, owner: OWNER, layout: DEFAULT_LAYOUT, made });
}

const NAMES = ['newFolders', 'writes', 'deletes', 'oldFolders', 'leaves', 'conflicts'] as const;

/** Which paths are in which part; parts without any are left out. */
function paths(planned: FilePlan): Readonly<Record<string, readonly string[]>> {
  const parts = NAMES.map((name) => [name, planned[name].map(({ path }) => path)] as const);
  return Object.fromEntries(parts.filter(([, list]) => list.length > 0));
}

describe('planFiles', () => {
  it('writes a file that is not there into a folder that is', () => {
    const found = node({ '/etc/containers/registries.conf.d/00.conf': { text: '' } });
    expect(paths(plan([wanted(DROP_IN)], found))).toEqual({ writes: [DROP_IN] });
  });

  it('builds the outermost folder that is missing as one', () => {
    const planned = plan([wanted(CA), wanted(HOSTS)], node({ '/etc/containerd/config.toml': { text: '' } }));
    expect(paths(planned)).toEqual({ newFolders: ['/etc/containerd/certs.d'] });
    expect(planned.newFolders[0]?.folders).toEqual([
      '/etc/containerd/certs.d',
      '/etc/containerd/certs.d/reg.example.com:5000',
    ]);
    expect(planned.newFolders[0]?.files.map(({ path }) => path)).toEqual([CA, HOSTS]);
  });

  it('leaves a file with the same content and mode, and writes one with another of either', () => {
    const same = { text: ours('x') };
    expect(paths(plan([wanted(DROP_IN, 'x')], node({ [DROP_IN]: same })))).toEqual({ leaves: [DROP_IN] });
    expect(paths(plan([wanted(DROP_IN, 'y')], node({ [DROP_IN]: same })))).toEqual({ writes: [DROP_IN] });
    expect(paths(plan([wanted(DROP_IN, 'x')], node({ [DROP_IN]: { ...same, mode: 0o600 } })))).toEqual({
      writes: [DROP_IN],
    });
  });

  it('deletes stale files of this owner only, what names others first', () => {
    const found = node({
      [CA]: { text: ours() },
      [HOSTS]: { text: ours() },
      '/etc/containerd/certs.d/a.example.com/hosts.toml': { text: ours('', 'other/rf') },
      '/etc/containerd/certs.d/b.example.com/hosts.toml': { text: 'server = "https://b"\n' },
    });
    expect(paths(plan([], found))).toEqual({ deletes: [HOSTS, CA] });
  });

  it('takes a folder that it made away as one, unless something else is in it', () => {
    const folder = '/etc/containerd/certs.d/reg.example.com:5000';
    const things = { [CA]: { text: ours() }, [HOSTS]: { text: ours() } };
    expect(paths(plan([], node(things), [folder]))).toEqual({ oldFolders: [folder] });
    const foreign = node({ ...things, [`${folder}/client.cert`]: {} });
    expect(paths(plan([], foreign, [folder]))).toEqual({ deletes: [HOSTS, CA] });
  });

  it('passes over what lies beside, and our files at places where they cannot be', () => {
    const beside = node({
      [newBeside(DROP_IN)]: { text: ours() },
      [`${oldFolderBeside('/etc/containers/certs.d/ams.example.com', 0)}/registry-failover.crt`]: {
        text: ours(),
      },
      '/etc/containers/copy.conf': { text: ours() },
    });
    expect(paths(plan([], beside))).toEqual({});
  });

  it.each<readonly [string, Readonly<Record<string, Thing>>, string]>([
    ['a file of somebody else’s', { [DROP_IN]: { text: '# mine\n' } }, 'NotOurs'],
    ['another installation’s', { [DROP_IN]: { text: ours('', 'other/rf') } }, 'OtherOwner'],
    ['a link', { [DROP_IN]: { kind: 'symlink' } }, 'SymlinkInTheWay'],
    ['a link on the way', { '/etc/containers/registries.conf.d': { kind: 'symlink' } }, 'SymlinkInTheWay'],
    ['a folder', { [DROP_IN]: { kind: 'directory' } }, 'NotAFile'],
    ['a file on the way', { '/etc/containers/registries.conf.d': { text: '' } }, 'NotAFile'],
    ['a file too large to tell', { [DROP_IN]: { unread: 'TooLarge' } }, 'Unreadable'],
  ])('leaves %s alone and tells of it', (_name, things, reason) => {
    const planned = plan([wanted(DROP_IN)], node(things));
    expect(paths(planned)).toEqual({ conflicts: [DROP_IN] });
    expect(planned.conflicts[0]?.reason).toBe(reason);
  });

  it('leaves the whole host when one of its files on containerd is in conflict, our old ones too', () => {
    const stale = `${CA.slice(0, -8)}aaaa.pem`;
    const found = node({ [HOSTS]: { text: 'server = "https://mine"\n' }, [stale]: { text: ours() } });
    expect(paths(plan([wanted(CA), wanted(HOSTS)], found))).toEqual({ conflicts: [HOSTS] });
  });

  it('leaves CRI-O’s certificates when the drop-in is in conflict, and not the other way round', () => {
    const files = [wanted(CRT), wanted(DROP_IN)];
    expect(paths(plan(files, node({ [DROP_IN]: { text: '' } })))).toEqual({ conflicts: [DROP_IN] });
    expect(
      paths(
        plan(files, node({ [CRT]: { text: 'x' }, '/etc/containers/registries.conf.d/0.conf': { text: '' } })),
      ),
    ).toEqual({
      writes: [DROP_IN],
      conflicts: [CRT],
    });
  });

  it('finds the folder that containerd would read instead', () => {
    const found = node({ '/etc/containerd/certs.d/reg.example.com_5000_/hosts.toml': { text: '' } });
    expect(plan([wanted(HOSTS)], found).conflicts[0]?.message).toContain('reg.example.com_5000_');
  });

  it('does not take away the trust that lies in a folder without a hosts.toml', () => {
    const found = node({ '/etc/containerd/certs.d/reg.example.com:5000/ca.crt': {} });
    expect(paths(plan([wanted(CA), wanted(HOSTS)], found))).toEqual({ conflicts: [HOSTS] });
  });
});
