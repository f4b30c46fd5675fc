import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderWatch } from '../../src/agent/folder-watch.ts';
import { eventually } from '../kubernetes/api-server.ts';

describe('FolderWatch', () => {
  let root = '';
  let changes = 0;
  let watch: FolderWatch;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'folders-'));
    mkdirSync(join(root, 'containers/registries.conf.d'), { recursive: true });
    mkdirSync(join(root, 'containerd/certs.d/reg.example'), { recursive: true });
    mkdirSync(join(root, 'secret'));
    mkdirSync(join(root, 'crio'));
    changes = 0;
    watch = new FolderWatch({
      layout: {
        containersFolder: join(root, 'containers'),
        containerdFolder: join(root, 'containerd'),
        authFile: join(root, 'crio/auth.json'),
      },
      others: [join(root, 'secret')],
      debounceMs: 20,
      onChange: () => {
        changes += 1;
      },
    });
    watch.refresh();
  });

  afterEach(() => {
    watch.close();
    rmSync(root, { recursive: true });
  });

  async function seen(count: number): Promise<void> {
    await eventually(() => {
      expect(changes).toBe(count);
    });
  }

  it.each([
    ['containers/registries.conf.d/90-registry-failover.conf'],
    ['containers/registries.conf'],
    ['containerd/certs.d/reg.example/hosts.toml'],
    ['containerd/config.toml'],
    ['secret/..data'],
    ['crio/auth.json'],
  ])('tells of %s', async (path) => {
    writeFileSync(join(root, path), 'x');
    await seen(1);
  });

  it('tells of a file that is renamed over, and of one that is removed', async () => {
    const file = join(root, 'containers/registries.conf.d/99-other.conf');
    writeFileSync(join(root, 'elsewhere'), 'x');
    renameSync(join(root, 'elsewhere'), file);
    await seen(1);
    rmSync(file);
    await seen(2);
  });

  it('tells once of many changes at a time', async () => {
    for (let i = 0; i < 50; i += 1) writeFileSync(join(root, `containers/registries.conf.d/${i}.conf`), 'x');
    await seen(1);
  });

  it('says nothing of what our own runs make and remove', async () => {
    const folder = join(root, 'containers/registries.conf.d');
    writeFileSync(join(folder, '.90-registry-failover.conf.registry-failover.new'), 'x');
    writeFileSync(join(root, 'containers/.registry-failover.a_b.note'), 'x');
    rmSync(join(folder, '.90-registry-failover.conf.registry-failover.new'));
    // Longer than what others do takes to be told.
    await new Promise((resolve) => {
      setTimeout(resolve, 100);
    });
    expect(changes).toBe(0);
  });

  it('sees folders that have come since, and one that was made anew', async () => {
    mkdirSync(join(root, 'containers/certs.d/reg.example:5000'), { recursive: true });
    await seen(1);
    watch.refresh();
    writeFileSync(join(root, 'containers/certs.d/reg.example:5000/ca.crt'), 'x');
    await seen(2);
    rmSync(join(root, 'containerd/certs.d/reg.example'), { recursive: true });
    mkdirSync(join(root, 'containerd/certs.d/reg.example'));
    await seen(3);
    watch.refresh();
    writeFileSync(join(root, 'containerd/certs.d/reg.example/hosts.toml'), 'x');
    await seen(4);
  });

  it('says nothing once it is closed', async () => {
    watch.close();
    writeFileSync(join(root, 'containers/registries.conf'), 'x');
    await new Promise((resolve) => {
      setTimeout(resolve, 60);
    });
    expect(changes).toBe(0);
  });
});
