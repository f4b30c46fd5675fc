import { beforeEach, describe, expect, it } from 'vitest';
import type { Installation } from '../../src/agent/installer.ts';
import { createLog } from '../../src/agent/log.ts';
import { AgentMetrics } from '../../src/agent/metrics.ts';
import { NO_NODE_AUTH } from '../../src/agent/node-auth.ts';
import { NodeKeeper } from '../../src/agent/node-keeper.ts';
import { settleOrder, type PresentFirst } from '../../src/agent/order.ts';
import type { OwnState } from '../../src/agent/own-state.ts';
import type { NodeStatus } from '../../src/agent/status.ts';
import { err, ok } from '../../src/domain/result.ts';
import { finding } from '../../src/nodes/findings/finding.ts';
import type { ApplyReport } from '../../src/nodes/writing/sync-report.ts';
import type { NodeWanted } from '../../src/nodes/data/wanted.ts';
import { AMS, host, OWNER, source, UPSTREAM, wanted } from './wanted.ts';

const NOW = Date.parse('2026-11-21T18:00:00Z');
const MIRROR_FIRST = wanted([host([AMS, UPSTREAM])]);

function state(data: unknown, over: Partial<OwnState> = {}): OwnState {
  return { name: 'worker-1', uid: 'uid-1', generation: 1, wanted: data, status: undefined, ...over };
}

/** A node whose runs end as the test says. */
class World {
  outcome: ApplyReport['outcome'] = 'Applied';
  error: string | undefined;
  silent: readonly string[] = [];
  nodeAuth: Awaited<ReturnType<ConstructorParameters<typeof NodeKeeper>[0]['readNodeAuth']>> =
    ok(NO_NODE_AUTH);
  onInstall: () => void = () => undefined;
  readonly installed: NodeWanted[] = [];
  readonly presents: PresentFirst[] = [];
  statuses: (NodeStatus | 'forgotten')[] = [];
  readonly lines: string[] = [];
  readonly metrics = new AgentMetrics('0.1.0');
  readonly keeper = new NodeKeeper({
    rules: { owner: OWNER, allowedEndpoints: ['*.ocir.io'] },
    install: (data) => {
      this.installed.push(data);
      this.onInstall();
      return Promise.resolve(this.#installation());
    },
    settle: (data, present) => {
      this.presents.push(present);
      const whyNot = ({ endpoint }: { endpoint: string }): string | undefined =>
        this.silent.includes(endpoint) ? 'no answer' : undefined;
      return Promise.resolve(settleOrder(data, present, whyNot));
    },
    readNodeAuth: () => Promise.resolve(this.nodeAuth),
    writer: {
      set: (status) => this.statuses.push(status),
      forget: () => this.statuses.push('forgotten'),
    },
    metrics: this.metrics,
    log: createLog('debug', (line) => this.lines.push(line)),
    agentVersion: '0.1.0',
    now: () => NOW,
  });

  get status(): NodeStatus | undefined {
    const last = this.statuses.at(-1);
    return last === 'forgotten' ? undefined : last;
  }

  /** Tells it and runs as the loop would. */
  async told(own: OwnState | undefined): Promise<string | undefined> {
    return this.keeper.assign(own) ? this.keeper.run() : undefined;
  }

  #installation(): Installation {
    const report: ApplyReport = {
      outcome: this.outcome,
      changes: [{ path: '/etc/x', action: 'write', secret: false }],
      conflicts: [],
      leftOut: [],
      files: [{ path: '/etc/x', sha256: 'f'.repeat(64) }],
      reload: 'Signalled',
      ...(this.error === undefined ? {} : { error: this.error }),
    };
    return { report, findings: [finding('CrioAutoReload', 'info', 'it is on', 'Nothing')] };
  }
}

