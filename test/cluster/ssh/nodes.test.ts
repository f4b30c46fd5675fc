// nodes apply, status, diff and restore as a user runs them, on sshd nodes: canary, batch, a node that is rolled back, and back.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../ssh/cli.ts';
import type { CliEnd } from '../../ssh/cli.ts';
import { OCIR, QUAY } from '../../ssh/declarations.ts';
import { startPark, SUDO_PASSWORD } from '../../ssh/park.ts';
import type { Park, ParkNode } from '../../ssh/park.ts';
import { giveForeignFiles } from '../../ssh/foreign-files.ts';
import { snapshot } from '../../ssh/snapshot.ts';
import { countHangups, startCrio } from '../../ssh/stand-ins.ts';

const DROP_IN = '/etc/containers/registries.conf.d/90-registry-failover.conf';

let park: Park;
let [n1, n2, n3]: ParkNode[] = [];
let folder: string;

function nodes(...words: readonly string[]): Promise<CliEnd> {
  return runProgram(['nodes', ...words, '--ssh-config', park.configFile]);
}

function declare(...sets: readonly string[]): string {
  const file = path.join(folder, 'sets.yaml');
  writeFileSync(file, sets.join(''));
  return file;
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'rf-sets-'));
  park = await startPark(['n1', 'n2', 'n3']);
  [n1, n2, n3] = park.nodes as [ParkNode, ParkNode, ParkNode];
  for (const node of park.nodes) {
    await giveForeignFiles(node);
    await startCrio(node);
  }
});

