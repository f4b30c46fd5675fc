// The background's targets: every endpoint once, canaries with the set's own credentials and nobody else's.
import { describe, expect, it } from 'vitest';
import { planWatch } from '../../src/domain/watch-plan.ts';
import { makeMirror, makeSecret, makeSet } from '../support/make.ts';

const byName = (credential: { readonly username: string } | undefined): string => credential?.username ?? '';

describe('planWatch', () => {
  it('watches every endpoint once, also when sets share a host', () => {
    const sets = [makeSet('fra.ocir.io/a', ['ams.ocir.io/a']), makeSet('fra.ocir.io/b', ['ams.ocir.io/b'])];
    expect(planWatch(sets, byName).map((target) => target.endpoint.host)).toEqual([
      'fra.ocir.io',
      'ams.ocir.io',
    ]);
  });

  it('asks for the canary at the upstream and at every mirror, with the credential that is for there', () => {
    const own = makeSecret('dc1', { 'reg.dc1.example': 'dc1-user' });
    const set = makeSet(
      'fra.ocir.io/team',
      [
        'ams.ocir.io/team',
        makeMirror('reg.dc1.example/x', { source: 'Secret', secret: own }),
        makeMirror('node.example', { source: 'Node' }),
        makeMirror('public.example', { source: 'None' }),
      ],
      {
        canary: { repository: 'probe', tag: '1' },
        upstreamSecret: makeSecret('fra', { 'fra.ocir.io': 'fra-user' }),
      },
    );
    const asked = planWatch([set], byName).flatMap(({ canaries }) =>
      canaries.map(({ endpoint, repository, credentials }) => [
        endpoint.host,
        repository,
        credentials[0]?.fingerprint,
      ]),
    );
    expect(asked).toEqual([
      ['fra.ocir.io', 'team/probe', 'fra-user'],
      ['ams.ocir.io', 'team/probe', 'fra-user'],
      ['reg.dc1.example', 'x/probe', 'dc1-user'],
      ['public.example', 'probe', ''],
    ]);
  });

  it('has no canaries where none is declared', () => {
    expect(
      planWatch([makeSet('fra.ocir.io', ['ams.ocir.io'])], byName).flatMap((target) => target.canaries),
    ).toEqual([]);
  });
});
