// Label selectors, by the rules of metav1.LabelSelector.
import { describe, expect, it } from 'vitest';
import { selects } from '../../src/domain/label-selector.ts';
import type { LabelRequirement } from '../../src/domain/label-selector.ts';

const LABELS = { tier: 'gold', team: '' };

describe('selects', () => {
  it.each<[string, LabelRequirement, boolean]>([
    ['In, one of them', { key: 'tier', operator: 'In', values: ['silver', 'gold'] }, true],
    ['In, none of them', { key: 'tier', operator: 'In', values: ['silver'] }, false],
    ['In, key absent', { key: 'zone', operator: 'In', values: ['a'] }, false],
    ['NotIn, one of them', { key: 'tier', operator: 'NotIn', values: ['gold'] }, false],
    ['NotIn, none of them', { key: 'tier', operator: 'NotIn', values: ['silver'] }, true],
    ['NotIn, key absent', { key: 'zone', operator: 'NotIn', values: ['a'] }, true],
    ['Exists with an empty value', { key: 'team', operator: 'Exists', values: [] }, true],
    ['Exists, absent', { key: 'zone', operator: 'Exists', values: [] }, false],
    ['DoesNotExist, absent', { key: 'zone', operator: 'DoesNotExist', values: [] }, true],
    ['DoesNotExist, present', { key: 'tier', operator: 'DoesNotExist', values: [] }, false],
    ['an inherited name is no label', { key: 'toString', operator: 'Exists', values: [] }, false],
  ])('%s', (_name, requirement, expected) => {
    expect(selects({ matchLabels: {}, matchExpressions: [requirement] }, LABELS)).toBe(expected);
  });

  it('wants every part to hold, and selects everything when it has none', () => {
    expect(selects({ matchLabels: {}, matchExpressions: [] }, {})).toBe(true);
    expect(selects({ matchLabels: { tier: 'gold', zone: 'a' }, matchExpressions: [] }, LABELS)).toBe(false);
    const both = {
      matchLabels: { tier: 'gold' },
      matchExpressions: [{ key: 'zone', operator: 'Exists' as const, values: [] }],
    };
    expect(selects(both, LABELS)).toBe(false);
    expect(selects(both, { ...LABELS, zone: 'a' })).toBe(true);
  });
});
