// `registry-failover nodes` as a process: bad input, a program in place of ssh, and Ctrl-C. On real nodes: test/cluster/ssh.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../ssh/cli.ts';
import { testCa } from '../support/tls.ts';

const MAIN = path.resolve(import.meta.dirname, '../../src/main.ts');

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'rf-nodes-cli-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('bad input', () => {
  it('is said at once and whole, before any connection', async () => {
    const words = [
      'apply',
      '-m',
      '/nowhere',
      '--hosts',
      '-oProxyCommand=x',
      '--owner',
      'A',
      '--parallel',
      '0',
    ];
    const { exit, stderr, stdout } = await runProgram(['nodes', ...words]);
    expect([exit, stdout]).toEqual([2, '']);
    for (const part of ['/nowhere', '"-oProxyCommand=x" does not name a host', '--owner', '--parallel'])
      expect(stderr).toContain(part);
  });

  it('is a set that is refused: its files would be taken away otherwise', async () => {
    const file = path.join(folder, 'refused.yaml');
    const set = `apiVersion: registry-failover.io/v1alpha1
kind: RegistryMirrorSet
metadata: { name: lost }
spec:
  upstream: { prefix: fra.ocir.io, caBundle: { configMapRef: { name: gone, key: ca.crt } } }
  mirrors: [{ endpoint: ams.ocir.io, credential: { source: None } }]
  nodes: { enabled: true }
`;
    writeFileSync(file, set);
    const { exit, stderr } = await runProgram(['nodes', 'diff', '-m', file, '--hosts', 'n1']);
    expect(exit).toBe(2);
    expect(stderr).toContain('[CaBundleMissing]');
  });

  it('is no set whose CA lies in the namespace that is named', async () => {
    const file = path.join(folder, 'elsewhere.yaml');
    const ca = JSON.stringify((await testCa()).pem);
    writeFileSync(
      file,
      `apiVersion: v1
kind: ConfigMap
metadata: { name: corp-ca, namespace: infra }
data: { ca.crt: ${ca} }
---
apiVersion: registry-failover.io/v1alpha1
kind: RegistryMirrorSet
metadata: { name: found }
spec:
  upstream: { prefix: fra.ocir.io, caBundle: { configMapRef: { name: corp-ca, key: ca.crt } } }
  mirrors: [{ endpoint: ams.ocir.io, credential: { source: None } }]
  nodes: { enabled: true }
`,
    );
    const words = ['nodes', 'diff', '-m', file, '--hosts', '127.0.0.1:1'];
    expect((await runProgram(words)).stderr).toContain('[CaBundleMissing]');
    const named = await runProgram([...words, '--install-namespace', 'infra']);
    expect(named.stderr).not.toContain('CaBundleMissing');
    expect(named.exit).toBe(3);
  });

  it.each(['apply', 'status', 'diff'])('is a folder without a mirror set: %s', async (command) => {
    const empty = mkdtempSync(path.join(folder, 'empty-'));
    const { exit, stderr, stdout } = await runProgram(['nodes', command, '-m', empty, '--hosts', 'n1']);
    expect([exit, stdout]).toEqual([2, '']);
    expect(stderr).toContain('[NothingDeclared]');
    expect(stderr).toContain('nodes restore');
  });

  it('is a command that lacks what it needs', async () => {
    const { exit, stderr } = await runProgram(['nodes', 'apply', '--hosts', 'n1']);
    expect(exit).toBe(2);
    expect(stderr).toContain("required option '-m, --manifests <path>' not specified");
  });
});

/** A process whose ssh is this script, until it has said `word` on standard error; then it gets a signal. */
function interruptAt(
  word: string,
  ssh: string,
  words: readonly string[],
): Promise<{ exit: number | null; stdout: string; stderr: string }> {
  writeFileSync(path.join(folder, 'ssh'), `#!/bin/sh\n${ssh}\n`, { mode: 0o755 });
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [MAIN, 'nodes', ...words], {
      env: { ...process.env, NO_COLOR: '1', PATH: `${folder}:${process.env['PATH'] ?? ''}` },
    });
    let [stdout, stderr] = ['', ''];
    let isTold = false;
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString('utf8');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8');
      // A second one would end it at once.
      if (!isTold && stderr.includes(word)) isTold = child.kill('SIGINT');
    });
    child.on('close', (exit) => resolve({ exit, stdout, stderr }));
  });
}

describe('Ctrl-C', () => {
  it('lets those under way finish, begins no further node, and still reports', async () => {
    const ssh =
      'case "$*" in *" b "*) sleep 0.5;; esac; echo "ssh: connect to host x port 22: Connection refused" >&2; exit 255';
    const ended = await interruptAt('n0: not reached', ssh, [
      'status',
      '--hosts',
      'n0,b,c,d',
      '--parallel',
      '1',
    ]);
    expect(ended.stderr).toContain('Interrupted: no further node is begun');
    expect(ended.stdout).toMatch(/\nb +- +not reached {2}see below\nc +- +not tried\nd +- +not tried\n/);
    expect(ended.stdout).toContain('no ssh server answers there');
    expect(ended.exit).toBe(3);
  });
});
