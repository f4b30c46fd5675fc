// The shape of the house, held by a test: who may import whom, no cycles, no file that has outgrown its sentence.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../src');
const MAX_LINES = 300;

/** What the files of a folder may import: other folders, packages, and node modules ('*' is any). */
interface Rights {
  readonly folders: readonly string[];
  readonly packages: readonly string[];
  readonly node: readonly string[] | '*';
}

/** The real table: docs/architecture.md draws it. A new folder needs a line here, and a reason. */
const RIGHTS: Readonly<Record<string, Rights>> = {
  domain: { folders: [], packages: [], node: [] },
  config: { folders: ['domain'], packages: ['zod'], node: [] },
  // Files become objects: validation is the schema's, so this is the one sibling it may lean on.
  manifests: { folders: ['domain', 'config'], packages: ['yaml'], node: '*' },
  admission: { folders: ['domain'], packages: [], node: [] },
  // The API server: calls, watches, leadership. Of the client library it takes where the server is and who we are.
  kubernetes: { folders: ['domain'], packages: ['@kubernetes/client-node', 'undici'], node: '*' },
  // What the webhook reads there, in memory that outlives its absence; it knows the API by the interface of `kubernetes`.
  cluster: { folders: ['domain', 'kubernetes'], packages: ['lru-cache'], node: [] },
  // What a node's files should be and what it takes to get there: pure but for the shell it is handed, and the TOML parser.
  nodes: { folders: ['domain'], packages: ['smol-toml'], node: ['node:crypto'] },
  // On the node: the local shell, files watched, its own object at the API server. Small by what it may not import.
  agent: { folders: ['domain', 'nodes'], packages: [], node: '*' },
  // Nodes from afar: OpenSSH as the same shell.
  ssh: { folders: ['domain', 'nodes'], packages: [], node: '*' },
  // What is kept in place there, by one leader.
  controller: { folders: ['domain', 'kubernetes', 'nodes'], packages: [], node: ['node:crypto'] },
  // Sockets, names, TLS, proxies: everything between us and another host, knowing nothing of registries.
  transport: { folders: ['domain'], packages: ['undici', 'lru-cache'], node: '*' },
  // The distribution protocol on top of it: questions, challenges, tokens, outcomes.
  registry: { folders: ['domain', 'transport'], packages: ['lru-cache'], node: ['node:crypto'] },
  // Memory, evidence and health: what to ask at all. It knows the client by an interface of its own.
  probing: { folders: ['domain'], packages: ['lru-cache'], node: ['node:crypto'] },
  audit: { folders: ['domain'], packages: [], node: [] },
  telemetry: {
    folders: ['domain'],
    packages: ['pino', 'prom-client'],
    node: ['node:fs', 'node:fs/promises', 'node:perf_hooks'],
  },
  // The admission route turns bytes into reviews and back, by admission's own functions.
  http: { folders: ['domain', 'admission'], packages: ['fastify'], node: '*' },
  certificates: { folders: ['domain'], packages: ['@peculiar/x509', 'reflect-metadata'], node: '*' },
  // A small registry of its own, and the story told with it; it is wired by commands/demo.ts.
  demo: { folders: ['domain'], packages: [], node: '*' },
  explain: { folders: ['domain'], packages: [], node: ['node:util'] },
  commands: { folders: ['*'], packages: ['commander', 'yaml'], node: '*' },
  '': { folders: ['commands', 'agent'], packages: [], node: [] },
};

