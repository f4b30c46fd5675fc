// Derived secrets and pods, joined for the credential check.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DerivedCheckSubjects } from '../../src/controller/credential-check-subjects.ts';
import { makeSecret, makeSet } from '../support/make.ts';

const SET = makeSet('fra.ocir.io', ['ams.ocir.io'], { name: 'ocir' });
const secret = { ...makeSecret('registry-failover-from-regcred', { 'ams.ocir.io': 'robot' }), uid: 'u1' };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function makeBell() {
  const listeners = new Set<() => void>();
  const onChange = (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const ring = (): void => {
    for (const listener of listeners) listener();
  };
  return { listeners, onChange, ring };
}

function makeScene() {
  const [facts, secrets, pods, sets] = [makeBell(), makeBell(), makeBell(), makeBell()];
  const images = new Map([['shop', [{ images: ['b', 'a'] }, { images: ['a', 'c'] }]]]);
  const subjects = new DerivedCheckSubjects({
    derived: {
      subjects: () => ['shop', 'empty'].map((namespace) => ({ set: SET, namespace, secret })),
      onChange: facts.onChange,
      onSecrets: secrets.onChange,
    },
    pods: {
      in: (namespace) => images.get(namespace) ?? [],
      onChange: (listener) => pods.onChange(() => listener('shop')),
    },
    declarations: { onChange: sets.onChange },
  });
  return { subjects, facts, secrets, pods, sets };
}

describe('DerivedCheckSubjects', () => {
  it('gives each secret the images of its namespace, each once', () => {
    expect(makeScene().subjects.subjects()).toEqual([
      { set: SET, namespace: 'shop', secret, images: ['b', 'a', 'c'] },
      { set: SET, namespace: 'empty', secret, images: [] },
    ]);
  });

  it('tells of secrets and sets at once, of pods now and then, and of nothing any more when ended', async () => {
    const { subjects, facts, secrets, pods, sets } = makeScene();
    let told = 0;
    const end = subjects.onChange(() => {
      told += 1;
    });
    facts.ring();
    secrets.ring();
    sets.ring();
    expect(told).toBe(3);
    for (let count = 0; count < 100; count += 1) pods.ring();
    await vi.advanceTimersByTimeAsync(29_000);
    expect(told).toBe(3);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(told).toBe(4);
    pods.ring();
    end();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told).toBe(4);
    expect([facts, secrets, pods, sets].map(({ listeners }) => listeners.size)).toEqual([0, 0, 0, 0]);
  });
});
