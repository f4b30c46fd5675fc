// The certs command as a person runs it: files, modes, the printed bundle, and clear refusals.
import { spawnSync } from 'node:child_process';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(path.join(tmpdir(), 'certs-'));
const script = path.resolve(import.meta.dirname, '../../certs/make.ts');

function run(...args: string[]) {
  // In a folder of its own: what is printed is relative to where the command runs, wherever the clone may lie.
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', cwd: folder });
}

afterAll(() => rmSync(folder, { recursive: true }));

describe('npm run certs', () => {
  it('makes a certificate for the Service and for localhost, and its key private', () => {
    const out = path.join(folder, 'new');
    const { status, stdout, stderr } = run(
      '--out',
      out,
      '--namespace',
      'ops',
      '--dns',
      'extra.example',
      '--days',
      '7',
    );
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const pem = (file: string): string => readFileSync(path.join(out, file), 'utf8');
    const serving = new X509Certificate(pem('tls.crt'));
    const names = ['registry-failover-webhook.ops.svc', 'localhost', 'extra.example'];
    expect(names.map((name) => serving.checkHost(name))).toEqual(names);
    expect(serving.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(serving.checkPrivateKey(createPrivateKey(pem('tls.key')))).toBe(true);
    expect(serving.verify(new X509Certificate(pem('ca.crt')).publicKey)).toBe(true);
    expect(statSync(path.join(out, 'tls.key')).mode & 0o777).toBe(0o600);
    expect(stdout).toContain(`--set tls.caBundle="$(base64 -w0 <${path.join('new', 'ca.crt')})"\n`);
    const day = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
    expect(stdout).toContain(`\nvalid until ${day} for\n`);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('prints a command that a shell takes, whatever the folder is called', () => {
    const out = path.join(folder, "it's $here");
    const { stdout } = run('--out', out);
    const [, option] = /--set (tls\.caBundle=.*)\n/.exec(stdout) ?? [];
    const said = spawnSync('sh', ['-c', `printf %s ${option}`], { encoding: 'utf8', cwd: folder }).stdout;
    const pem = readFileSync(path.join(out, 'ca.crt')).toString('base64');
    expect(said).toBe(`tls.caBundle=${pem}`);
  });

  it('helps in 80 columns', () => {
    const { status, stdout, stderr } = run('--help');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('--days N');
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('replaces what an earlier run made', () => {
    const out = path.join(folder, 'again');
    run('--out', out);
    const before = readFileSync(path.join(out, 'tls.crt'), 'utf8');
    expect(run('--out', out).status).toBe(0);
    expect(readFileSync(path.join(out, 'tls.crt'), 'utf8')).not.toBe(before);
  });

  it.each([
    ['days that are no number', ['--days', 'x'], '--days must be'],
    ['too many days', ['--days', '4000'], '--days must be'],
    ['a namespace that cannot be one', ['--namespace', 'A b'], '--namespace must be'],
    ['a URL for a name', ['--dns', 'https://a.example'], '--dns must be'],
    ['an unknown option', ['--dayz', '1'], "Unknown option '--dayz'"],
  ])('refuses %s with exit code 2 and says so', (_name, args, message) => {
    const { status, stdout, stderr } = run('--out', path.join(folder, 'never'), ...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});
