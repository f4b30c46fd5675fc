// npm run build: bundles the program into dist/, collects the licences of what is inside, and holds the sizes to a budget.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build, type Metafile } from 'esbuild';

const root = import.meta.dirname;
const out = path.join(root, 'dist');

const entryPoints = ['src/main.ts'];

/** The agent is a process of its own, on every node: one file, and in it what {@link strangersInAgent} lets in. */
const agentEntryPoint = 'src/agent-main.ts';

/**
 * Bytes of code (source maps apart). Over it the build fails: look at what came in, then raise it on purpose. What is loaded at
 * every start is bounded apart, since it is paid in start-up time and memory.
 */
const budget = { total: 8_000_000, start: 200_000, agent: 300_000 };

// CommonJS packages inside an ES module bundle call require() for Node's own modules.
const banner =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

const options = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // Bundles are not minified: a stack trace names functions as it is. Maps cost 38 MB of memory once one is printed.
  sourcemap: false,
  sourcesContent: false,
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
} as const;

async function bundle(): Promise<Metafile> {
  rmSync(out, { recursive: true, force: true });
  const { metafile } = await build({
    ...options,
    entryPoints,
    outdir: out,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    // Sub-commands are import()ed: with splitting each is a file that only its own users load.
    splitting: true,
    banner: { js: banner },
  });
  return metafile;
}

/** Bundles the agent; with `write: false` only to see what would be in it. */
export async function bundleAgent({ write }: { write: boolean }): Promise<Metafile> {
  const outfile = path.join(out, 'agent.mjs');
  const { metafile } = await build({ ...options, entryPoints: [agentEntryPoint], outfile, write });
  return metafile;
}

/** What an agent's bundle may be made of. Every node of a cluster pays for it in memory. */
const AGENT_PARTS =
  /^(?:src\/(?:agent|nodes|domain)\/|src\/agent-main\.ts$|src\/commands\/version\.ts$|node_modules\/smol-toml\/)/;

/** What is in an agent's bundle, or is imported by it, and may not. */
export function strangersInAgent({ inputs }: Metafile): readonly string[] {
  const files = Object.keys(inputs).filter((file) => !AGENT_PARTS.test(file));
  const outside = Object.values(inputs).flatMap(({ imports }) =>
    imports.filter((one) => one.external === true && !one.path.startsWith('node:')).map((one) => one.path),
  );
  return [...files, ...outside];
}

/** Files of the output with their bytes, without source maps, largest first. */
function codeSizes(metafile: Metafile): readonly (readonly [string, number])[] {
  return Object.entries(metafile.outputs)
    .filter(([file]) => file.endsWith('.mjs'))
    .map(([file, { bytes }]) => [file, bytes] as const)
    .toSorted(([, a], [, b]) => b - a);
}

/** The bytes that an entry point loads before it has chosen a sub-command: itself and what it imports statically. */
function startBytes(metafile: Metafile, file: string, seen = new Set<string>()): number {
  const output = metafile.outputs[file];
  if (output === undefined || seen.has(file)) return 0;
  seen.add(file);
  const next = output.imports.filter(({ kind }) => kind === 'import-statement');
  return next.reduce((sum, one) => sum + startBytes(metafile, one.path, seen), output.bytes);
}

/** The licence texts of every bundled package: MIT, BSD and Apache ask that they travel with the code. */
function collectLicences(inputs: Metafile['inputs']): string {
  const folders = Object.keys(inputs).map(
    (file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0],
  );
  const packages = [...new Set(folders.filter((folder) => folder !== undefined))].toSorted();
  return packages.map(licenceOf).join(`\n${'-'.repeat(80)}\n`);
}

function licenceOf(folder: string): string {
  const manifest: unknown = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
  const { name, version, license } = manifest as { name: string; version: string; license?: string };
  if (license === undefined) throw new Error(`${name} states no licence: it may not be shipped`);
  const file = readdirSync(path.join(root, folder)).find((one) => /^licen[cs]e/i.test(one));
  const text = file === undefined ? '' : readFileSync(path.join(root, folder, file), 'utf8');
  return `${name} ${version} (${license})\n\n${text}`;
}

function check(metafile: Metafile): readonly string[] {
  const sizes = codeSizes(metafile);
  const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
  for (const [file, bytes] of sizes) console.log(`${String(bytes).padStart(9)}  ${file}`);
  console.log(`${String(total).padStart(9)}  in all, budget ${budget.total}`);
  // The entry point itself only looks at Node's version; what every command loads begins behind it.
  const starts = Object.entries(metafile.outputs).flatMap(([file, { entryPoint }]) =>
    entryPoint === 'src/commands/cli.ts' ? file : [],
  );
  if (starts.length === 0)
    throw new Error('src/commands/cli.ts is no entry of its own any more: mend the budget');
  const over = starts.filter((file) => {
    const bytes = startBytes(metafile, file);
    console.log(`${String(bytes).padStart(9)}  loaded by ${file} at every start, budget ${budget.start}`);
    return bytes > budget.start;
  });
  return [...(total > budget.total ? ['the bundles'] : []), ...over.map((file) => `the start of ${file}`)];
}

function checkAgent(metafile: Metafile): readonly string[] {
  const strangers = strangersInAgent(metafile);
  if (strangers.length > 0) throw new Error(`the agent may not load ${strangers.join(', ')}`);
  const bytes = codeSizes(metafile).reduce((sum, [, size]) => sum + size, 0);
  console.log(`${String(bytes).padStart(9)}  the agent, budget ${budget.agent}`);
  return bytes > budget.agent ? ['the agent'] : [];
}

async function main(): Promise<void> {
  const missing = [...entryPoints, agentEntryPoint].filter((entry) => !existsSync(path.join(root, entry)));
  if (missing.length > 0) throw new Error(`no such entry point: ${missing.join(', ')}`);
  const metafile = await bundle();
  const agent = await bundleAgent({ write: true });
  const inputs = { ...metafile.inputs, ...agent.inputs };
  writeFileSync(path.join(out, 'LICENCES.txt'), collectLicences(inputs));
  const over = [...check(metafile), ...checkAgent(agent)];
  if (over.length > 0) {
    console.error(`over budget: ${over.join(', ')} (build.ts says what to do)`);
    process.exitCode = 1;
  }
}

// A test imports this file to look at the agent's parts; only run as a program does it build.
if (import.meta.main) await main();
