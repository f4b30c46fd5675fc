// The process's own metrics: values that are those of this process, at the moment they are read.
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { registerProcessMetrics } from '../../src/telemetry/process-metrics.ts';

async function read(registry: Registry): Promise<Record<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.split(/[ {]/u)[0] ?? '', Number(line.split(' ').at(-1))]),
  );
}

describe('registerProcessMetrics', () => {
  it('tells what the process uses, anew at each scrape', async () => {
    const registry = new Registry();
    registerProcessMetrics(registry);
    const first = await read(registry);
    // By the time that the machine gives us, which is not all there is.
    const { user } = process.cpuUsage();
    while (process.cpuUsage().user - user < 60_000);
    const second = await read(registry);
    expect(second['process_cpu_seconds_total']).toBeGreaterThan(
      (first['process_cpu_seconds_total'] ?? 0) + 0.02,
    );
    expect(second['process_cpu_seconds_total']).toBeLessThan(process.uptime() * 8);
    expect(first['process_resident_memory_bytes']).toBeGreaterThan(2e7);
    expect(first['nodejs_heap_size_used_bytes']).toBeLessThan(first['nodejs_heap_size_total_bytes'] ?? 0);
    expect(first['process_start_time_seconds']).toBeCloseTo(Date.now() / 1000 - process.uptime(), 0);
    expect(first['nodejs_eventloop_lag_p99_seconds']).toBeLessThan(0.02);
    expect(first['nodejs_version_info']).toBe(1);
  });
});
