// The webhook process: what becomes of it when it cannot start.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { World } from '../drain/world.ts';

const MAIN = path.join(import.meta.dirname, '../../src/main.ts');

describe('webhook', () => {
  it.each(['--listen', '--ops-listen'])('ends when it cannot have the port of %s', async (flag) => {
    const world = await World.create();
    const manifests = world.declare('m', [{ name: 'm', prefix: '127.0.0.1:9', mirrors: ['127.0.0.2:9'] }]);
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const other = flag === '--listen' ? '--ops-listen' : '--listen';
    const ports = [flag, `127.0.0.1:${port}`, other, '127.0.0.1:0'];
    const files = ['-m', manifests, '--tls-cert', world.certPath, '--tls-key', world.keyPath];
    const child = spawn(process.execPath, [MAIN, 'webhook', ...files, ...ports], { stdio: 'ignore' });
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    const [code] = (await once(child, 'exit')) as [number | null];
    clearTimeout(timer);
    expect(code).toBe(2);
    taken.close();
    world.close();
  });
});
