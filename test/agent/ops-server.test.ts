import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AGENT_METRICS, AgentMetrics } from '../../src/agent/metrics.ts';
import { listenOps } from '../../src/agent/ops-server.ts';
import { finding } from '../../src/nodes/findings/finding.ts';

describe('listenOps', () => {
  let server: Server;
  let base = '';
  let reasons: { live: string[]; ready: string[] };
  const metrics = new AgentMetrics('0.1.0');

  beforeEach(async () => {
    reasons = { live: [], ready: ['a', 'b'] };
    server = await listenOps(
      { notLive: () => reasons.live, notReady: () => reasons.ready, metrics: () => metrics.print() },
      { host: '127.0.0.1', port: 0 },
    );
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it.each([
    ['/livez', 200, 'ok\n'],
    ['/livez?verbose', 200, 'ok\n'],
    ['/readyz', 503, 'a; b\n'],
    ['/', 404, 'there are /livez, /readyz and /metrics\n'],
  ])('answers %s with %i', async (path, status, text) => {
    const response = await fetch(base + path);
    expect([response.status, await response.text()]).toEqual([status, text]);
  });

  it('refuses what would change something', async () => {
    expect((await fetch(`${base}/livez`, { method: 'POST', body: 'x' })).status).toBe(405);
  });

  it('says that it does not live', async () => {
    reasons.live = ['a run has taken 301 s'];
    expect((await fetch(`${base}/livez`)).status).toBe(503);
  });

  it('rejects when the address is taken', async () => {
    const { port } = server.address() as AddressInfo;
    const source = { notLive: () => [], notReady: () => [], metrics: () => '' };
    await expect(listenOps(source, { host: '127.0.0.1', port })).rejects.toThrow('EADDRINUSE');
  });

  it('gives Prometheus a family for everything that is counted', async () => {
    const path = '/etc/x';
    metrics.countRun(
      {
        outcome: 'Applied',
        changes: [],
        conflicts: [{ path, reason: 'NotOurs', message: 'x' }],
        leftOut: [],
        files: [{ path, sha256: '' }],
        reload: 'NotNeeded',
      },
      [finding('NoRuntime', 'error', 'x', 'x')],
      1_700_000_000_499,
    );
    metrics.setInView(true);
    const response = await fetch(`${base}/metrics`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await response.text();
    // The exposition format: HELP, TYPE and samples of a family together, a line feed at the end.
    expect(text).toMatch(
      /^(?:# HELP (\w+) [^\n]+\n# TYPE \1 (?:gauge|counter)\n(?:\1(?:\{[^\n}]+\})? [\d.e+-]+\n)+)+$/,
    );
    for (const { name, type, labels } of AGENT_METRICS) {
      const family = `registry_failover_node_${name}`;
      expect(text).toContain(`# TYPE ${family} ${type}\n`);
      expect(text).toMatch(new RegExp(`^${family}${labels === '' ? '' : `\\{${labels}="[^"]+"\\}`} `, 'm'));
    }
    expect(text).toContain('registry_failover_node_agent_info{version="0.1.0"} 1\n');
    expect(text).toContain('registry_failover_node_applies_total{outcome="Applied"} 1\n');
    expect(text).toContain('registry_failover_node_files{state="present"} 1\n');
    expect(text).toContain('registry_failover_node_files{state="conflict"} 1\n');
    expect(text).toContain('registry_failover_node_findings{severity="error"} 1\n');
    expect(text).toContain('registry_failover_node_last_success_timestamp_seconds 1700000000\n');
    expect(text).toContain('registry_failover_node_state_in_view 1\n');
  });
});
