import { describe, expect, it } from 'vitest';
import { DeclaredState } from '../../src/admission/declared-state.ts';
import type { DeclaredObjects } from '../../src/admission/declared-state.ts';
import { makeSet } from '../support/make.ts';

const GOLD = { matchLabels: { tier: 'gold' }, matchExpressions: [] };
const SETS = [
  makeSet('fra.ocir.io', ['ams.ocir.io']),
  makeSet('x.io', ['y.io'], { namespaceSelector: GOLD }),
];

function objects(namespaces: Readonly<Record<string, Record<string, string>>>): DeclaredObjects {
  return {
    sets: SETS,
    namespaceLabels: new Map(Object.entries(namespaces)),
    secrets: [],
    standIn: undefined,
  };
}

describe('DeclaredState', () => {
  it('follows the labels of a namespace, and keeps everybody else’s view when only namespaces change', () => {
    const state = new DeclaredState(objects({ shop: { tier: 'gold' }, other: {} }));
    const [shop, other] = [state.forNamespace('shop'), state.forNamespace('other')];
    expect([shop.length, other.length]).toEqual([2, 1]);
    state.replace(objects({ shop: {}, other: {}, more: { tier: 'gold' } }));
    expect(state.forNamespace('shop')).toBe(other);
    expect(state.forNamespace('more')).toBe(shop);
    expect(state.forNamespace('other')).toBe(other);
  });

  it('forgets them when the sets are others', () => {
    const state = new DeclaredState(objects({ shop: {} }));
    const before = state.forNamespace('shop');
    state.replace({ ...objects({ shop: {} }), sets: [...SETS] });
    expect(state.forNamespace('shop')).not.toBe(before);
  });

  it('knows of no ServiceAccount that enforces', () => {
    expect(new DeclaredState(objects({})).enforcesMountableSecrets()).toBe(false);
  });
});
