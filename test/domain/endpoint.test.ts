// Tests of endpoints: where a prefix is dialled, its identity, and the operator's patterns.
import { describe, expect, it } from 'vitest';
import {
  endpointOfPrefix,
  hostMatchesPattern,
  parseEndpoint,
  printEndpoint,
} from '../../src/domain/endpoint.ts';
import type { Endpoint, TrustAnchor } from '../../src/domain/endpoint.ts';

const TRUST: TrustAnchor = { pem: 'pem', sha256: `0123456789ab${'c'.repeat(52)}` };

function endpoint(text: string, trust?: TrustAnchor): Endpoint {
  const parsed = parseEndpoint(text, trust);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value;
}

describe('parseEndpoint', () => {
  it.each([
    ['ams.ocir.io', 'ams.ocir.io', '', 'ams.ocir.io', 443, 'https://ams.ocir.io:443'],
    ['AMS.ocir.io/x', 'ams.ocir.io', 'x', 'ams.ocir.io', 443, 'https://ams.ocir.io:443'],
    ['reg:5000/a/b', 'reg:5000', 'a/b', 'reg', 5000, 'https://reg:5000'],
    [
      'docker.io/library',
      'docker.io',
      'library',
      'registry-1.docker.io',
      443,
      'https://registry-1.docker.io:443',
    ],
    ['index.docker.io', 'docker.io', '', 'registry-1.docker.io', 443, 'https://registry-1.docker.io:443'],
    ['[::1]:5000', '[::1]:5000', '', '::1', 5000, 'https://[::1]:5000'],
    ['[2001:db8::1]/a', '[2001:db8::1]', 'a', '2001:db8::1', 443, 'https://[2001:db8::1]:443'],
    ['127.0.0.1:5000', '127.0.0.1:5000', '', '127.0.0.1', 5000, 'https://127.0.0.1:5000'],
  ])('reads %s', (text, host, path, hostname, port, key) => {
    expect(endpoint(text)).toEqual({ host, path, hostname, port, key, trust: undefined });
  });

  it('prints what it reads', () => {
    for (const text of ['ams.ocir.io', 'reg:5000/a/b', 'docker.io/library', '[::1]:5000/x']) {
      expect(printEndpoint(endpoint(text))).toBe(text);
    }
  });

  it('refuses what a prefix refuses, under its own code', () => {
    expect(parseEndpoint('http://reg:5000')).toMatchObject({ ok: false, error: { code: 'InvalidEndpoint' } });
    expect(parseEndpoint('mirror')).toMatchObject({ ok: false, error: { code: 'InvalidEndpoint' } });
  });

  it('has another identity with another CA, and the same on another path', () => {
    expect(endpoint('reg:5000', TRUST).key).toBe('https://reg:5000#0123456789ab');
    expect(endpoint('reg:5000/x', TRUST).key).toBe(endpoint('reg:5000/y', TRUST).key);
    expect(endpoint('reg:5000', TRUST).trust).toBe(TRUST);
  });

  it('is the endpoint of its prefix', () => {
    expect(endpointOfPrefix({ host: 'reg:5000', path: 'a' }, TRUST)).toEqual(endpoint('reg:5000/a', TRUST));
  });
});

describe('hostMatchesPattern', () => {
  it.each([
    ['ams.ocir.io', 'ams.ocir.io', true],
    ['AMS.OCIR.io', 'ams.ocir.io/x', true],
    ['*.ocir.io', 'ams.ocir.io', true],
    ['*.ocir.io', 'a.ams.ocir.io', false],
    ['*.ocir.io', 'ocir.io', false],
    ['*.ocir.io', 'ams.ocir.io.evil.example', false],
    ['a*s.ocir.io', 'ams.ocir.io', true],
    ['am*ms.ocir.io', 'ams.ocir.io', false],
    ['*.*.example', 'registry.dc1.example:5000', true],
    ['reg', 'reg:5000', true],
    ['reg:5000', 'reg:5000', true],
    ['reg:5001', 'reg:5000', false],
    ['ams.ocir.io:443', 'ams.ocir.io', true],
    ['ams.ocir.io:5000', 'ams.ocir.io', false],
    ['[::1]:5000', '[::1]:5000', true],
    ['[::1]', '[::1]:5000', true],
    ['*', '[::1]:5000', true],
    ['*', 'localhost', true],
    ['*', 'ams.ocir.io', false],
    ['docker.io', 'docker.io', true],
    ['', 'ams.ocir.io', false],
    ['ams.ocir.io/x', 'ams.ocir.io/x', false],
  ])('%s allows %s: %s', (pattern, text, expected) => {
    expect(hostMatchesPattern(pattern, endpoint(text))).toBe(expected);
  });
});
