// The command line itself: version, help, usage errors and their exit codes, by the real program.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [join(ROOT, 'src/main.ts'), ...args], (_error, out, err) => {
      resolve({ code: child.exitCode ?? -1, out, err });
    });
  });
}

describe('registry-failover', () => {
  it('says the version of package.json', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(await run('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });

  it('says what it can do, in 80 columns', async () => {
    const { code, out } = await run('--help');
    expect(code).toBe(0);
    for (const name of ['webhook', 'demo', 'explain', 'check']) expect(out).toContain(name);
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it.each([
    ['an unknown command', ['explian'], /Did you mean explain/],
    ['an unknown flag', ['demo', '--onec'], /Did you mean --once/],
    ['a missing flag', ['explain'], /required option/],
  ])('refuses %s with exit code 2 and a way out', async (_name, args, message) => {
    const { code, err } = await run(...args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  it('names every wrong flag of the webhook at once', async () => {
    const { code, err } = await run('webhook', '--listen', 'here', '--budget', 'soon', '--log-level', 'loud');
    expect(code).toBe(2);
    for (const flag of ['--manifests', '--listen', '--budget', '--log-level'])
      expect(err).toContain(`error: ${flag}:`);
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
    expect(err).toContain('/nowhere/tls.crt');
  });
});
