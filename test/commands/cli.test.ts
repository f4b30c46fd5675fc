// The command line itself: version, help, usage errors and their exit codes, by the real program.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The program in a Node where this code has run first. */
function runAfter(code: string, ...args: string[]): Promise<Run> {
  const node = ['--import', `data:text/javascript,${encodeURIComponent(code)}`, join(ROOT, 'src/main.ts')];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [...node, ...args], (_error, out, err) => {
      resolve({ code: child.exitCode ?? -1, out, err });
    });
  });
}

function run(...args: string[]): Promise<Run> {
  return runAfter('', ...args);
}

const COMMANDS = ['webhook', 'demo', 'explain', 'check'];

describe('registry-failover', () => {
  it('says the version of package.json', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(await run('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });

  it('says what it can do', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    for (const name of COMMANDS) expect(out).toContain(name);
  });

  it.each(['', ...COMMANDS])('helps in 80 columns, with no empty default: %s', async (name) => {
    const { code, out } = await (name === '' ? run('--help') : run(name, '--help'));
    expect(code).toBe(0);
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(out).not.toMatch(/default:\s+(?:false|\[\]|"")/);
  });

  it.each(['explain', 'check'])('shows %s in a clone and where it is installed', async (name) => {
    const { out } = await run(name, '--help');
    expect(out).toContain(`  npm run -s cli -- ${name} `);
    expect(out).toContain(`registry-failover ${name} `);
  });

  it.each(COMMANDS)('says in one line that %s needs a newer Node', async (name) => {
    const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      engines: { node: string };
    };
    const old = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })`;
    expect(engines.node).toBe('>=24');
    expect(await runAfter(old, name)).toEqual({
      code: 2,
      out: '',
      err: 'error: registry-failover needs Node.js 24 or newer, this is 20.20.2. In a clone, use npm start or npm run cli.\n',
    });
  });

  it.each([
    ['an unknown command', ['explian'], /Did you mean explain/],
    ['an unknown flag', ['demo', '--onec'], /Did you mean --once/],
    ['a misspelt flag beside a missing one', ['explain', '--manifest', 'x'], /Did you mean --manifests/],
    ['a missing file', ['explain', '-m', '.'], /required option '-f, --file <file>'/],
    ['missing declarations', ['check', 'a/b:1'], /required option '-m, --manifests <path>'/],
  ])('refuses %s with exit code 2 and a way out', async (_name, args, message) => {
    const { code, err } = await run(...args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(err).toMatch(/\n\(--help shows what there is\)\n$/);
  });

  it('names every wrong flag of the webhook at once', async () => {
    const { code, err } = await run('webhook', '--listen', 'here', '--budget', 'soon', '--log-level', 'loud');
    expect(code).toBe(2);
    for (const flag of ['--manifests', '--listen', '--budget', '--log-level'])
      expect(err).toContain(`error: ${flag}:`);
    expect(err).toContain('"loud" is none of debug, info, warn, error');
  });

  it.each([
    ['of 60 columns', 'columns: { value: 60 }', 60],
    ['of an unknown width', 'columns: { value: undefined }', 80],
  ])('wraps errors in a terminal %s, with an indent', async (_name, columns, width) => {
    const terminal = `Object.defineProperties(process.stderr, { isTTY: { value: true }, ${columns} })`;
    const args = ['explain', '-f', '/nowhere/a', '-m', '/nowhere/b'];
    const [wrapped, plain] = await Promise.all([runAfter(terminal, ...args), run(...args)]);
    const lines = wrapped.err.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) {
      expect(line.length).toBeLessThanOrEqual(width);
      expect(line).toMatch(/^(?:error: | {2}\S)/);
    }
    expect(wrapped.err.replaceAll('\n  ', ' ')).toBe(plain.err);
    expect(plain.err.trimEnd().split('\n')).toHaveLength(2);
  });

  it('says which certificate file is missing', async () => {
    const { code, err } = await run(
      'webhook',
      '-m',
      '/',
      '--tls-cert',
      '/nowhere/tls.crt',
      '--tls-key',
      '/nowhere/tls.key',
    );
    expect(code).toBe(2);
    expect(err).toBe(
      'error: --tls-cert: there is no file /nowhere/tls.crt. Give one, or make one: npm run certs\n',
    );
  });
});