interface SourceFile {
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  readonly imports: readonly string[];
  /** Imports that exist at run time; types alone make no cycle. */
  readonly valueImports: readonly string[];
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;

function read(path: string): SourceFile {
  const text = readFileSync(join(SRC, path), 'utf8');
  const matches = [...text.matchAll(IMPORT)];
  const nameOf = (match: RegExpMatchArray): string => match[2] ?? match[3] ?? '';
  const slash = path.indexOf(sep);
  return {
    path,
    folder: slash === -1 ? '' : path.slice(0, slash),
    text,
    imports: matches.map(nameOf),
    valueImports: matches.filter((match) => match[1] === undefined && match[3] === undefined).map(nameOf),
  };
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map(read);

function targetOf(file: SourceFile, specifier: string): string {
  return relative(SRC, resolve(SRC, dirname(file.path), specifier));
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '');
}

function violation(file: SourceFile, specifier: string): string | undefined {
  const rights = RIGHTS[file.folder];
  if (rights === undefined) return `${file.path}: folder "${file.folder}" has no line in the table`;
  if (specifier.startsWith('.')) {
    const folder = targetOf(file, specifier).split(sep)[0] ?? '';
    const allowed = folder === file.folder || rights.folders.includes('*') || rights.folders.includes(folder);
    return allowed ? undefined : `${file.path} imports ${folder}/`;
  }
  if (specifier.startsWith('node:')) {
    const allowed = rights.node === '*' || rights.node.includes(specifier);
    return allowed ? undefined : `${file.path} imports ${specifier}`;
  }
  return rights.packages.includes(packageOf(specifier)) ? undefined : `${file.path} imports ${specifier}`;
}

/** The first way round that these arrows make. */
function findCycle(arrows: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const visit = (from: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(from)) return [...trail, from];
    if (done.has(from)) return undefined;
    for (const to of arrows.get(from) ?? []) {
      const cycle = visit(to, [...trail, from]);
      if (cycle !== undefined) return cycle;
    }
    done.add(from);
    return undefined;
  };
  for (const from of arrows.keys()) {
    const cycle = visit(from, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Types alone make no cycle. */
function betweenFiles(): Map<string, readonly string[]> {
  const targets = (file: SourceFile): string[] =>
    file.valueImports.filter((name) => name.startsWith('.')).map((name) => targetOf(file, name));
  return new Map(files.map((file) => [file.path, targets(file)]));
}

/** Types as well: a room is read as a whole. Not between a room and one inside it: its door is there, and what both share. */
function betweenRooms(): Map<string, readonly string[]> {
  const arrows = new Map<string, Set<string>>();
  for (const file of files) {
    const from = dirname(file.path);
    const found = arrows.get(from) ?? new Set<string>();
    arrows.set(from, found);
    for (const name of file.imports.filter((each) => each.startsWith('.'))) {
      const to = dirname(targetOf(file, name));
      const isNested = `${to}/`.startsWith(`${from}/`) || `${from}/`.startsWith(`${to}/`);
      if (!isNested) found.add(to);
    }
  }
  return new Map([...arrows].map(([from, to]) => [from, [...to]]));
}

describe('the house', () => {
  it('was read at all', () => {
    expect(files.length).toBeGreaterThan(60);
    expect(files.flatMap((file) => file.imports).length).toBeGreaterThan(200);
  });

  it('imports only what the table allows', () => {
    expect(files.flatMap((file) => file.imports.flatMap((name) => violation(file, name) ?? []))).toEqual([]);
  });

  it('has no cycles', () => {
    expect(findCycle(betweenFiles())).toBeUndefined();
  });

  it('has rooms that go one way', () => {
    const arrows = betweenRooms();
    expect(arrows.get('nodes/findings')).toContain('nodes/looking');
    expect(findCycle(arrows)).toBeUndefined();
  });

  it('has no file over 300 lines', () => {
    const long = files.filter((file) => file.text.split('\n').length > MAX_LINES);
    expect(long.map((file) => file.path)).toEqual([]);
  });

  it('says in the first line of every file what it owns', () => {
    const silent = files.filter((file) => !/^(#!.*\n)?\/\/ [A-Z`].{15,}/.test(file.text));
    expect(silent.map((file) => file.path)).toEqual([]);
  });

  it('reads the environment in one place', () => {
    const readers = files.filter((file) => /process\.env\b/.test(file.text)).map((file) => file.path);
    expect(readers).toEqual([join('config', 'load.ts')]);
  });

  it('never turns TLS verification off', () => {
    const loose = files.filter((file) => /rejectUnauthorized\s*:\s*false|NODE_TLS_REJECT/.test(file.text));
    expect(loose.map((file) => file.path)).toEqual([]);
  });
});
