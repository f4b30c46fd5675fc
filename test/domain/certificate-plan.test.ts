// The plan of certificates: what is made when, and that nothing a client may meet leaves its trust on the way.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CERTIFICATE_LIVES,
  planCertificates,
  planValidity,
  webhookNames,
} from '../../src/domain/certificate-plan.ts';
import type {
  CertificateFacts,
  CertificatePlan,
  DatedCertificate,
  ServingCertificate,
} from '../../src/domain/certificate-plan.ts';
import { err, ok } from '../../src/domain/result.ts';

const DAY = 86_400_000;
const lives = CERTIFICATE_LIVES;
const names = webhookNames({ fullname: 'rf', namespace: 'infra' });
const NOW = 1_000 * DAY;

function certificate(pem: string, bornAt: number, lifeMs: number): DatedCertificate {
  return { pem: `${pem}\n`, notBefore: bornAt - lives.skewMs, notAfter: bornAt + lifeMs };
}

function makeCa(pem: string, ageDays = 0): DatedCertificate {
  return certificate(pem, NOW - ageDays * DAY, lives.caMs);
}

function makeServing(signer: DatedCertificate | undefined, ageDays = 0): ServingCertificate {
  const { notBefore, notAfter } = certificate('', NOW - ageDays * DAY, lives.servingMs);
  return { notBefore, notAfter, names, signer };
}

function plan(over: Partial<CertificateFacts>): CertificatePlan {
  const ca = makeCa('ca');
  return planCertificates({
    now: NOW,
    ca: { current: ok(ca), former: [] },
    serving: ok(makeServing(ca)),
    names,
    lives,
    ...over,
  });
}

function withCa(current: DatedCertificate, ...former: DatedCertificate[]): CertificateFacts['ca'] {
  return { current: ok(current), former };
}

describe('webhookNames', () => {
  it('are those of the Service', () => {
    expect(names).toEqual(['rf-webhook.infra.svc', 'rf-webhook.infra.svc.cluster.local']);
  });
});

describe('planValidity', () => {
  it('starts early for clocks that are behind, and ends with the issuer', () => {
    expect(planValidity(NOW, lives.servingMs, lives)).toEqual({
      notBefore: new Date(NOW - 3_600_000),
      notAfter: new Date(NOW + 90 * DAY),
    });
    expect(planValidity(NOW, lives.servingMs, lives, NOW + DAY).notAfter).toEqual(new Date(NOW + DAY));
  });
});

describe('planCertificates', () => {
  it('leaves alone what is as it should be, and says when to look again', () => {
    expect(plan({})).toEqual({ step: undefined, caBundle: 'ca\n', dueAt: NOW + 60 * DAY });
  });

  it('makes a CA where there is none, and cannot say what to trust before that', () => {
    const made = plan({ ca: { current: err('there is none'), former: [] }, serving: err('there is none') });
    expect(made).toMatchObject({ step: { do: 'make-ca', because: 'there is none', former: [] } });
    expect(made.caBundle).toBeUndefined();
  });

  it('rotates the CA at two thirds of its life and keeps the old one', () => {
    const old = makeCa('old', 245);
    const serving = ok(makeServing(old));
    expect(plan({ ca: withCa(makeCa('old', 240)), serving: ok(makeServing(makeCa('old', 240))) }).step).toBe(
      undefined,
    );
    expect(plan({ ca: withCa(old), serving }).step).toMatchObject({ do: 'make-ca', former: [old] });
  });

  it('trusts both and replaces the serving certificate only then', () => {
    const [old, young] = [makeCa('old', 245), makeCa('young')];
    const made = plan({ ca: withCa(young, old), serving: ok(makeServing(old)) });
    expect(made.caBundle).toBe('young\nold\n');
    expect(made.step).toEqual({
      do: 'issue-serving',
      because: 'it was signed by a former CA',
      isUrgent: false,
    });
  });

  it('trusts the old CA until it expires, also when nothing stored is signed by it any more', () => {
    const [old, young] = [makeCa('old', 364), makeCa('young', 120)];
    const facts = { ca: withCa(young, old), serving: ok(makeServing(young)) };
    expect(plan(facts)).toMatchObject({ step: undefined, caBundle: 'young\nold\n', dueAt: NOW + DAY });
    expect(plan({ ...facts, now: NOW + DAY })).toMatchObject({
      step: { do: 'store-former', former: [] },
      caBundle: 'young\n',
    });
  });

  const ca = makeCa('ca');
  const CASES: [string, Partial<CertificateFacts>, { because: string; isUrgent: boolean }][] = [
    ['there is none', { serving: err('there is none') }, { because: 'there is none', isUrgent: true }],
    [
      'at two thirds of its life',
      { serving: ok(makeServing(ca, 60)) },
      { because: 'two thirds of its life are over', isUrgent: false },
    ],
    ['expired', { serving: ok(makeServing(ca, 90)) }, { because: 'it has expired', isUrgent: true }],
    [
      'from the future',
      { serving: ok(makeServing(ca, -1)) },
      { because: 'by our clock it does not hold yet', isUrgent: true },
    ],
    ['for other names', { names: ['other.infra.svc'] }, { because: 'it is for other names', isUrgent: true }],
    [
      'for fewer names',
      { serving: ok({ ...makeServing(ca), names: names.slice(1) }) },
      { because: 'it is for other names', isUrgent: true },
    ],
    [
      'signed by a stranger',
      { serving: ok(makeServing(undefined)) },
      { because: 'it was not signed by a CA of ours', isUrgent: true },
    ],
  ];
  it.each(CASES)('issues a serving certificate when it is: %s', (_, facts, step) => {
    expect(plan(facts).step).toEqual({ do: 'issue-serving', ...step });
  });

  it('keeps trusting the CA of what is served when the secret of the CA is gone', () => {
    const lost = makeCa('lost');
    const gone = { current: err('there is none'), former: [] };
    expect(plan({ ca: gone, serving: ok(makeServing(lost)) }).step).toMatchObject({
      do: 'make-ca',
      former: [lost],
    });
  });

  it('takes up the CA of what is served when the CA was put back from a backup', () => {
    const newer = makeCa('newer');
    expect(plan({ ca: withCa(makeCa('backup', 10)), serving: ok(makeServing(newer)) })).toMatchObject({
      step: { do: 'store-former', former: [newer] },
      caBundle: 'backup\nnewer\n',
    });
  });

  it('makes a CA anew that has expired or does not hold yet', () => {
    const old = makeCa('old', 365);
    expect(plan({ ca: withCa(old), serving: ok(makeServing(old, 200)) }).step).toMatchObject({
      do: 'make-ca',
      because: 'it has expired',
      former: [],
    });
    expect(plan({ ca: withCa(makeCa('early', -2)) }).step).toMatchObject({
      because: 'by our clock it does not hold yet',
    });
  });

  it('bounds the former CAs, and never drops the one that is in use', () => {
    const former = Array.from({ length: 20 }, (_, index) => makeCa(`former${index}`, index));
    const oldest = former.at(-1);
    const { caBundle } = plan({ ca: withCa(makeCa('ca'), ...former), serving: ok(makeServing(oldest)) });
    expect(caBundle?.trim().split('\n')).toHaveLength(9);
    expect(caBundle).toContain('former19\n');
  });
});

