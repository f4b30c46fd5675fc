// Opt-in: when the API server would ask the webhook, as far as manifests tell.
import { describe, expect, it } from 'vitest';
import { judgeOptIn } from '../../src/explain/opt-in.ts';

describe('judgeOptIn', () => {
  const label = 'registry-failover.io/enabled';
  it.each([
    ['a labelled namespace', 'shop', { [label]: 'true' }, 'yes'],
    ['a namespace with another value', 'shop', { [label]: 'yes' }, 'no'],
    ['a namespace without the label', 'shop', { team: 'shop' }, 'no'],
    ['a namespace that is not among the manifests', 'shop', undefined, 'unknown'],
    ['kube-system, labelled or not', 'kube-system', { [label]: 'true' }, 'no'],
    ['kube-public, labelled or not', 'kube-public', { [label]: 'true' }, 'no'],
    ['the install namespace, labelled or not', 'registry-failover', { [label]: 'true' }, 'no'],
  ])('judges %s', (_, namespace, labels, asked) => {
    const judged = judgeOptIn(namespace, labels, 'registry-failover');
    expect(judged.asked).toBe(asked);
    expect(judged.sentence).toContain(`amespace ${namespace}`);
  });

  it('says how to opt in', () => {
    expect(judgeOptIn('shop', {}, 'rf').sentence).toContain(
      'kubectl label namespace shop registry-failover.io/enabled=true',
    );
  });
});
