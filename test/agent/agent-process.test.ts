// The agent as a process: its arguments, its exit codes, its end.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../kubernetes/api-server.ts';
import { NAMESPACE, NODE, stateObject, StateServer } from './stand-in.ts';
import { host, OWNER, UPSTREAM, wanted } from './wanted.ts';

const ENTRY = join(import.meta.dirname, '../../src/agent-main.ts');

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

describe('agent-main', () => {
  let api: StateServer;
  let root = '';
  let child: ChildProcess | undefined;

  beforeEach(async () => {
    api = await StateServer.start();
    root = mkdtempSync(join(tmpdir(), 'agent-'));
    mkdirSync(join(root, 'containers'));
    mkdirSync(join(root, 'containerd'));
  });

  afterEach(async () => {
    child?.kill('SIGKILL');
    await api.stop();
    rmSync(root, { recursive: true });
  });

  /** Without any environment: all that it is told stands in its arguments. */
  function run(more: readonly string[] = []): Promise<Ended> {
    const argv = [
      ENTRY,
      `--node=${NODE}`,
      `--namespace=${NAMESPACE}`,
      `--owner=${OWNER}`,
      '--api-host=127.0.0.1',
      `--api-port=${api.server.port}`,
      `--service-account-folder=${api.server.folder}`,
      `--containers-folder=${join(root, 'containers')}`,
      `--containerd-folder=${join(root, 'containerd')}`,
      '--ops-listen=127.0.0.1:0',
      ...more,
    ];
    const started = spawn(process.execPath, argv, { env: {} });
    child = started;
    let out = '';
    let err = '';
    started.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    started.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    return new Promise((resolve) => {
      started.on('close', (code) => {
        resolve({ code, out, err });
      });
    });
  }

  it('works, and ends in good order at SIGTERM', async () => {
    const runtime = { name: 'containerd', version: '2.1.4' } as const;
    api.object = stateObject(1, { wanted: wanted([host()], { runtime }) });
    const ended = run();
    await eventually(() => {
      expect(api.patches).toHaveLength(1);
    });
    child?.kill('SIGTERM');
    const { code, out, err } = await ended;
    expect([code, err]).toEqual([0, '']);
    const lines = out.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) {
      expect(JSON.parse(line)).toMatchObject({ level: 'info', message: expect.any(String) as string });
    }
    expect(existsSync(join(root, `containerd/certs.d/${UPSTREAM}/hosts.toml`))).toBe(true);
  });

  it('says everything that is wrong with its arguments, with exit code 2', async () => {
    const { code, err } = await run(['--owner=Me', '--what=ever']);
    expect(code).toBe(2);
    expect(err.trimEnd().split('\n')).toHaveLength(2);
  });

  it('says that its address is taken, with exit code 1', async () => {
    const { code, err } = await run([`--ops-listen=127.0.0.1:${api.server.port}`]);
    expect(code).toBe(1);
    expect(err).toContain('EADDRINUSE');
  });
});
