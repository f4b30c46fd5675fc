// The whole agent against a stand-in for the API server and a scratch node: real scripts, real files, real TLS.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Agent, type AgentTiming } from '../../src/agent/agent.ts';
import type { AgentSettings } from '../../src/agent/arguments.ts';
import type { NodeStatus } from '../../src/agent/status.ts';
import type { NodeWanted } from '../../src/nodes/data/wanted.ts';
import { eventually, sendStatus } from '../kubernetes/api-server.ts';
import { freePorts } from '../lab/ports.ts';
import { testCa } from '../support/tls.ts';
import { NAMESPACE, NODE, stateObject, StateServer } from './stand-in.ts';
import { AMS, host, OWNER, source, UPSTREAM, wanted } from './wanted.ts';

const RUNTIME = { name: 'containerd', version: '2.1.4' } as const;
const FAST: Partial<AgentTiming> = {
  debounceMs: 20,
  retry: { firstMs: 50, maxMs: 200 },
  statusPauseMs: 10,
  handshakeMs: 500,
  watch: { firstRetryMs: 20, maxRetryMs: 100, goodMs: 0 },
};

function data(hosts = [host()], over: Partial<NodeWanted> = {}): NodeWanted {
  return wanted(hosts, { runtime: RUNTIME, ...over });
}

