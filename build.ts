// npm run build: bundles the program into dist/, collects the licences of what is inside, and holds the sizes to a budget.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build, type Metafile } from 'esbuild';

const root = import.meta.dirname;
const out = path.join(root, 'dist');

/** One bundle a process. The agent gets one of its own in a later issue: it may load node:* and smol-toml only. */
const entryPoints = ['src/main.ts'];

/**
 * Bytes of code (source maps apart). Over it the build fails: look at what came in, then raise it on purpose. What is loaded at
 * every start is bounded apart, since it is paid in start-up time and memory.
 */
const budget = { total: 8_000_000, start: 200_000 };

// CommonJS packages inside an ES module bundle call require() for Node's own modules.
const banner =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

async function bundle(): Promise<Metafile> {
  rmSync(out, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints,
    outdir: out,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    // Sub-commands are import()ed: with splitting each is a file that only its own users load.
    splitting: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Bundles are not minified: a stack trace names functions as it is. Maps cost 38 MB of memory once one is printed.
    sourcemap: false,
    sourcesContent: false,
    banner: { js: banner },
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  return metafile;
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
function collectLicences(metafile: Metafile): string {
  const folders = Object.keys(metafile.inputs).map(
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

const missing = entryPoints.filter((entry) => !existsSync(path.join(root, entry)));
if (missing.length > 0) throw new Error(`no such entry point: ${missing.join(', ')}`);
const metafile = await bundle();
writeFileSync(path.join(out, 'LICENCES.txt'), collectLicences(metafile));
const over = check(metafile);
if (over.length > 0) {
  console.error(`over budget: ${over.join(', ')} (build.ts says what to do)`);
  process.exitCode = 1;
}
