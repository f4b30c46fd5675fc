// AdmissionReview in and out.
import { describe, expect, it } from 'vitest';
import { parseReview, parseTimeout, printReview } from '../../src/admission/review.ts';

describe('parseTimeout', () => {
  it.each([
    ['3s', 3000],
    ['2.5s', 2500],
    ['500ms', 500],
    ['1m', 60_000],
    ['', undefined],
    ['soon', undefined],
    ['3', undefined],
    ['-3s', undefined],
    ['1e9s', undefined],
    [undefined, undefined],
  ])('reads %s as %s milliseconds', (text, expected) => {
    expect(parseTimeout(text)).toBe(expected);
  });
});

describe('parseReview', () => {
  const request = { uid: 'u', resource: { resource: 'pods' } };
  const review = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request };

  it('reads what is there and takes the rest as empty', () => {
    expect(parseReview(review)).toEqual({
      ok: true,
      value: {
        uid: 'u',
        namespace: '',
        resource: 'pods',
        subResource: '',
        operation: '',
        dryRun: false,
        requester: '',
        object: undefined,
        oldObject: undefined,
      },
    });
  });

  it.each([
    ['null', null],
    ['a number uid', { ...review, request: { uid: 1 } }],
    ['a list as request', { ...review, request: [] }],
  ])('refuses %s', (_name, value) => {
    expect(parseReview(value)).toMatchObject({ ok: false, error: { code: 'NotAnAdmissionReview' } });
  });
});

describe('printReview', () => {
  it('prints patchType with a patch and neither without: one alone fails the call', () => {
    expect(JSON.parse(printReview('u', { patch: [], warnings: [] })).response).toEqual({
      uid: 'u',
      allowed: true,
    });
    const patch = [{ op: 'replace' as const, path: '/a', value: 'é' }];
    const { response } = JSON.parse(printReview('u', { patch, warnings: [] })) as {
      response: { patch: string };
    };
    expect(response).toMatchObject({ patchType: 'JSONPatch' });
    expect(JSON.parse(Buffer.from(response.patch, 'base64').toString('utf8'))).toEqual(patch);
  });
});
