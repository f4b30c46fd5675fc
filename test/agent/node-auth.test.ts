import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readNodeAuth } from '../../src/agent/node-auth.ts';

describe('readNodeAuth', () => {
  let folder = '';
  let file = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'node-auth-'));
    file = join(folder, '.dockerconfigjson');
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('gives credentials by endpoint, and nothing that prints one', async () => {
    const auths = {
      'reg.example:5000/ocir': { username: 'robot', password: 'hunter2' },
      'empty.example': {},
    };
    writeFileSync(file, JSON.stringify({ auths }));
    const read = await readNodeAuth(file);
    if (!read.ok) throw new Error(read.error);
    expect([...read.value.credentials.keys()]).toEqual(['reg.example:5000/ocir']);
    expect(read.value.credentials.get('reg.example:5000/ocir')?.password()).toBe('hunter2');
    expect(read.value.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(inspect(read, { depth: 9 }) + JSON.stringify(read)).not.toContain('hunter2');
  });

  it.each([
    ['no file is named', () => undefined],
    ['there is none', () => join(folder, 'none')],
    ['there is no folder', () => join(folder, 'none', 'none')],
  ])('gives none where %s', async (_name, path) => {
    expect(await readNodeAuth(path())).toMatchObject({ ok: true, value: { fingerprint: '' } });
  });

  it.each([
    ['no JSON', 'hunter2'],
    ['an auth that is no base64', '{"auths":{"a":{"auth":"hunter2 !"}}}'],
    ['more than a Secret can hold', 'x'.repeat(1024 * 1024 + 1)],
  ])('refuses %s without repeating it', async (_name, text) => {
    writeFileSync(file, text);
    const read = await readNodeAuth(file);
    expect(read.ok).toBe(false);
    expect(JSON.stringify(read)).not.toContain('hunter2');
  });

  it('refuses what it cannot read, which is not the same as none', async () => {
    mkdirSync(file);
    expect(await readNodeAuth(file)).toMatchObject({ ok: false });
  });
});
