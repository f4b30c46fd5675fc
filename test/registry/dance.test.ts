import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../../src/registry/challenge.ts';
import { decideStep, type Shown } from '../../src/registry/dance.ts';

const BEARER = 'Bearer realm="https://a/t",service="s"';
const SCOPED = `${BEARER},scope="repository:x:pull"`;
const NARROW = `${BEARER},scope="repository:x:pull,push",error="insufficient_scope"`;
const nothing: Shown = { kind: 'nothing' };
const challenge = { realm: 'https://a/t', service: 's', scope: 'repository:x:pull' };
const cached: Shown = { kind: 'token', cached: true, challenge };
const fresh: Shown = { kind: 'token', cached: false, challenge };
const untried = { renewed: false, widened: false };

interface Row {
  readonly name: string;
  readonly shown: Shown;
  readonly header: string;
  readonly status?: number;
  readonly hasCredential?: boolean;
  readonly tried?: { renewed: boolean; widened: boolean };
  readonly expected: object;
}

describe('decideStep', () => {
  it.each<Row>([
    {
      name: 'anything but a 401 stands',
      shown: nothing,
      header: BEARER,
      status: 403,
      expected: { kind: 'stand' },
    },
    {
      name: 'a first Bearer is followed',
      shown: nothing,
      header: SCOPED,
      expected: { kind: 'token', because: 'asked', challenge: { scope: 'repository:x:pull' } },
    },
    {
      name: 'a Bearer is followed without a credential',
      shown: nothing,
      header: BEARER,
      hasCredential: false,
      expected: { kind: 'token', challenge: { scope: '' } },
    },
    {
      name: 'Bearer is preferred to Basic',
      shown: nothing,
      header: `Basic realm="x", ${BEARER}`,
      expected: { kind: 'token' },
    },
    {
      name: 'Basic is followed with a credential',
      shown: nothing,
      header: 'Basic realm="x"',
      expected: { kind: 'basic' },
    },
    {
      name: 'Basic without a credential is the end',
      shown: nothing,
      header: 'Basic realm="x"',
      hasCredential: false,
      expected: { kind: 'denied' },
    },
    {
      name: 'an unknown scheme is the end',
      shown: nothing,
      header: 'Negotiate',
      expected: { kind: 'denied' },
    },
    { name: 'no challenge is the end', shown: nothing, header: '', expected: { kind: 'denied' } },
    {
      name: 'a Bearer without a realm is none',
      shown: nothing,
      header: 'Bearer service="s"',
      expected: { kind: 'denied' },
    },
    {
      name: 'a cached token is renewed',
      shown: cached,
      header: BEARER,
      expected: { kind: 'token', because: 'renewed', challenge: { scope: 'repository:x:pull' } },
    },
    {
      name: 'a cached token is renewed once',
      shown: cached,
      header: BEARER,
      tried: { renewed: true, widened: false },
      expected: { kind: 'stand' },
    },
    {
      name: 'a cached token refused by 400 without a challenge is renewed (ECR Public)',
      shown: cached,
      header: '',
      status: 400,
      expected: { kind: 'token', because: 'renewed', challenge },
    },
    {
      name: 'a 400 after a fresh token stands',
      shown: fresh,
      header: '',
      status: 400,
      expected: { kind: 'stand' },
    },
    {
      name: 'a 400 without a token stands',
      shown: nothing,
      header: '',
      status: 400,
      expected: { kind: 'stand' },
    },
    { name: 'a fresh token refused stands', shown: fresh, header: BEARER, expected: { kind: 'stand' } },
    {
      name: 'insufficient_scope gets the scope asked for',
      shown: fresh,
      header: NARROW,
      expected: { kind: 'token', because: 'widened', challenge: { scope: 'repository:x:pull,push' } },
    },
    {
      name: 'insufficient_scope is gone along with once',
      shown: fresh,
      header: NARROW,
      tried: { renewed: false, widened: true },
      expected: { kind: 'stand' },
    },
    {
      name: 'insufficient_scope for the same scope stands',
      shown: fresh,
      header: `${SCOPED},error="insufficient_scope"`,
      expected: { kind: 'stand' },
    },
    {
      name: 'a registry that has moved to Basic is followed',
      shown: fresh,
      header: 'Basic realm="x"',
      expected: { kind: 'basic' },
    },
    {
      name: 'a registry that has moved to Bearer is followed',
      shown: { kind: 'basic' },
      header: BEARER,
      expected: { kind: 'token', because: 'asked' },
    },
    {
      name: 'Basic refused stands',
      shown: { kind: 'basic' },
      header: 'Basic realm="x"',
      expected: { kind: 'stand' },
    },
  ])('$name', ({ shown, header, status = 401, hasCredential = true, tried = untried, expected }) => {
    const challenges = parseChallenges(header);
    expect(decideStep({ status, challenges, shown, hasCredential, tried })).toMatchObject(expected);
  });
});