describe('NodeKeeper', () => {
  let world: World;

  beforeEach(() => {
    world = new World();
  });

  it('lays down what it is told, and tells what is so', async () => {
    expect(await world.told(state(wanted()))).toBe('settled');
    expect(world.installed).toEqual([wanted()]);
    expect(world.status).toMatchObject({
      observedGeneration: 1,
      observedRevision: '0123456789abcdef',
      state: 'UpToDate',
      message: '',
      order: [{ prefix: UPSTREAM, first: UPSTREAM }],
      runtime: { name: 'crio', version: '1.34.0' },
      files: [{ path: '/etc/x' }],
      findings: [{ code: 'CrioAutoReload' }],
    });
  });

  it('does nothing about its own status coming back as an event', async () => {
    await world.told(state(wanted()));
    expect(await world.told(state(wanted(), { status: { state: 'UpToDate' } }))).toBeUndefined();
    expect(await world.told(state(wanted([], { revision: 'f'.repeat(16) }), { generation: 2 }))).toBe(
      'settled',
    );
  });

  it('touches nothing as long as it was told nothing', async () => {
    expect(await world.told(undefined)).toBeUndefined();
    expect(await world.keeper.run()).toBe('settled');
    expect(world.installed).toEqual([]);
    expect(world.statuses).toEqual([]);
  });

  it.each(['Failed', 'RolledBack'] as const)(
    'tells why a run came to %s, and wants to try again',
    async (outcome) => {
      world.outcome = outcome;
      world.error = 'ForeignConfigBroken: 10-other.conf';
      expect(await world.told(state(wanted()))).toBe('again');
      expect(world.status).toMatchObject({
        state: 'Failed',
        message: 'ForeignConfigBroken: 10-other.conf',
        order: [],
      });
      expect(world.metrics.print()).not.toContain('last_success');
    },
  );

  describe('with data that is refused', () => {
    const FOREIGN = { ...wanted(), hosts: [{ ...host(), prefix: 'UPPER' }] };

    it('says every problem, and keeps and repairs the last good state', async () => {
      await world.told(state(wanted()));
      expect(await world.told(state({ ...FOREIGN, revision: 'fedcba9876543210' }, { generation: 2 }))).toBe(
        'settled',
      );
      expect(world.installed).toEqual([wanted(), wanted()]);
      expect(world.status).toMatchObject({
        observedGeneration: 2,
        observedRevision: 'fedcba9876543210',
        state: 'Refused',
        files: [{ path: '/etc/x' }],
      });
      expect(world.status?.message).toContain('so the node keeps what it has');
      expect(world.status?.message.match(/\[\w+\]/g)?.length).toBeGreaterThan(1);
    });

    it('touches nothing when there was no good state before', async () => {
      expect(await world.told(state(FOREIGN))).toBe('settled');
      expect(world.installed).toEqual([]);
      expect(world.status).toMatchObject({ state: 'Refused', files: [], runtime: null });
    });

    it.each([
      ['another owner', wanted([host()], { owner: 'other/other' }), 'OtherOwner'],
      ['an endpoint that is not allowed here', wanted([host([UPSTREAM, 'evil.example'])]), 'NotAllowed'],
      ['another version', { ...wanted(), version: 2 }, 'ersion'],
      ['no data', undefined, 'Refused'],
      [
        'a certificate that cannot be read',
        wanted([
          {
            ...host(),
            sources: [
              source(UPSTREAM),
              source(AMS, { caPem: '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n' }),
            ],
          },
        ]),
        'caPem',
      ],
    ])('refuses %s', async (_name, data, word) => {
      await world.told(state(data));
      expect(world.installed).toEqual([]);
      expect(JSON.stringify(world.status)).toContain(word);
      expect(world.status?.state).toBe('Refused');
    });
  });

  describe('and the order', () => {
    it('keeps the order when the mirror is silent, stays up to date, and tries again', async () => {
      await world.told(state(wanted()));
      world.silent = [AMS];
      expect(await world.told(state(MIRROR_FIRST, { generation: 2 }))).toBe('again');
      expect(world.installed.at(-1)?.hosts[0]?.order).toEqual([UPSTREAM, AMS]);
      expect(world.status).toMatchObject({
        state: 'UpToDate',
        observedGeneration: 2,
        order: [{ prefix: UPSTREAM, first: UPSTREAM }],
      });
      expect(world.status?.message).toContain('ams.ocir.io does not answer from this node (no answer)');
      world.silent = [];
      expect(await world.keeper.run()).toBe('settled');
      expect(world.status).toMatchObject({ message: '', order: [{ first: AMS }] });
    });

    it('asks only about what would change against what was laid down', async () => {
      await world.told(state(MIRROR_FIRST));
      world.silent = [AMS, UPSTREAM];
      expect(await world.keeper.run()).toBe('settled');
      expect(world.presents).toEqual([new Map(), new Map([[UPSTREAM, AMS]])]);
    });

    it('does not take an order for laid down when the run failed', async () => {
      await world.told(state(wanted()));
      world.outcome = 'RolledBack';
      await world.told(state(MIRROR_FIRST, { generation: 2 }));
      expect(world.status?.order).toEqual([{ prefix: UPSTREAM, first: UPSTREAM }]);
    });

    it('knows after a restart what came first from its own status', async () => {
      world.silent = [AMS, UPSTREAM];
      const status = { order: [{ prefix: UPSTREAM, first: AMS }, 'nonsense', { prefix: 1 }] };
      expect(await world.told(state(MIRROR_FIRST, { status }))).toBe('settled');
      expect(world.installed[0]?.hosts[0]?.order).toEqual([AMS, UPSTREAM]);
    });
  });

  describe('and drift', () => {
    it('counts what it had to repair, and nothing else', async () => {
      await world.told(state(wanted()));
      world.outcome = 'Unchanged';
      await world.keeper.run();
      expect(world.keeper.struggles).toBe(0);
      world.outcome = 'Applied';
      await world.keeper.run();
      expect(world.keeper.struggles).toBe(1);
      await world.told(state(MIRROR_FIRST, { generation: 2 }));
      expect(world.keeper.struggles).toBe(1);
      world.nodeAuth = ok({ credentials: new Map(), fingerprint: 'new' });
      await world.keeper.run();
      expect(world.keeper.struggles).toBe(1);
      expect(world.metrics.print()).toContain('registry_failover_node_drift_repairs_total 1\n');
    });

    it('counts runs that failed with something to write, which come back as changes, as a struggle but as no repair', async () => {
      world.outcome = 'RolledBack';
      await world.told(state(wanted()));
      await world.keeper.run();
      expect(world.keeper.struggles).toBe(2);
      world.outcome = 'Unchanged';
      await world.keeper.run();
      world.nodeAuth = err('the NodeAuth secret cannot be used');
      await world.keeper.run();
      expect(world.keeper.struggles).toBe(2);
      expect(world.metrics.print()).toContain('registry_failover_node_drift_repairs_total 0\n');
    });
  });

  it('fails without touching anything when the credentials cannot be read', async () => {
    world.nodeAuth = err('the NodeAuth secret cannot be used');
    expect(await world.told(state(wanted()))).toBe('again');
    expect(world.installed).toEqual([]);
    expect(world.status).toMatchObject({ state: 'Failed', message: 'the NodeAuth secret cannot be used' });
  });

  it('restores when it is told so', async () => {
    await world.told(state(wanted()));
    world.outcome = 'Restored';
    await world.told(state(wanted([], { action: 'Restore' }), { generation: 2 }));
    expect(world.status).toMatchObject({ state: 'Restored', order: [] });
    world.outcome = 'Unchanged';
    await world.keeper.run();
    expect(world.status).toMatchObject({ state: 'Restored' });
  });

  it('leaves the files when its object has gone, says why, and starts anew with a new one', async () => {
    await world.told(state(wanted()));
    world.statuses = [];
    expect(await world.told(undefined)).toBeUndefined();
    expect(await world.keeper.run()).toBe('settled');
    expect(world.installed).toHaveLength(1);
    expect(world.statuses).toEqual(['forgotten']);
    expect(world.lines.at(-1)).toContain('its files stay as they are until a Restore');
    await world.told(state(wanted(), { uid: 'uid-2' }));
    expect(world.status).toMatchObject({ observedGeneration: 1, state: 'UpToDate' });
  });

  it('does not repair by what an object that has gone had wanted', async () => {
    await world.told(state(wanted()));
    await world.told(undefined);
    await world.told(state({ ...wanted(), version: 9 }, { uid: 'uid-2' }));
    expect(world.installed).toHaveLength(1);
    expect(world.status).toMatchObject({ state: 'Refused', files: [] });
  });

  it('does not tell an object about a run that was for another', async () => {
    world.onInstall = () => {
      world.keeper.assign(undefined);
    };
    await world.told(state(wanted()));
    expect(world.statuses).toEqual(['forgotten', 'forgotten']);
  });
});
