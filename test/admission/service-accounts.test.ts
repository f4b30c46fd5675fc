// Pods whose ServiceAccount enforces mountable secrets: with a secret of ours the API server would refuse them.
import { describe, expect, it } from 'vitest';
import type { ServiceAccountSource } from '../../src/admission/lookups.ts';
import { makeAdmission, makeRequest } from '../support/admission.ts';
import { makeAnswer, makeMirror, makePod, makeSecret, makeSet } from '../support/make.ts';

const SET = makeSet('fra.ocir.io', ['ams.ocir.io']);
const IMAGE = 'fra.ocir.io/team/app:1.0';
const SECRET = makeSecret('fra-pull', { 'fra.ocir.io': 'robot' });
const secretSource = { read: () => [{ name: 'fra-pull', state: 'parsed' as const, secret: SECRET }] };

const ENFORCED: ServiceAccountSource = {
  enforcesMountableSecrets: (namespace, name) => `${namespace}/${name}` === 'shop/default',
};

describe('admit, where the ServiceAccount enforces mountable secrets', () => {
  it('adds no pull secret, and says that the pod has no credential for the mirror', async () => {
    const { admission, prober } = makeAdmission([SET], { secretSource, serviceAccounts: ENFORCED });
    prober.answers.set('fra.ocir.io', makeAnswer('unreachable'));
    prober.answers.set('ams.ocir.io', makeAnswer('denied'));
    // What the pod would be judged by is what it will have: nothing for the mirror.
    const verdict = await admission.admit(makeRequest(makePod([IMAGE], { pullSecrets: ['fra-pull'] })));
    expect(verdict.added).toEqual([]);
    expect(verdict.decisions[0]).toMatchObject({ action: 'keep', reason: 'no-mirror-credential' });
    const atMirror = prober.asked.filter((question) => question.endpoint.host === 'ams.ocir.io');
    const shown = atMirror.flatMap((question) => question.credentials.map(({ credential }) => credential));
    expect(shown).toEqual([undefined]);
  });

  it('moves the image all the same to a mirror that wants no credential', async () => {
    const open = makeSet('fra.ocir.io', [makeMirror('ams.ocir.io', { source: 'None' })]);
    const { admission, prober } = makeAdmission([open], { secretSource, serviceAccounts: ENFORCED });
    prober.answers.set('fra.ocir.io', makeAnswer('unreachable'));
    const verdict = await admission.admit(makeRequest(makePod([IMAGE], { pullSecrets: ['fra-pull'] })));
    expect(verdict.decisions[0]?.image).toBe('ams.ocir.io/team/app:1.0');
    expect(verdict.added).toEqual([]);
  });

  it('uses a derived secret that the ServiceAccount lists itself', async () => {
    const { admission } = makeAdmission([SET], {
      serviceAccounts: ENFORCED,
      secretSource: {
        read: (_namespace, names) =>
          names.map((name) =>
            name === 'fra-pull' ? { name, state: 'parsed', secret: SECRET } : { name, state: 'absent' },
          ),
      },
    });
    const pod = makePod([IMAGE], { pullSecrets: ['fra-pull', 'registry-failover-from-fra-pull'] });
    const verdict = await admission.admit(makeRequest(pod));
    expect(verdict.credentials?.keyring.lookup('ams.ocir.io/team/app')).toHaveLength(1);
  });

  it('asks about the ServiceAccount of the pod, in its namespace', async () => {
    const { admission } = makeAdmission([SET], { secretSource, serviceAccounts: ENFORCED });
    const pod = makePod([IMAGE], { pullSecrets: ['fra-pull'] });
    const other = { ...pod, spec: { ...pod.spec, serviceAccountName: 'builder' } };
    expect((await admission.admit(makeRequest(other))).added).toEqual(['registry-failover-from-fra-pull']);
  });
});
