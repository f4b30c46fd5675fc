// Endpoint health: what takes an endpoint down, what brings it back, and what must not.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { initialHealth, nextHealth } from '../../src/domain/health.ts';
import type { EndpointHealth, Evidence } from '../../src/domain/health.ts';

function after(...evidence: readonly Evidence[]): EndpointHealth {
  return evidence.reduce((state, next, index) => nextHealth(state, next, index * 1000), initialHealth(0));
}

const failed: Evidence = { kind: 'connection-failed', detail: 'refused' };
const pingFailed: Evidence = { kind: 'ping-failed', detail: 'refused', cause: 'unreachable' };
const ping5xx: Evidence = { kind: 'ping-failed', detail: '503', cause: 'failing' };
const pingOk: Evidence = { kind: 'ping-ok' };
const answered: Evidence = { kind: 'answered' };
const silent: Evidence = { kind: 'silent' };
const broken = (repository: string): Evidence => ({ kind: 'manifest-failed', repository, detail: '500' });
const works = (repository: string): Evidence => ({ kind: 'manifest-ok', repository });
const several: Evidence = { kind: 'repositories-failed' };
const recheck = (repository: string): Evidence => ({ kind: 'recheck-ok', repository });

describe('nextHealth', () => {
  it.each<[string, Evidence[], string, string | undefined]>([
    ['nothing known', [], 'unknown', undefined],
    ['an answer', [answered], 'up', undefined],
    ['a ping', [pingOk], 'up', undefined],
    ['one connection failure', [pingOk, failed], 'up', undefined],
    ['one connection failure that a ping confirms', [pingOk, failed, pingFailed], 'down', 'unreachable'],
    ['one connection failure that a ping refutes', [pingOk, failed, pingOk], 'up', undefined],
    ['three connection failures in a row', [failed, failed, failed], 'down', 'unreachable'],
    ['three connection failures with an answer between', [failed, failed, answered, failed], 'up', undefined],
    ['two failed pings', [pingFailed, pingFailed], 'down', 'unreachable'],
    ['two silences and a failed ping', [pingOk, silent, silent, pingFailed], 'down', 'unreachable'],
    ['two silences and a ping that is answered', [pingOk, silent, silent, pingOk], 'up', undefined],
    ['one silence and a failed ping', [pingOk, silent, pingFailed], 'up', undefined],
    [
      'one repository with 5xx, ever so often',
      [broken('a'), broken('a'), broken('a'), broken('a')],
      'unknown',
      undefined,
    ],
    ['two repositories with 5xx', [broken('a'), broken('b')], 'unknown', undefined],
    [
      'two repositories with 5xx, and nothing that is served',
      [broken('a'), broken('b'), several],
      'down',
      'failing',
    ],
    ['one repository with 5xx, and nothing that is served', [broken('a'), several], 'unknown', undefined],
    [
      'two repositories with 5xx, one of which answers again',
      [broken('a'), works('a'), broken('b')],
      'up',
      undefined,
    ],
    ['two pings that are answered with 5xx', [ping5xx, ping5xx], 'down', 'failing'],
    [
      'two repositories with 5xx, and a third that is served in between',
      [broken('a'), works('c'), broken('b')],
      'up',
      undefined,
    ],
    ['a failed canary', [pingOk, { kind: 'canary-failed' }], 'down', 'failing'],
    ['a canary that is back', [pingOk, { kind: 'canary-failed' }, { kind: 'canary-ok' }], 'up', undefined],
  ])('after %s', (_name, evidence, status, cause) => {
    expect(after(...evidence)).toMatchObject({ status, cause });
  });

  it('lets no pod bring back an endpoint that cannot be reached', () => {
    expect(after(failed, failed, failed, answered, works('a')).status).toBe('down');
    expect(after(failed, failed, failed, pingOk).status).toBe('up');
  });

  it('never heals manifest failures by a ping', () => {
    expect(after(broken('a'), broken('b'), several, pingOk, pingOk, answered).status).toBe('down');
  });

  it('heals manifest failures when every failing repository answers the background again', () => {
    expect(after(broken('a'), broken('b'), several, recheck('a')).status).toBe('down');
    expect(after(broken('a'), broken('b'), several, recheck('a'), recheck('b')).status).toBe('up');
  });

  it('does not add up failures of two repositories that lie a minute apart', () => {
    const first = nextHealth(initialHealth(0), broken('a'), 0);
    const later = (now: number): string =>
      nextHealth(nextHealth(first, broken('b'), now), several, now).status;
    expect(later(61_000)).toBe('unknown');
    expect(later(59_000)).toBe('down');
  });

  it('is suspect from a connection failure until its ping has come back', () => {
    expect(after(pingOk, failed).suspect).toBe(true);
    expect(after(pingOk, failed, pingOk).suspect).toBe(false);
    expect(after(pingOk, failed, pingFailed).suspect).toBe(false);
  });

  it('counts failures of questions that were on their way together once', () => {
    const together: Evidence = { ...failed, askedAt: 900 };
    const state = after(pingOk, together, together, together, together);
    expect(state).toMatchObject({ status: 'up', suspect: true, connectionFailures: 1 });
  });

  it('is suspect no longer when the ping came to nothing because of us', () => {
    expect(after(pingOk, failed, { kind: 'ping-void' })).toMatchObject({ suspect: false, status: 'up' });
  });

  it('is not suspect after one ping that is answered with 5xx: it is connected', () => {
    expect(after(pingOk, ping5xx).suspect).toBe(false);
    expect(after(pingOk, failed, ping5xx).status).toBe('down');
  });

  it('begins a new epoch when it goes down and when it comes back, not when it becomes known', () => {
    expect(after(pingOk).epoch).toBe(0);
    expect(after(pingOk, failed, pingFailed).epoch).toBe(1);
    expect(after(pingOk, failed, pingFailed, pingOk).epoch).toBe(2);
  });
});