describe('Agent', () => {
  let api: StateServer;
  let root = '';
  let generation = 0;
  const agents: Agent[] = [];
  const lines: string[] = [];

  beforeEach(async () => {
    api = await StateServer.start();
    root = mkdtempSync(join(tmpdir(), 'agent-'));
    mkdirSync(join(root, 'containers'));
    mkdirSync(join(root, 'containerd/certs.d/foreign.example'), { recursive: true });
    writeFileSync(
      join(root, 'containerd/certs.d/foreign.example/hosts.toml'),
      'server = "https://x.example"\n',
    );
    generation = 0;
    lines.length = 0;
  });

  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.stop()));
    await api.stop();
    rmSync(root, { recursive: true });
  });

  function settings(over: Partial<AgentSettings> = {}): AgentSettings {
    return {
      node: NODE,
      namespace: NAMESPACE,
      owner: OWNER,
      api: { host: '127.0.0.1', port: api.server.port },
      serviceAccountFolder: api.server.folder,
      allowedEndpoints: [],
      layout: {
        containersFolder: join(root, 'containers'),
        containerdFolder: join(root, 'containerd'),
        authFile: undefined,
      },
      nodeAuth: join(root, 'secret/.dockerconfigjson'),
      ops: { host: '127.0.0.1', port: 0 },
      logLevel: 'debug',
      ...over,
    };
  }

  async function start(over: Partial<AgentSettings> = {}, timing: Partial<AgentTiming> = {}): Promise<Agent> {
    const write = (line: string): void => {
      lines.push(line);
    };
    const agent = new Agent({
      settings: settings(over),
      version: '0.1.0',
      write,
      timing: { ...FAST, ...timing },
    });
    agents.push(agent);
    await agent.start();
    return agent;
  }

  function tell(spec: unknown): void {
    generation += 1;
    const object = stateObject(generation, { wanted: spec });
    if (api.watches.length === 0) api.object = object;
    else api.put(object);
  }

  function lastStatus(): NodeStatus {
    return (api.patches.at(-1)?.body.status ?? {}) as NodeStatus;
  }

  async function reaches(over: Partial<NodeStatus>): Promise<void> {
    await eventually(() => {
      expect(lastStatus()).toMatchObject(over);
    });
  }

  function hostsToml(name = UPSTREAM): string {
    return join(root, `containerd/certs.d/${name}/hosts.toml`);
  }

  async function upToDate(): Promise<void> {
    await reaches({ state: 'UpToDate', observedGeneration: generation });
  }

  async function get(agent: Agent, path: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${agent.opsPort}${path}`);
    return `${response.status} ${await response.text()}`;
  }

  it('lays down what its object wants, tells what is on the node, and is ready then', async () => {
    tell(data());
    const agent = await start();
    await upToDate();
    const status = lastStatus();
    expect(status).toMatchObject({
      observedGeneration: 1,
      agentVersion: '0.1.0',
      conflicts: [],
      runtime: RUNTIME,
    });
    expect(status.files.map(({ path }) => path)).toEqual([hostsToml()]);
    expect(status.order).toEqual([{ prefix: UPSTREAM, first: UPSTREAM }]);
    expect(readFileSync(hostsToml(), 'utf8')).toContain(`https://${AMS}`);
    await eventually(async () => {
      expect(await get(agent, '/readyz')).toBe('200 ok\n');
    });
    expect(await get(agent, '/metrics')).toContain(
      'registry_failover_node_applies_total{outcome="Applied"} 1\n',
    );
    // One status, and no second run over what the first has written.
    expect(api.patches).toHaveLength(1);
  });

  it('is not ready until the API server has answered, and then, without an object, at once', async () => {
    api.intercept = () => true;
    const agent = await start();
    expect(await get(agent, '/livez')).toBe('200 ok\n');
    expect(await get(agent, '/readyz')).toBe('503 the API server has not answered yet\n');
    api.intercept = () => false;
    api.server.cut();
    await eventually(async () => {
      expect(await get(agent, '/readyz')).toBe('200 ok\n');
    });
    expect(readdirSync(join(root, 'containerd/certs.d'))).toEqual(['foreign.example']);
  });

  it('repairs its files at once when somebody changes them, and leaves those of others', async () => {
    tell(data());
    const agent = await start();
    await upToDate();
    const before = readFileSync(hostsToml(), 'utf8');
    const foreign = join(root, 'containerd/certs.d/foreign.example/hosts.toml');
    writeFileSync(foreign, 'server = "https://y.example"\n');
    writeFileSync(hostsToml(), `${before.split('\n')[0]}\nserver = "https://evil.example"\n`);
    await eventually(() => {
      expect(readFileSync(hostsToml(), 'utf8')).toBe(before);
    });
    expect(readFileSync(foreign, 'utf8')).toBe('server = "https://y.example"\n');
    await eventually(async () => {
      expect(await get(agent, '/metrics')).toContain('registry_failover_node_drift_repairs_total 1\n');
    });
  });

  it('does not fight for a file: each repair waits longer than the one before', async () => {
    tell(data());
    const agent = await start({}, { retry: { firstMs: 50, maxMs: 60_000 } });
    await upToDate();
    const repairs = async (): Promise<number> => {
      const [, count = '0'] = /drift_repairs_total (\d+)\n/.exec(await get(agent, '/metrics')) ?? [];
      return Number(count);
    };
    const until = performance.now() + 2500;
    for (let done = 0; performance.now() < until; done = await repairs()) {
      rmSync(hostsToml(), { force: true });
      while (performance.now() < until && (await repairs()) === done)
        await new Promise((resolve) => {
          setTimeout(resolve, 20);
        });
    }
    // At once, then half a second after the last one at least, one, two.
    expect(await repairs()).toBeGreaterThan(0);
    expect(await repairs()).toBeLessThan(5);
  });

  it('repairs what was taken away while the API server is away', async () => {
    tell(data());
    await start();
    await upToDate();
    const before = readFileSync(hostsToml(), 'utf8');
    api.intercept = () => true;
    api.server.cut();
    await eventually(() => {
      expect(lines.join('')).toContain('what is on the node stays');
    });
    rmSync(hostsToml());
    await eventually(() => {
      expect(readFileSync(hostsToml(), 'utf8')).toBe(before);
    });
  });

  it('touches nothing after a restart until the API server answers', async () => {
    tell(data());
    await (await start()).stop();
    await start();
    await upToDate();
    await agents.at(-1)?.stop();
    writeFileSync(hostsToml(), 'drifted\n');
    api.intercept = (_asked, reply) => {
      sendStatus(reply, 503, 'ServiceUnavailable', 'not now');
      return true;
    };
    api.server.asked.length = 0;
    await start({}, { pollMs: 10 });
    await eventually(() => {
      expect(api.server.asked.length).toBeGreaterThan(3);
    });
    expect(readFileSync(hostsToml(), 'utf8')).toBe('drifted\n');
  });

  it('finds drift by itself where it is not told of it', async () => {
    tell(data());
    await start({}, { debounceMs: 600_000, pollMs: 50 });
    await upToDate();
    rmSync(hostsToml());
    await eventually(() => {
      expect(existsSync(hostsToml())).toBe(true);
    });
  });

  it('refuses data that is wrong, says why, and keeps and repairs what there was', async () => {
    tell(data());
    await start();
    await upToDate();
    tell({ ...data(), revision: 'fedcba9876543210', hosts: [{ ...host(), order: [] }], action: 'Explode' });
    await reaches({ state: 'Refused', observedGeneration: 2, observedRevision: 'fedcba9876543210' });
    expect(lastStatus().message).toMatch(/order.*action|action.*order/);
    rmSync(hostsToml());
    await eventually(() => {
      expect(existsSync(hostsToml())).toBe(true);
    });
  });

  it('refuses what its own arguments do not allow, whoever has written it there', async () => {
    tell(data());
    await start({ allowedEndpoints: [UPSTREAM] });
    await reaches({ state: 'Refused', observedGeneration: 1 });
    expect(lastStatus().message).toContain(AMS);
    expect(existsSync(hostsToml())).toBe(false);
  });

  it('leaves the files when its object is deleted, until a Restore', async () => {
    tell(data());
    await start();
    await upToDate();
    api.send('DELETED', api.object);
    await eventually(() => {
      expect(lines.join('')).toContain('until a Restore');
    });
    expect(existsSync(hostsToml())).toBe(true);
    generation += 1;
    api.send('ADDED', stateObject(generation, { wanted: data([], { action: 'Restore' }) }, NODE, 'uid-2'));
    await reaches({ state: 'Restored', files: [], order: [] });
    expect(readdirSync(join(root, 'containerd'), { recursive: true })).toEqual([
      'certs.d',
      'certs.d/foreign.example',
      'certs.d/foreign.example/hosts.toml',
    ]);
  });

  it('lets a mirror go first only once it answers from here', async () => {
    const ca = await testCa();
    const { keyPem, certPem } = await ca.issue({ names: ['127.0.0.1'] });
    const server = createServer({ key: keyPem, cert: certPem });
    server.on('tlsClientError', () => undefined);
    const [port = 0] = await freePorts(1, '127.0.0.1');
    const mirror = `127.0.0.1:${port}`;
    const order = [mirror, UPSTREAM];
    const sources = [source(UPSTREAM), source(mirror, { caPem: ca.pem })];
    tell(data([host([UPSTREAM, mirror], { sources })]));
    await start();
    await upToDate();
    tell(data([host(order, { sources })]));
    await reaches({
      state: 'UpToDate',
      observedGeneration: 2,
      order: [{ prefix: UPSTREAM, first: UPSTREAM }],
    });
    expect(lastStatus().message).toContain(`${mirror} does not answer from this node`);
    await new Promise<void>((resolve) => {
      server.listen(port, '127.0.0.1', resolve);
    });
    await reaches({ message: '', order: [{ prefix: UPSTREAM, first: mirror }] });
    const text = readFileSync(hostsToml(), 'utf8');
    // The last source is the server: containerd asks it when no host has answered.
    expect(text).toContain(`[host."https://${mirror}"]`);
    expect(text).toContain(`server = "https://${UPSTREAM}"`);
    server.close();
  });

  it('lays down a credential when the mounted secret has come, for root only, and says it nowhere', async () => {
    mkdirSync(join(root, 'secret'));
    tell(data([host([UPSTREAM, AMS], { sources: [source(UPSTREAM), source(AMS, { auth: 'Node' })] })]));
    await start();
    await eventually(() => {
      expect(lastStatus().leftOut[0]).toMatchObject({ endpoint: AMS, reason: 'NoNodeCredential' });
    });
    const auths = { [AMS]: { username: 'robot', password: 'hunter2-hunter2' } };
    writeFileSync(join(root, 'secret/.dockerconfigjson'), JSON.stringify({ auths }));
    const basic = Buffer.from('robot:hunter2-hunter2').toString('base64');
    await eventually(() => {
      expect(readFileSync(hostsToml(), 'utf8')).toContain(basic);
    });
    expect(statSync(hostsToml()).mode & 0o777).toBe(0o600);
    await reaches({ leftOut: [] });
    const said = lines.join('') + JSON.stringify(api.patches);
    expect(said).not.toContain('hunter2');
    expect(said).not.toContain(basic);
  });

  it('says what is in the way and counts it', async () => {
    mkdirSync(join(root, `containerd/certs.d/${UPSTREAM}`));
    writeFileSync(hostsToml(), 'server = "https://mine.example"\n');
    tell(data());
    const agent = await start();
    await reaches({ state: 'UpToDate', observedGeneration: 1 });
    expect(lastStatus().conflicts).toMatchObject([{ path: hostsToml(), reason: 'NotOurs' }]);
    expect(lastStatus().message).toContain('in the way');
    expect(readFileSync(hostsToml(), 'utf8')).toBe('server = "https://mine.example"\n');
    expect(await get(agent, '/metrics')).toContain('registry_failover_node_files{state="conflict"} 1\n');
  });
});
