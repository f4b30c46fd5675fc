// The metrics document: names, types and labels are those that the program registers.
import { describe, expect, it } from 'vitest';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { plain, readTable, readText } from './documents.ts';

const PREFIX = 'registry_failover_';
const document = readText('docs/metrics.md');

function registered(): Record<string, string> {
  const own = new Metrics().registry.getMetricsAsArray().filter((metric) => metric.name.startsWith(PREFIX));
  return Object.fromEntries(
    own.map((metric) => {
      const { labelNames = [] } = metric as unknown as { readonly labelNames?: readonly string[] };
      return [metric.name, `${String(metric.type)} ${labelNames.join(', ')}`.trim()];
    }),
  );
}

describe('docs/metrics.md', () => {
  it('has every metric with its type and labels, and no other', () => {
    const told = readTable(document, ['metric', 'type', 'labels', 'meaning']).map((row) => {
      const labels = plain(row['labels'] ?? '');
      return [plain(row['metric'] ?? ''), `${row['type'] ?? ''} ${labels}`.trim()] as const;
    });
    expect(Object.fromEntries(told)).toEqual(registered());
    expect(told.length).toBeGreaterThan(10);
  });

  it('alerts on metrics that exist', () => {
    const names = new Set(Object.keys(registered()));
    const used = [...document.matchAll(/registry_failover_[a-z_]+/gu)].map(([name]) => name);
    const unknown = used.filter(
      (name) => !names.has(name) && !names.has(name.replace(/_(?:bucket|count|sum)$/u, '')),
    );
    expect(unknown).toEqual([]);
  });
});
