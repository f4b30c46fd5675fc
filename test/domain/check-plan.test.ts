// Which credentials are tried where: each once at each mirror, by a manifest that it is for.
import { describe, expect, it } from 'vitest';
import { planChecks } from '../../src/domain/check-plan.ts';
import type { CheckSubject } from '../../src/domain/check-plan.ts';
import { Credential } from '../../src/domain/credential.ts';
import type { MirrorSet } from '../../src/domain/mirror-set.ts';
import { makeMirror, makeSecret, makeSet } from '../support/make.ts';

const byName = (credential: { readonly username: string } | undefined): string => credential?.username ?? '';
const SET = makeSet('fra.ocir.io', ['ams.ocir.io/backup'], { name: 'ocir' });
const CANARY = { repository: 'probe', tag: '1' };

function makeSubject(over: {
  set?: MirrorSet;
  namespace?: string;
  entries?: Record<string, string>;
  images?: readonly string[];
}): CheckSubject {
  const { entries } = makeSecret('', over.entries ?? { 'ams.ocir.io/backup': 'robot' });
  return {
    set: over.set ?? SET,
    namespace: over.namespace ?? 'shop',
    secret: { name: 'registry-failover-from-regcred', uid: 'u1', entries },
    images: over.images ?? [],
  };
}

function asked(subjects: readonly CheckSubject[]): string[] {
  return planChecks(subjects, byName).map(
    ({ question: { endpoint, repository, reference, fingerprint } }) =>
      `${fingerprint} ${endpoint.host}/${repository}:${reference}`,
  );
}

describe('planChecks', () => {
  it('asks for the canary as the mirror has it', () => {
    const set = { ...SET, canary: CANARY };
    expect(planChecks([makeSubject({ set, images: ['fra.ocir.io/a/b:1'] })], byName)).toMatchObject([
      {
        account: 'https://ams.ocir.io:443 robot',
        endpoint: 'ams.ocir.io/backup',
        question: { repository: 'backup/probe', reference: '1', fingerprint: 'robot' },
        uses: [{ set: 'ocir', namespace: 'shop', secret: 'registry-failover-from-regcred', uid: 'u1' }],
      },
    ]);
  });

  it('asks for an image of the namespace where there is no canary, whatever the order of the pods', () => {
    const images = ['docker.io/library/nginx', 'fra.ocir.io/team/b:2', 'fra.ocir.io/team/a:1', 'no image!'];
    expect(asked([makeSubject({ images })])).toEqual(['robot ams.ocir.io/backup/team/a:1']);
    expect(asked([makeSubject({ images: images.toReversed() })])).toEqual([
      'robot ams.ocir.io/backup/team/a:1',
    ]);
  });

  it('asks for an image that was taken from the mirror already', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    expect(asked([makeSubject({ images: [`ams.ocir.io/backup/team/a@${digest}`] })])).toEqual([
      `robot ams.ocir.io/backup/team/a:${digest}`,
    ]);
  });

  it('tries nothing that no image is known for', () => {
    expect(asked([makeSubject({ images: ['docker.io/library/nginx'] })])).toEqual([]);
  });

  it('tries a narrow credential with an image below it, and a broad one with the canary', () => {
    const entries = { 'ams.ocir.io/backup': 'broad', 'ams.ocir.io/backup/team': 'narrow' };
    const set = { ...SET, canary: CANARY };
    expect(asked([makeSubject({ set, entries, images: ['fra.ocir.io/team/a:1'] })])).toEqual([
      'broad ams.ocir.io/backup/probe:1',
      'narrow ams.ocir.io/backup/team/a:1',
    ]);
  });

  it('tries a credential that many namespaces have once, and names them all', () => {
    const subjects = ['b', 'a', 'c'].map((namespace) =>
      makeSubject({ namespace, images: [`fra.ocir.io/${namespace}/x:1`] }),
    );
    const checks = planChecks(subjects, byName);
    expect(checks.map(({ question }) => question.repository)).toEqual(['backup/a/x']);
    expect(checks[0]?.uses.map(({ namespace }) => namespace)).toEqual(['a', 'b', 'c']);
    expect(planChecks(subjects.toReversed(), byName)).toEqual(checks);
  });

  it('tells endpoints, paths and credentials apart', () => {
    const set = makeSet('fra.ocir.io', ['ams.ocir.io/x', 'ams.ocir.io/y', 'dc1.example'], { canary: CANARY });
    const entries = { 'ams.ocir.io/x': 'a', 'ams.ocir.io/y': 'a', 'dc1.example': 'b' };
    const checks = planChecks([makeSubject({ set, entries })], byName);
    expect(checks.map(({ endpoint, account }) => [endpoint, account])).toEqual([
      ['ams.ocir.io/x', 'https://ams.ocir.io:443 a'],
      ['ams.ocir.io/y', 'https://ams.ocir.io:443 a'],
      ['dc1.example', 'https://dc1.example:443 b'],
    ]);
    expect(new Set(checks.map(({ key }) => key)).size).toBe(3);
  });

  it('leaves mirrors alone that need no pull secret of ours', () => {
    const mirrors = [
      makeMirror('public.example', { source: 'None' }),
      makeMirror('n.example', { source: 'Node' }),
    ];
    const set = makeSet('fra.ocir.io', mirrors, { canary: CANARY });
    expect(asked([makeSubject({ set, entries: { 'public.example': 'a', 'n.example': 'b' } })])).toEqual([]);
  });

  it('shows no credential that is empty', () => {
    const credential = new Credential({ username: '', password: '' });
    const subject = makeSubject({ set: { ...SET, canary: CANARY } });
    const secret = { ...subject.secret, entries: [{ key: 'ams.ocir.io', credential }] };
    expect(asked([{ ...subject, secret }])).toEqual([]);
  });

  it('prints no password', () => {
    const checks = planChecks([makeSubject({ images: ['fra.ocir.io/a:1'] })], byName);
    expect(JSON.stringify(checks)).not.toContain('robot-password');
  });
});
