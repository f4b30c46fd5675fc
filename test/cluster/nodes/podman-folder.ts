// Podman folder: what podman needs to tell how it reads registries.conf.d, and nothing of what is on this machine.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Whether it can be asked here: the folder is mounted over /etc/containers. */
export const CAN_ASK_PODMAN = process.getuid?.() === 0 && spawnSync('which', ['podman']).status === 0;

/** A folder with `containers/`, to be mounted over /etc/containers, and `storage.conf`, for CONTAINERS_STORAGE_CONF. */
export function makePodmanFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'podman-reads-'));
  mkdirSync(path.join(folder, 'containers/registries.conf.d'), { recursive: true });
  const policy = '{"default":[{"type":"insecureAcceptAnything"}]}';
  writeFileSync(path.join(folder, 'containers/policy.json'), policy);
  const storage = `[storage]\ndriver = "vfs"\ngraphroot = "${folder}/s"\nrunroot = "${folder}/r"\n`;
  writeFileSync(path.join(folder, 'storage.conf'), storage);
  return folder;
}
