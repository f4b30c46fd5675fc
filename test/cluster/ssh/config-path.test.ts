// --set-config-path on a real containerd with a container in it: set and survived, taken back, refused. systemctl is a stand-in.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../ssh/cli.ts';
import type { CliEnd } from '../../ssh/cli.ts';
import { OCIR } from '../../ssh/declarations.ts';
import { startPark } from '../../ssh/park.ts';
import type { Park, ParkNode } from '../../ssh/park.ts';
import { CONTAINERD_CONFIG, startContainerd, stopContainerd } from '../../ssh/stand-ins.ts';

const CONFIG = '/etc/containerd/config.toml';

let park: Park;
let node: ParkNode;
let folder: string;
let manifests: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'rf-config-path-'));
  manifests = path.join(folder, 'sets.yaml');
  writeFileSync(manifests, OCIR);
  park = await startPark(['n1']);
  node = park.nodes[0] as ParkNode;
  await startContainerd(node, folder);
});

afterAll(async () => {
  await stopContainerd(node);
  await park.stop();
  rmSync(folder, { recursive: true });
});

function apply(...words: readonly string[]): Promise<CliEnd> {
  return runProgram([
    'nodes',
    'apply',
    '-m',
    manifests,
    '--hosts',
    'n1',
    '--ssh-config',
    park.configFile,
    ...words,
  ]);
}

const tasks = (): Promise<string> => node.sh('ctr --namespace k8s.io tasks ls');
const config = (): Promise<string> => node.sh(`stat -c %a ${CONFIG}; cat ${CONFIG}`);
const restarts = (): Promise<string> => node.sh('grep -c restart /run/systemctl.log');

describe('nodes apply --set-config-path', () => {
  let before: string;

  it('is not done unless it is asked for; the way out is said', async () => {
    before = await tasks();
    expect(before).toMatch(/first +\d+ +RUNNING/);
    const applied = await apply();
    expect(applied.stdout).toMatch(/containerd 2\.\d+\.\d+ +applied/);
    expect(applied.stdout.replaceAll(/\s+/g, ' ')).toContain('--set-config-path');
    expect(applied.exit).toBe(4);
    expect(await config()).toBe(`640\n${CONTAINERD_CONFIG}`);
  });

  it('says what it would do, dry', async () => {
    const dry = await apply('--set-config-path', '--dry-run');
    expect(dry.stdout).toContain('config_path to set');
    expect(await config()).toBe(`640\n${CONTAINERD_CONFIG}`);
    expect((await restarts()).trim()).toBe('1');
  });

  it('takes everything back when containers are not there after the restart', async () => {
    await node.sh('touch /run/lose-containers');
    const applied = await apply('--set-config-path');
    expect(applied.stdout.replaceAll(/\s+/g, ' ')).toContain('config_path was set and taken back');
    expect(applied.exit).toBe(4);
    expect(await config()).toBe(`640\n${CONTAINERD_CONFIG}`);
    expect((await restarts()).trim()).toBe('3');
    await node.sh(
      'ctr --namespace k8s.io tasks rm -f first >/dev/null 2>&1 || :; ctr --namespace k8s.io tasks start --detach first',
    );
    before = await tasks();
  });

  it('refuses where something is missing, and changes nothing', async () => {
    await node.sh('mv /usr/local/bin/systemctl /run/systemctl; mv /usr/bin/systemctl /usr/bin/systemctl.off');
    const applied = await apply('--set-config-path');
    expect(applied.stdout.replaceAll(/\s+/g, ' ')).toMatch(
      /config_path was not set, nothing was changed \(systemctl is not there\)/,
    );
    expect(await config()).toBe(`640\n${CONTAINERD_CONFIG}`);
    await node.sh('mv /run/systemctl /usr/local/bin/systemctl');
  });

  it('is set with everything else as it was, containerd restarted, and its container running on', async () => {
    const applied = await apply('--set-config-path');
    expect(applied.stdout).toContain(
      'containerd was restarted and reads certs.d (containers running before and after: 1)',
    );
    expect(applied.exit).toBe(0);
    expect(await tasks()).toBe(before);
    const wanted = CONTAINERD_CONFIG.replace('config_path = ""', 'config_path = "/etc/containerd/certs.d"');
    expect(await config()).toBe(`640\n${wanted}`);
    expect(await node.sh(`cat ${CONFIG}.before-registry-failover`)).toBe(CONTAINERD_CONFIG);
    expect(await node.sh('ls -A /etc/containerd')).not.toContain('.new');
  });

  it('has nothing to do the second time', async () => {
    const again = await apply('--set-config-path');
    expect(again.stdout).toContain('1 nothing to do. Nothing was changed on any node.');
    expect(again.exit).toBe(0);
    expect((await restarts()).trim()).toBe('4');
  });
});