afterAll(async () => {
  await park.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('nodes apply, from nothing to restored', () => {
  let before: readonly string[];

  it('shows a diff and changes nothing, dry', async () => {
    before = await Promise.all(park.nodes.map(snapshot));
    const manifests = declare(OCIR);
    const dry = await nodes('apply', '-m', manifests, '--hosts', 'n1,n2,n3', '--dry-run');
    expect(dry.stdout).toContain('# n1, n2, n3\n--- /dev/null\n+++ ' + DROP_IN);
    expect(dry.stdout).toContain('+prefix = "fra.ocir.io"');
    expect(dry.stdout).toMatch(/n2 {4}cri-o 1\.34\.0 {2}would change {2}1 to write/);
    expect(dry.exit).toBe(0);
    const diff = await nodes('diff', '-m', manifests, '--hosts', 'n1,n2,n3');
    expect(diff.exit).toBe(1);
    expect(await Promise.all(park.nodes.map(snapshot))).toEqual(before);
  });

  it('does the canary first, then the rest; the one that fails is rolled back, and all are reported', async () => {
    await startCrio(n3!, { atHangup: 'Dies' });
    const beforeThird = await snapshot(n3!);
    const applied = await nodes('apply', '-m', declare(OCIR), '--hosts', 'n1,n2,n3');
    expect(applied.stderr).toMatch(/^\[1\/3\] canary n1: applied \(1 written, CRI-O told to read it\)/);
    expect(applied.stdout).toMatch(/n2 .* applied/);
    expect(applied.stdout).toMatch(/n3 .* rolled back/);
    expect(applied.stdout).toMatch(/What went wrong\n {2}- n3: /);
    expect(applied.stdout).toContain('2 applied, 1 rolled back.');
    expect(applied.exit).toBe(4);
    expect(await snapshot(n3!)).toBe(beforeThird);
    expect(await n1!.sh(`cat ${DROP_IN}`)).toContain('location = "lhr.ocir.io"');
    expect([await countHangups(n1!), await countHangups(n2!)]).toEqual([1, 1]);
  });

  it('touches nothing else when the canary fails', async () => {
    const untouched = await Promise.all([n1!, n2!].map(snapshot));
    await startCrio(n3!, { atHangup: 'Dies' });
    const applied = await nodes('apply', '-m', declare(OCIR, QUAY), '--hosts', 'n3,n1,n2', '-o', 'json');
    const report = JSON.parse(applied.stdout) as { result: string; nodes: { node: string; state: string }[] };
    expect(report.nodes.map(({ node, state }) => `${node} ${state}`)).toEqual([
      'n3 rolled-back',
      'n1 not-tried',
      'n2 not-tried',
    ]);
    expect([applied.exit, report.result]).toEqual([4, 'partly']);
    expect(await Promise.all([n1!, n2!].map(snapshot))).toEqual(untouched);
  });

  it('begins no further node after a failure, unless it is told to keep going', async () => {
    await startCrio(n3!, { atHangup: 'Dies' });
    const words = ['apply', '-m', declare(OCIR), '--hosts', 'n1,n3,n2', '--parallel', '1'];
    const stopped = await nodes(...words);
    expect(stopped.stdout).toMatch(/n2 .* not tried/);
    expect(stopped.stdout).toMatch(/Nothing was begun after\s+the\s+failure/);
    await startCrio(n3!, { atHangup: 'Dies' });
    const going = await nodes(...words, '--keep-going');
    expect(going.stdout).toMatch(/n2 .* nothing to do/);
    expect([stopped.exit, going.exit]).toEqual([4, 4]);
  });

  it('brings the last one up once it is mended, and then has nothing to do', async () => {
    await startCrio(n3!);
    const words = ['apply', '-m', declare(OCIR), '--hosts', 'n1,n2,n3'];
    const mended = await nodes(...words);
    expect(mended.stdout).toContain('2 nothing to do, 1 applied.');
    const applied = await Promise.all(park.nodes.map(snapshot));
    const hangups = await Promise.all(park.nodes.map(countHangups));
    const again = await nodes(...words);
    expect(again.stdout).toContain('3 nothing to do. Nothing was changed on any node.');
    expect([mended.exit, again.exit]).toEqual([0, 0]);
    expect(await Promise.all(park.nodes.map(snapshot))).toEqual(applied);
    expect(await Promise.all(park.nodes.map(countHangups))).toEqual(hangups);
  });

  it('says who has drifted, and repairs it', async () => {
    await n2!.sh(`echo '# by hand' >> ${DROP_IN}`);
    const words = ['-m', declare(OCIR), '--hosts', 'n1,n2,n3'];
    const status = await nodes('status', ...words);
    expect(status.stdout).toMatch(/n1 .* up to date .* 1 file of ours/);
    expect(status.stdout).toMatch(/n2 .* differs/);
    expect(status.exit).toBe(1);
    expect((await nodes('apply', ...words)).stdout).toContain('2 nothing to do, 1 applied.');
    expect((await nodes('status', ...words)).exit).toBe(0);
  });

  it('leaves what another installation has laid down, and says so', async () => {
    const words = ['-m', declare(OCIR), '--hosts', 'n1'];
    const other = await nodes('apply', ...words, '--owner', 'team/other');
    expect(other.stdout).toContain('Left as they are, because they are not ours to change');
    expect(other.stdout).toContain(DROP_IN);
    expect(other.exit).toBe(4);
    const status = await nodes('status', '--hosts', 'n1', '--owner', 'team/other');
    expect(status.stdout).toContain('has files of another installation: ssh/registry-failover');
  });

  it('has a user with sudo and its password do the same', async () => {
    const secret = path.join(folder, 'sudo-password');
    writeFileSync(secret, `${SUDO_PASSWORD}\n`, { mode: 0o600 });
    const words = ['-m', declare(OCIR), '--hosts', 'n1'];
    const sudo = await nodes('status', ...words, '--user', 'deploy', '--sudo-password-file', secret);
    expect(sudo.stdout).toMatch(/n1 .* up to date/);
    expect(sudo.exit).toBe(0);
    const without = await nodes('status', ...words, '--user', 'guest');
    expect(without.stdout.replaceAll(/\s+/g, ' ')).toContain('the login is not root. Add --sudo');
    expect(without.exit).toBe(3);
  });

  it('restores every byte, mode and owner; a second time there is nothing to do', async () => {
    const restored = await nodes('restore', '--hosts', 'n1,n2,n3');
    expect(restored.stdout).toContain('3 restored.');
    expect(restored.exit).toBe(0);
    expect(await Promise.all(park.nodes.map(snapshot))).toEqual(before);
    const again = await nodes('restore', '--hosts', 'n1,n2,n3');
    expect(again.stdout).toContain('3 nothing to do.');
    expect(again.exit).toBe(0);
  });
});

describe('a node that is not as it should be', () => {
  it('is passed over when no runtime is there', async () => {
    await n2!.sh('kill -KILL "$(cat /run/crio.pid)"; rm /usr/local/bin/crio');
    const before = await snapshot(n2!);
    const applied = await nodes('apply', '-m', declare(OCIR), '--hosts', 'n2');
    expect(applied.stdout).toContain('neither CRI-O nor containerd runs here');
    expect(applied.exit).toBe(4);
    expect(await snapshot(n2!)).toBe(before);
    await startCrio(n2!);
  });

  it('does not hold up the report when it cannot be reached', async () => {
    await n2!.drop(true);
    const words = ['status', '--hosts', 'n1,n2'];
    const some = await nodes(...words);
    expect(some.stdout).toMatch(/n1 .* seen/);
    expect(some.stdout).toMatch(/n2 .* not reached/);
    expect(some.exit).toBe(4);
    const none = await nodes('status', '--hosts', 'n2');
    expect(none.exit).toBe(3);
    await n2!.drop(false);
  });

  it('leaves its files alone while somebody else’s drop-in would stop the runtime', async () => {
    await n1!.sh(`echo 'this is = no TOML [' > /etc/containers/registries.conf.d/50-broken.conf`);
    const before = await snapshot(n1!);
    const applied = await nodes('apply', '-m', declare(OCIR), '--hosts', 'n1');
    expect(applied.stdout).toContain('50-broken.conf');
    expect(applied.exit).toBe(4);
    expect(await snapshot(n1!)).toBe(before);
    await n1!.sh('rm /etc/containers/registries.conf.d/50-broken.conf');
  });
});
