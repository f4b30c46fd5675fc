// Agent idle: what the agent costs a node on which nothing happens: working set in a control group of its own, and CPU.
//   node bench/nodes/agent-idle.ts [--seconds 600] [--hosts 20] [--flags "--max-old-space-size=48 …"]
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { bundleAgent } from '../../build.ts';
import { testCa } from '../../test/support/tls.ts';
import { MemoryGroup, ownCopy } from '../memory-group.ts';
import { rssMb } from '../process-stat.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    hosts: { type: 'string', default: '20' },
    flags: { type: 'string', default: '--max-semi-space-size=1 --max-old-space-size=48' },
  },
});
const seconds = Number(values.seconds);
const hosts = Number(values.hosts);

const BUNDLE = path.resolve(import.meta.dirname, '../../dist/agent.mjs');
const OWNER = 'bench/registry-failover';
const OPS_PORT = 19_442;
const TICK_S = 0.01;
const BUDGET_MB = 60;

/** Of the process and of all children that it has waited for, seconds. */
function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0) * TICK_S;
}

/** Memory of its own, not pages of a file, megabytes (10^6). */
function anonymousMb(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/^RssAnon:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024) / 1e6;
}

function wantedHost(index: number): unknown {
  const upstream = `r${index}.example:5000`;
  const mirrors = [`m${index}.example`, `n${index}.example/team`];
  const sources = [upstream, ...mirrors].map((endpoint, at) => ({
    endpoint,
    role: at === 0 ? 'Upstream' : 'Mirror',
    auth: 'None',
    caPem: '',
  }));
  return { prefix: upstream, sources, order: [upstream, ...mirrors] };
}

function stateObject(): unknown {
  return {
    metadata: { name: 'idle', uid: 'uid', generation: 1, resourceVersion: '1' },
    spec: {
      wanted: {
        version: 1,
        revision: '0123456789abcdef',
        owner: OWNER,
        runtime: { name: 'containerd', version: '2.1.4' },
        action: 'Apply',
        hosts: Array.from({ length: hosts }, (_, index) => wantedHost(index)),
      },
    },
  };
}

/** Answers lists and patches, keeps watches open, and sends a bookmark a minute, as an API server does. */
async function startApi(folder: string): Promise<{ port: number; requests: () => number; stop: () => void }> {
  const ca = await testCa();
  const { keyPem, certPem } = await ca.issue({ names: ['127.0.0.1'] });
  writeFileSync(path.join(folder, 'token'), 'token');
  writeFileSync(path.join(folder, 'ca.crt'), ca.pem);
  const watches = new Set<ServerResponse>();
  let requests = 0;
  const server = createHttpsServer({ key: keyPem, cert: certPem }, (request, response) => {
    requests += 1;
    request.resume();
    response.setHeader('content-type', 'application/json');
    if (!(request.url ?? '').includes('watch=true')) {
      response.end(JSON.stringify({ metadata: { resourceVersion: '1' }, items: [stateObject()] }));
      return;
    }
    response.write('\n');
    watches.add(response);
    const over = setTimeout(() => response.end(), 300_000);
    response.on('close', () => {
      clearTimeout(over);
      watches.delete(response);
    });
  });
  const bookmarks = setInterval(() => {
    const object = { metadata: { resourceVersion: '1' } };
    for (const watch of watches) watch.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  }, 60_000);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const stop = (): void => {
    clearInterval(bookmarks);
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, requests: () => requests, stop };
}

async function ask(route: string): Promise<string> {
  try {
    return await (await fetch(`http://127.0.0.1:${OPS_PORT}${route}`)).text();
  } catch {
    return '';
  }
}

function sum(text: string, name: string): number {
  const samples = [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([\\d.e+]+)$`, 'gm'))];
  return samples.reduce((total, [, value]) => total + Number(value), 0);
}

/** Looks every second; the kubelet's probes every ten, Prometheus every thirty. */
async function observe(
  pid: number,
  group: MemoryGroup | undefined,
): Promise<{ workingSet: number; rss: number; anonymous: number }> {
  const most = { workingSet: 0, rss: 0, anonymous: 0 };
  for (let second = 1; second <= seconds; second += 1) {
    await sleep(1000);
    most.workingSet = Math.max(most.workingSet, group?.workingSetMb() ?? Number.NaN);
    most.rss = Math.max(most.rss, rssMb(pid));
    most.anonymous = Math.max(most.anonymous, anonymousMb(pid));
    if (second % 10 === 0) await Promise.all([ask('/livez'), ask('/readyz')]);
    if (second % 30 === 0) await ask('/metrics');
  }
  return most;
}

function row(name: string, value: string): void {
  console.log(`| ${name.padEnd(52)} | ${value.padStart(18)} |`);
}

async function main(): Promise<void> {
  await bundleAgent({ write: true });
  const folder = mkdtempSync(path.join(tmpdir(), 'agent-idle-'));
  mkdirSync(path.join(folder, 'containers'));
  mkdirSync(path.join(folder, 'containerd'));
  const api = await startApi(folder);
  const group = MemoryGroup.open(`agent-idle-${process.pid}`);
  const args = [
    ...(group?.prefix ?? []),
    ownCopy(process.execPath, folder),
    ...values.flags.split(' ').filter((flag) => flag !== ''),
    BUNDLE,
    '--node=idle',
    '--namespace=bench',
    `--owner=${OWNER}`,
    '--api-host=127.0.0.1',
    `--api-port=${api.port}`,
    `--service-account-folder=${folder}`,
    `--containers-folder=${path.join(folder, 'containers')}`,
    `--containerd-folder=${path.join(folder, 'containerd')}`,
    `--ops-listen=127.0.0.1:${OPS_PORT}`,
  ];
  const [program = '', ...rest] = args;
  const child: ChildProcess = spawn(program, rest, { stdio: ['ignore', 'ignore', 'inherit'] });
  const pid = child.pid ?? 0;
  try {
    while (!(await ask('/readyz')).startsWith('ok')) await sleep(100);
    const startCpu = cpuSeconds(pid);
    const startRequests = api.requests();
    const most = await observe(pid, group);
    const cpu = cpuSeconds(pid) - startCpu;
    const metrics = await ask('/metrics');
    row('agent, idle, seconds', String(seconds));
    row('hosts in its data', String(hosts));
    row('flags of Node', '');
    for (const flag of values.flags.split(' ')) row(`  ${flag}`, '');
    row(
      `working set, the most, MB (budget ${BUDGET_MB})`,
      group === undefined ? 'no group here' : most.workingSet.toFixed(1),
    );
    row('  at the end', group === undefined ? 'no group here' : group.workingSetMb().toFixed(1));
    row('resident, the most, MB', most.rss.toFixed(1));
    row('  anonymous of it; the rest is pages of the program', most.anonymous.toFixed(1));
    row('CPU until it was ready, ms', (startCpu * 1000).toFixed(0));
    row('CPU after it, scripts included, ms', (cpu * 1000).toFixed(0));
    row('  as thousandths of a core', ((cpu / seconds) * 1000).toFixed(2));
    row('runs over the node, all', String(sum(metrics, 'registry_failover_node_applies_total')));
    row('requests at the API server after it was ready', String(api.requests() - startRequests));
    const failed = /outcome="(?:Failed|RolledBack)"/.test(metrics);
    if (failed) console.error('a run failed: these figures are of an agent that does not work');
    if (failed || most.workingSet > BUDGET_MB) process.exitCode = 1;
  } finally {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('close', resolve));
    group?.close();
    api.stop();
    rmSync(folder, { recursive: true });
  }
}

await main();
