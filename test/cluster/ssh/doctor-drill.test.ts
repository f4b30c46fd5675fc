// doctor --host and drill as a user runs them, over a real sshd: what is wrong on a node, and an outage that undoes itself.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DoctorCheck } from '../../../src/explain/doctor/doctor-check.ts';
import type { DrillView } from '../../../src/explain/drill-view.ts';
import { waitFor } from '../../lab/wait.ts';
import { runProgram } from '../../ssh/cli.ts';
import type { CliEnd } from '../../ssh/cli.ts';
import { OCIR } from '../../ssh/declarations.ts';
import { startPark } from '../../ssh/park.ts';
import type { Park, ParkNode } from '../../ssh/park.ts';
import { snapshot } from '../../ssh/snapshot.ts';
import { startCrio } from '../../ssh/stand-ins.ts';

// The node's own sshd answers at every address of the loopback: good enough for a registry that is only dialled.
const REGISTRY = 'reg.test:22';
const DRILL = ['drill', '--host', 'n1', '--registry', REGISTRY];
const CRICTL = String.raw`#!/bin/bash
case "$*" in *images*) printf 'IMAGE TAG ID SIZE\n${REGISTRY}/team/app 1.0 x 1MB\n'; exit 0 ;; esac
try() {
  printf 'msg="Trying to access \\"%s/team/app:1.0\\""\n' "$1"
  timeout 3 bash -c "exec 3<>/dev/tcp/$2/22" 2>/dev/null
}
if [ -e /run/hang ] && iptables -w 5 -S | grep -q RF-DRILL; then exec sleep 300; fi
try ${REGISTRY} 127.0.0.21 || try mirror.test:22 127.0.0.22
`;

let park: Park;
let node: ParkNode;
let folder: string;
let manifests: string;

function call(words: readonly string[]): Promise<CliEnd> {
  return runProgram([...words, '--ssh-config', park.configFile]);
}

async function doctor(...words: readonly string[]): Promise<{ end: CliEnd; checks: readonly DoctorCheck[] }> {
  // No kubeconfig is found in there.
  const end = await call(['doctor', '--host', 'n1', '-o', 'json', ...words]);
  return { end, checks: (JSON.parse(end.stdout) as { checks: DoctorCheck[] }).checks };
}

function wrong(checks: readonly DoctorCheck[]): readonly string[] {
  return checks.filter(({ result }) => result !== 'ok').map(({ check, result }) => `${check} ${result}`);
}

async function rules(): Promise<string> {
  return (await node.sh('iptables -S | grep RF-DRILL || :')).trim();
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'rf-doctor-'));
  manifests = path.join(folder, 'sets.yaml');
  writeFileSync(manifests, OCIR);
  process.env['HOME'] = folder;
  delete process.env['KUBECONFIG'];
  park = await startPark(['n1']);
  [node] = park.nodes as [ParkNode];
  await startCrio(node);
  await node.sh(`
mkdir -p /etc/containers/registries.conf.d
echo '{"default":[{"type":"insecureAcceptAnything"}]}' > /etc/containers/policy.json
printf '127.0.0.21 reg.test\\n127.0.0.22 mirror.test\\n' >> /etc/hosts
cat > /usr/local/bin/crictl <<'END'
${CRICTL}
END
chmod 755 /usr/local/bin/crictl`);
});

afterAll(async () => {
  await park?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('doctor --host', () => {
  it('finds nothing wrong, and changes nothing', async () => {
    const before = await snapshot(node);
    const { end, checks } = await doctor();
    expect(wrong(checks)).toEqual([]);
    expect(end.exit).toBe(0);
    expect(checks.map(({ check }) => check)).toContain('clock');
    expect(await snapshot(node)).toBe(before);
  });

  it('compares the node with what is declared, before and after it is laid down', async () => {
    expect(wrong((await doctor('-m', manifests)).checks)).toEqual(['node-files warning']);
    const applied = await call(['nodes', 'apply', '-m', manifests, '--hosts', 'n1']);
    expect(applied.exit).toBe(0);
    expect(wrong((await doctor('-m', manifests)).checks)).toEqual([]);
  });

  it('tells what is wrong, each with what to do', async () => {
    await node.sh(`
mkdir -p /root/.config/containers
touch /root/.config/containers/registries.conf
echo 'x = [' > /etc/containers/registries.conf.d/10-broken.conf
printf '[[registry]]\\nprefix = "fra.ocir.io"\\nlocation = "x.example"\\n' > /etc/containers/registries.conf.d/95-later.conf`);
    const { end, checks } = await doctor();
    expect(wrong(checks).toSorted()).toEqual([
      'crio-entry-overridden error',
      'crio-registries-broken error',
      'crio-root-registries-conf error',
    ]);
    expect(
      checks
        .filter(({ result }) => result === 'error')
        .every(({ fix }) => fix.includes('systemctl reload crio')),
    ).toBe(true);
    expect(end.exit).toBe(1);
    await node.sh(
      'rm -r /root/.config/containers /etc/containers/registries.conf.d/10-broken.conf /etc/containers/registries.conf.d/95-later.conf',
    );
    expect((await doctor()).end.exit).toBe(0);
  });

  it('says of a node that it cannot reach why, and that it could not tell', async () => {
    const end = await call(['doctor', '--host', 'n1', '--host', 'stranger', '-o', 'text']);
    expect(end.exit).toBe(3);
    expect(end.stdout).toContain('host key is not in known_hosts');
  });
});

describe('drill', () => {
  it('prints what it would do, over ssh', async () => {
    const end = await call([...DRILL, '--dry-run']);
    expect(end.exit).toBe(0);
    expect(end.stdout).toContain('-d 127.0.0.21 -p tcp --dport 22');
    expect(await rules()).toBe('');
  });

  it('shows that the node survives, as root and by sudo', async () => {
    for (const who of [[], ['--user', 'opc', '--sudo']]) {
      const end = await call([...DRILL, '--seconds', '10', '--yes', '-o', 'json', ...who]);
      const view = JSON.parse(end.stdout) as DrillView & { readonly result: string };
      expect(view.result).toBe('survived');
      expect(end.exit).toBe(0);
      expect(view.image).toBe(`${REGISTRY}/team/app:1.0`);
      expect(view.outage?.pulled?.source).toBe('mirror.test:22/team/app:1.0');
      expect(await rules()).toBe('');
    }
  });

  it('undoes itself on the node when it is killed half-way', async () => {
    // The healthy pull ends; the one of the outage never does.
    await node.sh('touch /run/hang');
    const words = [...DRILL, '--seconds', '15', '--yes', '--ssh-config', park.configFile];
    const child = spawn(process.execPath, ['src/main.ts', ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    child.stderr.resume();
    await waitFor('the rules', 60_000, async () => (await rules()) !== '');
    process.kill(-(child.pid ?? NaN), 'SIGKILL');
    await waitFor('the rules to go', 40_000, async () => (await rules()) === '');
    await node.sh('rm -f /run/hang; timeout 15 bash -c "exec 3<>/dev/tcp/127.0.0.21/22"');
  });
});