interface World {
  now: number;
  ca: CertificateFacts['ca'];
  serving: CertificateFacts['serving'];
  live: string;
}

/** What the edge does with a plan, with time and mishaps between any two steps. */
function carryOut(world: World, made: CertificatePlan, serial: number): void {
  const { step } = made;
  if (step?.do === 'make-ca') {
    world.ca = { current: ok(certificate(`ca${serial}`, world.now, lives.caMs)), former: step.former };
  }
  if (step?.do === 'store-former') world.ca = { ...world.ca, former: step.former };
  if (step?.do === 'issue-serving' && world.ca.current.ok) {
    if (!step.isUrgent && world.live !== made.caBundle) return;
    const signer = world.ca.current.value;
    const { notBefore, notAfter } = planValidity(world.now, lives.servingMs, lives, signer.notAfter);
    const dates = { notBefore: notBefore.getTime(), notAfter: notAfter.getTime() };
    world.serving = ok({ ...dates, names, signer });
  }
}

describe('a client over the years', () => {
  it('never meets a certificate it does not trust, wherever the controller is cut off', () => {
    const event = fc.oneof(
      { weight: 6, arbitrary: fc.constant('round' as const) },
      { weight: 3, arbitrary: fc.constant('publish' as const) },
      { weight: 3, arbitrary: fc.integer({ min: 1, max: 25 }).map((days) => days * DAY) },
      { weight: 1, arbitrary: fc.constant('lose-ca' as const) },
    );
    fc.assert(
      fc.property(fc.array(event, { minLength: 20, maxLength: 120 }), (events) => {
        const none = err('there is none');
        const world: World = { now: NOW, ca: { current: none, former: [] }, serving: none, live: '' };
        let serial = 0;
        const look = (): CertificatePlan => planCertificates({ ...world, names, lives });
        const round = (): void => carryOut(world, look(), (serial += 1));
        const publish = (): void => {
          world.live = look().caBundle ?? world.live;
        };
        for (let count = 0; count < 3; count += 1) round();
        publish();
        for (const what of events) {
          if (what === 'round') round();
          else if (what === 'publish') publish();
          else if (what === 'lose-ca') world.ca = { current: none, former: [] };
          // Time passes, but the controller is there before anything ends.
          else {
            world.now += what;
            for (let count = 0; count < 4; count += 1) {
              round();
              publish();
            }
          }
          if (!world.serving.ok) throw new Error('no serving certificate');
          const { signer, notAfter } = world.serving.value;
          expect(notAfter).toBeGreaterThan(world.now);
          expect(world.live).toContain(signer?.pem);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('ends with nothing left to do', () => {
    const world: World = {
      now: NOW,
      ca: { current: err('there is none'), former: [] },
      serving: err('there is none'),
      live: '',
    };
    for (let serial = 0; serial < 3; serial += 1)
      carryOut(world, planCertificates({ ...world, names, lives }), serial);
    expect(planCertificates({ ...world, names, lives }).step).toBeUndefined();
  });
});
