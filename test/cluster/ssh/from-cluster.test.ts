// The nodes of a real API server, reached over ssh: by name or address, with their labels, and without those that others manage.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NODES } from '../../../src/kubernetes/resource.ts';
import { runProgram } from '../../ssh/cli.ts';
import type { CliEnd } from '../../ssh/cli.ts';
import { OCIR, QUAY } from '../../ssh/declarations.ts';
import { startPark } from '../../ssh/park.ts';
import type { Park, ParkNode } from '../../ssh/park.ts';
import { startCrio } from '../../ssh/stand-ins.ts';
import { startApiServer } from '../kubernetes/api-server.ts';
import type { RealApiServer } from '../kubernetes/api-server.ts';

let park: Park;
let server: RealApiServer;
let folder: string;

async function addNode(
  name: string,
  address: string,
  parts: { osImage: string; labels: object },
): Promise<void> {
  const nodeInfo = {
    operatingSystem: 'linux',
    osImage: parts.osImage,
    kubeletVersion: 'v1.35.4',
    containerRuntimeVersion: 'cri-o://1.34.0',
  };
  const empty = {
    architecture: '',
    bootID: '',
    kernelVersion: '',
    kubeProxyVersion: '',
    machineID: '',
    systemUUID: '',
  };
  const made = await server.api.create(NODES, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { ...parts.labels } },
  });
  if (!made.ok) throw new Error(made.error.message);
  const status = { addresses: [{ type: 'InternalIP', address }], nodeInfo: { ...empty, ...nodeInfo } };
  const told = await server.api.patch(NODES, { name }, [{ op: 'add', path: '/status', value: status }], {
    subresource: 'status',
  });
  if (!told.ok) throw new Error(told.error.message);
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'rf-from-cluster-'));
  [park, server] = await Promise.all([startPark(['n1', 'n2']), startApiServer()]);
  const [n1, n2] = park.nodes as [ParkNode, ParkNode];
  for (const node of [n1, n2]) await startCrio(node);
  await addNode('n1', n1.address, { osImage: 'Debian GNU/Linux 12', labels: { pool: 'blue' } });
  await addNode('n2', n2.address, { osImage: 'Debian GNU/Linux 12', labels: { pool: 'green' } });
  await addNode('n3', '198.51.100.254', { osImage: 'Talos (v1.9.0)', labels: {} });
});

afterAll(async () => {
  await Promise.all([park.stop(), server.stop()]);
  rmSync(folder, { recursive: true });
});

function nodes(...words: readonly string[]): Promise<CliEnd> {
  const cluster = [
    '--from-cluster',
    '--kubeconfig',
    server.controlPlane.kubeconfig,
    '--node-address',
    'Name',
  ];
  return runProgram(['nodes', ...words, ...cluster, '--ssh-config', park.configFile]);
}

describe('nodes --from-cluster', () => {
  it('takes every node that is ours to write on, each with the sets that select it', async () => {
    const file = path.join(folder, 'sets.yaml');
    writeFileSync(
      file,
      OCIR + QUAY.replace('enabled: true', 'enabled: true, selector: { matchLabels: { pool: green } }'),
    );
    const applied = await nodes('apply', '-m', file);
    expect(applied.stdout).toMatch(/n1 .* applied/);
    expect(applied.stdout).toMatch(/n2 .* applied/);
    expect(applied.stdout).toMatch(/n3 .* not for us/);
    expect(applied.stdout).toContain('Talos writes this node');
    expect(applied.exit).toBe(4);
    const read = (node: ParkNode): Promise<string> =>
      node.sh('cat /etc/containers/registries.conf.d/90-registry-failover.conf');
    expect(await read(park.nodes[0]!)).not.toContain('quay.io');
    expect(await read(park.nodes[1]!)).toContain('quay.io');
  });

  it('says why the API server has told no nodes', async () => {
    const gone = await runProgram(['nodes', 'status', '--from-cluster', '--kubeconfig', '/nowhere']);
    expect(gone.exit).toBe(2);
    expect(gone.stderr).toContain('/nowhere');
  });
});
