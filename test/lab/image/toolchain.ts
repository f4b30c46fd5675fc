// What the image's build takes from this machine: Node, npm, and the way in which npm reaches its registry from here.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { run } from '../run.ts';

export interface Toolchain {
  /** The node binary that npm ci brought along. */
  readonly node: string;
  /** e.g. `v26.10.0` */
  readonly nodeVersion: string;
  /** The folder of npm's own package. */
  readonly npm: string;
  /** The environment that npm gets in the build stage; may be empty. Nothing of it reaches the final image. */
  readonly npmEnvironment: Readonly<Record<string, string>>;
  /** The CAs that npm on this machine trusts beside Node's own, PEM; may be empty. */
  readonly caPem: string;
}

const NPM_KEYS = ['registry', 'proxy', 'https-proxy', 'noproxy', 'cafile'];

/** Throws with the name of what is missing. */
export async function findToolchain(repoFolder: string): Promise<Toolchain> {
  const node = path.join(repoFolder, 'node_modules/node/bin/node');
  if (!existsSync(node)) throw new Error(`${node} is missing: run npm ci`);
  const [nodeVersion, npm, settings] = await Promise.all([
    run(node, ['--version']),
    findNpm(),
    npmSettings(repoFolder),
  ]);
  const caFiles = [process.env['NODE_EXTRA_CA_CERTS'], settings.get('cafile')]
    .filter((file) => file !== undefined)
    .filter((file) => existsSync(file));
  return {
    node: realpathSync(node),
    nodeVersion: nodeVersion.trim(),
    npm,
    npmEnvironment: npmEnvironmentOf(settings),
    caPem: [...new Set(caFiles)].map((file) => readFileSync(file, 'utf8')).join('\n'),
  };
}

/** What decides about the images made from it. */
export function describeToolchain(tools: Toolchain): readonly string[] {
  const npmPackage = readFileSync(path.join(tools.npm, 'package.json'), 'utf8');
  return [tools.nodeVersion, npmPackage, JSON.stringify(tools.npmEnvironment), tools.caPem];
}

/** npm's package, from the command on PATH: <package>/bin/npm-cli.js. */
async function findNpm(): Promise<string> {
  const command = (await run('sh', ['-c', 'command -v npm'])).trim();
  const folder = path.resolve(realpathSync(command), '../..');
  if (!existsSync(path.join(folder, 'bin/npm-cli.js')) || !existsSync(path.join(folder, 'node_modules')))
    throw new Error(
      `${command} is not the npm of a Node release, with its modules inside: put such a one on PATH`,
    );
  return folder;
}

/** npm's settings that are set. */
async function npmSettings(repoFolder: string): Promise<ReadonlyMap<string, string>> {
  const text = await run('npm', ['config', 'get', ...NPM_KEYS], { cwd: repoFolder });
  const pairs = text.split('\n').map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)] as const;
  });
  return new Map(pairs.filter(([, value]) => !['', 'null', 'undefined'].includes(value)));
}

/** Same registry, same proxies. A URL that carries an account is left out: it would stay in a layer on disk. */
function npmEnvironmentOf(settings: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...settings]
      .filter(([key, value]) => key !== 'cafile' && !value.includes('@'))
      .map(([key, value]) => [`npm_config_${key.replaceAll('-', '_')}`, value]),
  );
}