const anyEvidence: fc.Arbitrary<Evidence> = fc.oneof(
  fc.constantFrom<Evidence>(failed, pingFailed, pingOk, answered, silent, { kind: 'ping-void' }),
  fc.constantFrom<Evidence>(
    { kind: 'canary-ok' },
    { kind: 'canary-failed' },
    { kind: 'rechecks-done' },
    several,
  ),
  fc.constantFrom('a', 'b', 'c').chain((name) => fc.constantFrom(broken(name), works(name), recheck(name))),
);

describe('nextHealth, for whatever evidence', () => {
  it('changes `since` exactly when the status changes, and keeps its memory bounded', () => {
    fc.assert(
      fc.property(fc.array(anyEvidence, { maxLength: 60 }), (evidence) => {
        let state = initialHealth(0);
        evidence.forEach((next, index) => {
          const before = state;
          state = nextHealth(state, next, index + 1);
          expect(state.since).toBe(state.status === before.status ? before.since : index + 1);
          expect(state.manifestFailures.length).toBeLessThanOrEqual(8);
          expect(state.status === 'down').toBe(state.cause !== undefined);
        });
      }),
    );
  });

  it('is up again after every class has been healed by the background, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(anyEvidence, { maxLength: 40 }), (evidence) => {
        const healed = after(...evidence, pingOk, { kind: 'canary-ok' }, { kind: 'rechecks-done' });
        expect(healed.status).toBe('up');
      }),
    );
  });

  it('never comes back by what pods see', () => {
    fc.assert(
      fc.property(fc.array(anyEvidence, { maxLength: 40 }), (evidence) => {
        const state = after(...evidence, failed, failed, failed);
        const later = [answered, works('a'), works('b'), broken('c')].reduce(
          (s, e) => nextHealth(s, e, 1e6),
          state,
        );
        expect(later.status).toBe('down');
      }),
    );
  });
});
