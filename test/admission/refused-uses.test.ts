// Derived pull secrets that a mirror is known to refuse: whoever makes a pod that leans on one is told.
import { describe, expect, it } from 'vitest';
import type { RefusalSource } from '../../src/admission/lookups.ts';
import { makeAdmission, makeRequest } from '../support/admission.ts';
import { makePod, makeSecret, makeSet } from '../support/make.ts';

const IMAGES = ['fra.ocir.io/team/app:1.0', 'fra.ocir.io/team/side:1.0'];
const DERIVED = 'registry-failover-from-fra-pull';
const SET = makeSet('fra.ocir.io', ['ams.ocir.io']);
const secretSource = {
  read: (_namespace: string, names: readonly string[]) =>
    names.map((name) => ({
      name,
      state: 'parsed' as const,
      secret: makeSecret(name, { [name === 'ams-pull' ? 'ams.ocir.io' : 'fra.ocir.io']: name }),
    })),
};

function refusing(namespace: string, secret: string, endpoint: string): RefusalSource {
  const refused = new Map([[secret, new Set([endpoint])]]);
  return { refusedIn: (asked) => (asked === namespace ? refused : undefined) };
}

async function warnings(
  refusals: RefusalSource,
  pullSecrets: string[] = ['fra-pull'],
  set = SET,
): Promise<readonly string[]> {
  const { admission } = makeAdmission([set], { secretSource, refusals });
  const verdict = await admission.admit(makeRequest(makePod(IMAGES, { pullSecrets })));
  return verdict.warnings;
}

describe('admit, where a mirror refuses a derived secret', () => {
  it('warns once per mirror and secret, within what clients show', async () => {
    const said = await warnings(refusing('shop', DERIVED, 'ams.ocir.io'));
    expect(said).toEqual([`registry-failover: ams.ocir.io refuses the credential in ${DERIVED}`]);
    const long = `ams.${'x'.repeat(60)}.${'y'.repeat(60)}.io`;
    const [cut] = await warnings(refusing('shop', DERIVED, long), undefined, makeSet('fra.ocir.io', [long]));
    expect(cut).toHaveLength(120);
  });

  it.each([
    ['of another namespace', refusing('other', DERIVED, 'ams.ocir.io')],
    ['at another mirror', refusing('shop', DERIVED, 'lhr.ocir.io')],
    ['that this pod does not have', refusing('shop', 'registry-failover-from-x', 'ams.ocir.io')],
    ['that is no derived one', refusing('shop', 'fra-pull', 'ams.ocir.io')],
  ])('says nothing of a secret %s', async (_what, refusals) => {
    expect(await warnings(refusals)).toEqual([]);
  });

  it('says nothing where another credential of the pod may do', async () => {
    expect(await warnings(refusing('shop', DERIVED, 'ams.ocir.io'), ['fra-pull', 'ams-pull'])).toEqual([]);
  });

  it('says nothing for a set that only observes: nothing is added for it', async () => {
    const observed = makeSet('fra.ocir.io', ['ams.ocir.io'], { mode: 'Observe' });
    expect(await warnings(refusing('shop', DERIVED, 'ams.ocir.io'), ['fra-pull'], observed)).toEqual([]);
  });
});
