import { describe, expect, it } from 'vitest';
import {
  classifyFailure,
  classifyRefusal,
  classifySuccess,
  type Answer,
  type Place,
} from '../../src/registry/classify.ts';
import { parseErrorBody } from '../../src/registry/error-text.ts';
import { isUsedUp, parseRetryAfter } from '../../src/registry/retry-after.ts';

const registry: Place = { role: 'registry', host: 'fra.example', heard: true };
const unheard: Place = { role: 'token-server', host: 'auth.example', heard: false };
const NOW = Date.parse('2026-11-21T12:00:00Z');

function answer(status: number, other: Partial<Answer> = {}): Answer {
  return {
    place: registry,
    status,
    headers: {},
    error: { code: '', text: '' },
    credentialShown: true,
    nowMs: NOW,
    ...other,
  };
}

function errorBody(code: string, message: string): Answer['error'] {
  return parseErrorBody(Buffer.from(JSON.stringify({ errors: [{ code, message }] })), 'application/json');
}

describe('classifyRefusal', () => {
  it.each([
    { status: 404, code: 'MANIFEST_UNKNOWN', outcome: 'missing', evidence: 'answered' },
    { status: 404, code: 'NAME_UNKNOWN', outcome: 'missing', evidence: 'answered' },
    { status: 404, code: '', outcome: 'missing', evidence: 'answered' },
    { status: 404, code: 'DENIED', outcome: 'denied', evidence: 'answered' },
    { status: 404, code: 'UNAUTHORIZED', outcome: 'denied', evidence: 'answered' },
    { status: 401, code: 'UNAUTHORIZED', outcome: 'denied', evidence: 'answered' },
    { status: 403, code: 'DENIED', outcome: 'denied', evidence: 'answered' },
    { status: 400, code: '', outcome: 'denied', evidence: 'answered' },
    { status: 418, code: '', outcome: 'denied', evidence: 'answered' },
    { status: 408, code: '', outcome: 'failing', evidence: 'manifest-failed' },
    { status: 500, code: 'UNKNOWN', outcome: 'failing', evidence: 'manifest-failed' },
    { status: 503, code: '', outcome: 'failing', evidence: 'manifest-failed' },
    { status: 304, code: '', outcome: 'failing', evidence: 'manifest-failed' },
    { status: 429, code: 'TOOMANYREQUESTS', outcome: 'throttled', evidence: 'answered' },
  ])('$status $code is $outcome', ({ status, code, outcome, evidence }) => {
    expect(classifyRefusal(answer(status, { error: { code, text: code } }))).toMatchObject({
      outcome,
      evidence,
    });
  });

  it('keeps the words of the registry', () => {
    const error = errorBody('DENIED', 'requested access to the resource is denied');
    expect(classifyRefusal(answer(403, { error })).detail).toBe(
      'fra.example answered 403: DENIED: requested access to the resource is denied',
    );
  });

  it("says that OCIR's anonymous user is a credential that was not accepted", () => {
    const error = errorBody('DENIED', 'Anonymous users are only allowed read access on public repos');
    expect(classifyRefusal(answer(403, { error })).detail).toContain('the credential was not accepted');
    expect(classifyRefusal(answer(403, { error, credentialShown: false })).detail).not.toContain(
      'not accepted',
    );
  });

  it('does not take a 404 of a token server for a missing image', () => {
    expect(classifyRefusal(answer(404, { place: unheard }))).toMatchObject({
      outcome: 'denied',
      evidence: 'none',
    });
  });
});

describe('classifySuccess', () => {
  it.each([
    { value: '0;w=21600', outcome: 'throttled' },
    { value: '0', outcome: 'throttled' },
    { value: '100;w=21600', outcome: 'available' },
    { value: '', outcome: 'available' },
  ])('with ratelimit-remaining "$value" is $outcome', ({ value, outcome }) => {
    const headers = { 'ratelimit-remaining': value, 'retry-after': '60' };
    const found = classifySuccess(answer(200, { headers }), 'sha256:x');
    expect(found).toMatchObject({ outcome, digest: 'sha256:x' });
    expect(found.retryAfterMs).toBe(outcome === 'throttled' ? 60_000 : undefined);
  });
});

