// Process metrics: what any Node.js process tells of itself, under the names that Prometheus' dashboards know.
import { readdir } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** Twenty looks a second: a stall that matters here (50 ms voids an answer) cannot hide between two. */
const LAG_RESOLUTION_MS = 50;

/** Open file descriptors; NaN (which Prometheus shows as a gap) where there is no /proc. */
async function openDescriptors(): Promise<number> {
  try {
    return (await readdir('/proc/self/fd')).length;
  } catch {
    return Number.NaN;
  }
}

/**
 * Registers `process_*` and `nodejs_*`. Our own few, and not prom-client's default ones: those time every garbage
 * collection through an observer in JavaScript, which cost 5 % of an admission (docs/adr/0010).
 */
export function registerProcessMetrics(registry: Registry): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: () => number | Promise<number>): void => {
    // eslint-disable-next-line no-new -- it registers itself
    new Gauge({
      name,
      help,
      registers,
      async collect() {
        this.set(await read());
      },
    });
  };
  // eslint-disable-next-line no-new -- it registers itself
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time used, all threads, user and system.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  const started = Date.now() / 1000 - process.uptime();
  gauge('process_start_time_seconds', 'When the process started, Unix time.', () => started);
  gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
  gauge('process_open_fds', 'Open file descriptors.', openDescriptors);
  gauge('nodejs_heap_size_used_bytes', 'JavaScript heap in use.', () => process.memoryUsage().heapUsed);
  gauge('nodejs_heap_size_total_bytes', 'JavaScript heap reserved.', () => process.memoryUsage().heapTotal);
  gauge('nodejs_external_memory_bytes', 'Memory outside the heap that objects hold.', () => {
    const { external } = process.memoryUsage();
    return external;
  });
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  lag.enable();
  gauge('nodejs_eventloop_lag_p99_seconds', 'Delay of the event loop since the last scrape, p99.', () => {
    // The histogram holds the time from one look to the next, the waiting included.
    const seconds = Math.max(0, lag.percentile(99) / 1e9 - LAG_RESOLUTION_MS / 1000);
    lag.reset();
    return seconds;
  });
  const version = new Gauge({
    name: 'nodejs_version_info',
    help: 'Version of Node.js.',
    labelNames: ['version'],
    registers,
  });
  version.set({ version: process.version }, 1);
}
