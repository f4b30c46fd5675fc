// The metrics document: names, types and labels are those that webhook and controller register.
import type { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { AGENT_METRICS } from '../../src/agent/metrics.ts';
import { ControllerMetrics } from '../../src/telemetry/controller-metrics.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { plain, readTable, readText } from './documents.ts';

const PREFIX = 'registry_failover_';
const document = readText('docs/metrics.md');

function registered(registry: Registry): Record<string, string> {
  const own = registry.getMetricsAsArray().filter((metric) => metric.name.startsWith(PREFIX));
  return Object.fromEntries(
    own.map((metric) => {
      const { labelNames = [] } = metric as unknown as { readonly labelNames?: readonly string[] };
      return [metric.name, `${String(metric.type)} ${labelNames.join(', ')}`.trim()];
    }),
  );
}

/** @param meaning What the last column of the table is called. */
function told(meaning: string): Record<string, string> {
  const rows = readTable(document, ['metric', 'type', 'labels', meaning]).map((row) => {
    const labels = plain(row['labels'] ?? '');
    return [plain(row['metric'] ?? ''), `${row['type'] ?? ''} ${labels}`.trim()] as const;
  });
  return Object.fromEntries(rows);
}

const webhook = registered(new Metrics().registry);
const controller = registered(new ControllerMetrics().registry);
const agent = Object.fromEntries(
  AGENT_METRICS.map(({ name, type, labels }) => [`${PREFIX}node_${name}`, `${type} ${labels}`.trim()]),
);

describe('docs/metrics.md', () => {
  it.each([
    ['the webhook', 'meaning', webhook],
    ['the controller', "controller's meaning", controller],
    ['the agents', "agent's meaning", agent],
  ])('has every metric of %s with its type and labels, and no other', (_who, meaning, metrics) => {
    expect(told(meaning)).toEqual(metrics);
    expect(Object.keys(metrics).length).toBeGreaterThan(10);
  });

  it('alerts on metrics that exist, by labels that they have', () => {
    const names = new Map([webhook, controller, agent].flatMap(Object.entries<string>));
    const used = [...document.matchAll(/(registry_failover_[a-z_]+)(?:\{([^}]*)\})?/gu)];
    const unknown = used.flatMap(([text, name = '', matchers = '']) => {
      const labels = names.get(name) ?? names.get(name.replace(/_(?:bucket|count|sum)$/u, ''));
      if (labels === undefined) return [text];
      return [...matchers.matchAll(/([a-z]+)(?:=|!=|=~)"/gu)].flatMap(([, label = '']) =>
        labels.split(/[ ,]+/u).slice(1).includes(label) ? [] : [`${text}: ${label}`],
      );
    });
    expect(used.length).toBeGreaterThan(30);
    expect(unknown).toEqual([]);
  });
});