describe('classifyFailure', () => {
  it.each([
    { kind: 'connect', role: 'registry', outcome: 'unreachable', evidence: 'connection-failed' },
    { kind: 'broken', role: 'registry', outcome: 'unreachable', evidence: 'connection-failed' },
    { kind: 'protocol', role: 'registry', outcome: 'failing', evidence: 'manifest-failed' },
    { kind: 'silent', role: 'registry', outcome: 'slow', evidence: 'silent' },
    { kind: 'void', role: 'registry', outcome: 'slow', evidence: 'none' },
    { kind: 'connect', role: 'token-server', outcome: 'failing', evidence: 'manifest-failed' },
    { kind: 'silent', role: 'token-server', outcome: 'slow', evidence: 'none' },
    { kind: 'guard', role: 'redirect', outcome: 'denied', evidence: 'answered' },
    { kind: 'protocol', role: 'redirect', outcome: 'failing', evidence: 'manifest-failed' },
  ] as const)('$kind of a $role is $outcome ($evidence)', ({ kind, role, outcome, evidence }) => {
    const found = classifyFailure({ kind, detail: 'why' }, { role, host: 'h', heard: true });
    expect(found).toMatchObject({ outcome, evidence, detail: expect.stringContaining('h: why') });
  });
});

describe('parseRetryAfter', () => {
  it.each([
    { value: '60', ms: 60_000 },
    { value: '1', ms: 30_000 },
    { value: '86400', ms: 900_000 },
    { value: 'Sat, 21 Nov 2026 12:02:00 GMT', ms: 120_000 },
    { value: 'Sat, 21 Nov 2026 11:00:00 GMT', ms: 30_000 },
    { value: '', ms: 30_000 },
    { value: 'soon', ms: 30_000 },
    { value: '-5', ms: 30_000 },
    { value: '99999999999999999999', ms: 30_000 },
  ])('"$value" is $ms ms', ({ value, ms }) => {
    expect(parseRetryAfter(value, NOW)).toBe(ms);
  });

  it('is not needed to see that a limit is used up', () => {
    expect(['0', ' 0;w=1', '00'].map(isUsedUp)).toEqual([true, true, true]);
    expect(['', '10', 'x', '0.5'].map(isUsedUp)).toEqual([false, false, false, false]);
  });
});

describe('parseErrorBody', () => {
  it.each([
    {
      name: 'the list of the specification',
      body: '{"errors":[{"code":"DENIED","message":"no"}]}',
      expected: { code: 'DENIED', text: 'DENIED: no' },
    },
    {
      name: 'a flat object',
      body: '{"details":"incorrect username or password"}',
      expected: { code: '', text: 'incorrect username or password' },
    },
    {
      name: 'an OAuth2 error',
      body: '{"error":"invalid_grant","error_description":"expired"}',
      expected: { code: '', text: 'expired' },
    },
    { name: 'plain text', body: 'too many requests\n', expected: { code: '', text: 'too many requests' } },
    { name: 'a page', body: '<html><h1>Bad gateway</h1></html>', expected: { code: '', text: '' } },
    { name: 'broken JSON', body: '{"errors":[', expected: { code: '', text: '' } },
    { name: 'an empty list', body: '{"errors":[]}', expected: { code: '', text: '' } },
    { name: 'nothing', body: '', expected: { code: '', text: '' } },
    {
      name: 'numbers where words should be',
      body: '{"errors":[{"code":1,"message":2}]}',
      expected: { code: '', text: '' },
    },
  ])('reads $name', ({ body, expected }) => {
    expect(parseErrorBody(Buffer.from(body), 'application/json')).toEqual(expected);
  });
});
