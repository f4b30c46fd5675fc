// Tests of credentials: they cannot be printed by accident, and the header is what RFC 7617 says.
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Credential } from '../../src/domain/credential.ts';

const credential = new Credential({ username: 'jürgen', password: 'hunter2:€', email: 'a@b.example' });

describe('Credential', () => {
  it.each([
    ['a concatenation', ''.concat(String(credential))],
    ['toString', credential.toString()],
    ['JSON', JSON.stringify({ credential })],
    ['inspect', inspect({ credential }, { depth: 9, showHidden: true })],
    ['inspect of itself', inspect(credential, { showHidden: true, customInspect: true })],
    ['inspect without custom methods', inspect(credential, { showHidden: true, customInspect: false })],
    ['entries', JSON.stringify(Object.entries(credential))],
    ['a copy of its fields', JSON.stringify(Object.assign({}, credential))],
    ['a structured clone', inspect(structuredClone(credential), { showHidden: true })],
    ['an error', inspect(new Error('x', { cause: credential }))],
  ])('does not show its password in %s', (_, text) => {
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain(credential.basic());
  });

  it('prints as [redacted]', () => {
    expect([String(credential), JSON.stringify(credential), inspect(credential)]).toEqual([
      '[redacted]',
      '"[redacted]"',
      '[redacted]',
    ]);
  });

  it('gives its parts to those who ask for them', () => {
    expect(credential.username).toBe('jürgen');
    expect(credential.email).toBe('a@b.example');
    expect(credential.password()).toBe('hunter2:€');
    expect(Buffer.from(credential.basic(), 'base64').toString('utf8')).toBe('jürgen:hunter2:€');
  });

  it('equals another with the same user, password and email', () => {
    const parts = { username: 'u', password: 'p' };
    const one = new Credential(parts);
    expect(one.equals(new Credential({ ...parts, email: '' }))).toBe(true);
    expect(one.equals(new Credential({ ...parts, email: 'e' }))).toBe(false);
    expect(one.equals(new Credential({ ...parts, password: 'q' }))).toBe(false);
    expect(one.equals(new Credential({ ...parts, username: 'v' }))).toBe(false);
  });

  it('is empty only with neither user nor password', () => {
    expect(new Credential({ username: '', password: '' }).isEmpty()).toBe(true);
    expect(new Credential({ username: '', password: 'p' }).isEmpty()).toBe(false);
    expect(new Credential({ username: 'u', password: '' }).isEmpty()).toBe(false);
  });
});
