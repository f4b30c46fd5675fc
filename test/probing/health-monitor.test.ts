// The background: it confirms at once, comes back by itself, asks failed questions again, and ends when it is told.
import { afterEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/domain/outcome.ts';
import { HealthBook } from '../../src/probing/health-book.ts';
import { HealthMonitor } from '../../src/probing/health-monitor.ts';
import type { ManifestQuestion } from '../../src/domain/manifest-question.ts';
import { makeEndpoint } from '../support/make.ts';

const UP: Finding = { outcome: 'available', evidence: 'answered' };
const DOWN: Finding = { outcome: 'unreachable', detail: 'refused', evidence: 'connection-failed' };
const BROKEN: Finding = { outcome: 'failing', detail: '500', evidence: 'manifest-failed' };
const SILENT: Finding = { outcome: 'slow', evidence: 'silent' };
const VOID: Finding = { outcome: 'slow', evidence: 'none' };

const endpoint = makeEndpoint('fra.ocir.io');
const question = (repository: string): ManifestQuestion => ({
  endpoint,
  repository,
  reference: '1',
  credential: undefined,
  fingerprint: '',
});

interface Scene {
  ping: Finding;
  head: Finding;
  pings: number;
  readonly heads: string[];
  readonly book: HealthBook;
  readonly monitor: HealthMonitor;
}

let scene: Scene;
function makeScene(ping: Finding, head: Finding = UP): Scene {
  const heads: string[] = [];
  const book = new HealthBook(
    () => performance.now(),
    () => {},
  );
  const client = {
    ping: () => {
      scene.pings += 1;
      return Promise.resolve(scene.ping);
    },
    head: (asked: ManifestQuestion) => {
      heads.push(asked.repository);
      return Promise.resolve(scene.head);
    },
  };
  const monitor = new HealthMonitor(client, book, {
    intervalMs: 20,
    downIntervalMs: 10,
    probeTimeoutMs: 100,
  });
  scene = { ping, head, pings: 0, heads, book, monitor };
  return scene;
}
afterEach(() => scene.monitor.close());

const status = (): string => scene.book.get(endpoint).status;
const until = (wanted: string): Promise<void> => expect.poll(status, { interval: 2 }).toBe(wanted);

describe('HealthMonitor', () => {
  it('pings a new endpoint at once and goes on', async () => {
    makeScene(UP).monitor.watch([{ endpoint, canaries: [] }]);
    await until('up');
    await expect.poll(() => scene.pings, { interval: 2 }).toBeGreaterThan(2);
  });

  it('needs two failed pings, which it makes in a row, and one good one to come back', async () => {
    makeScene(DOWN).monitor.watch([{ endpoint, canaries: [] }]);
    await until('down');
    expect(scene.pings).toBe(2);
    scene.ping = UP;
    await until('up');
  });

  it('takes nothing from a ping whose own timers ran late', async () => {
    makeScene(VOID).monitor.watch([{ endpoint, canaries: [] }]);
    await expect.poll(() => scene.pings, { interval: 2 }).toBeGreaterThan(2);
    expect(status()).toBe('unknown');
  });

  it('leaves no endpoint under suspicion when the ping that was to judge it ran late', async () => {
    makeScene(VOID);
    scene.book.observe(endpoint, { kind: 'ping-ok' });
    scene.book.observe(endpoint, { kind: 'connection-failed', detail: 'reset' });
    scene.monitor.confirm(endpoint);
    await expect.poll(() => scene.book.get(endpoint).suspect, { interval: 2 }).toBe(false);
    expect(status()).toBe('up');
  });

  it('takes one silent ping for a silence, and three in a row for an outage', async () => {
    const seen: unknown[] = [];
    makeScene(SILENT).monitor.close();
    const client = {
      ping: (): Promise<Finding> => {
        seen.push(scene.book.get(endpoint).suspect);
        return Promise.resolve(SILENT);
      },
      head: () => Promise.resolve(UP),
    };
    scene.book.observe(endpoint, { kind: 'ping-ok' });
    const monitor = new HealthMonitor(client, scene.book, {
      intervalMs: 20,
      downIntervalMs: 10,
      probeTimeoutMs: 100,
    });
    monitor.confirm(endpoint);
    await until('down');
    expect(seen).toEqual([false, false, false]);
    monitor.close();
  });

  it('pings once however many pods want a failure confirmed', async () => {
    makeScene(UP);
    scene.book.observe(endpoint, { kind: 'connection-failed', detail: 'x' });
    for (let pod = 0; pod < 10; pod += 1) scene.monitor.confirm(endpoint);
    await until('up');
    expect(scene.pings).toBe(1);
  });

  it('asks failed questions again until they are answered, and only then calls the endpoint well', async () => {
    makeScene(UP, BROKEN).monitor.watch([{ endpoint, canaries: [] }]);
    for (const repository of ['a', 'b']) {
      scene.book.observe(endpoint, { kind: 'manifest-failed', repository, detail: '500' });
      scene.monitor.recheck(question(repository));
    }
    await expect.poll(() => scene.heads.length, { interval: 2 }).toBeGreaterThan(3);
    expect(status()).toBe('down');
    scene.head = { outcome: 'missing', evidence: 'answered' };
    await until('up');
  });

  it('comes back although more repositories had failed than it keeps', async () => {
    makeScene(UP, BROKEN).monitor.watch([{ endpoint, canaries: [] }]);
    for (const repository of ['a', 'b', 'c', 'd', 'e', 'f']) {
      scene.book.observe(endpoint, { kind: 'manifest-failed', repository, detail: '500' });
      scene.monitor.recheck(question(repository));
    }
    await until('down');
    scene.head = UP;
    await until('up');
    expect(new Set(scene.heads).size).toBeLessThanOrEqual(4);
  });

  it('stops asking about an endpoint that is no longer declared, and forgets it', async () => {
    makeScene(DOWN).monitor.watch([{ endpoint, canaries: [] }]);
    await until('down');
    scene.monitor.watch([]);
    expect(status()).toBe('unknown');
    const { pings } = scene;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(scene.pings - pings).toBeLessThanOrEqual(1);
  });

  it('asks the canary, believes its 5xx, and takes any other answer as the end of it', async () => {
    const canary = {
      id: 'c',
      endpoint,
      repository: 'probe',
      reference: '1',
      credentials: [
        { credential: undefined, fingerprint: '', secret: undefined, factKey: '', throttleKey: '' },
      ],
    };
    makeScene(UP, BROKEN).monitor.watch([{ endpoint, canaries: [canary] }]);
    await until('down');
    scene.head = { outcome: 'missing', evidence: 'answered' };
    await until('up');
    scene.head = BROKEN;
    await until('down');
    scene.monitor.watch([{ endpoint, canaries: [] }]);
    await until('up');
  });

  describe('when two repositories answer 5xx', () => {
    const broken = (monitor: HealthMonitor): void => {
      for (const repository of ['a', 'b']) {
        scene.book.observe(endpoint, { kind: 'manifest-failed', repository, detail: '500' });
        monitor.recheck(question(repository));
      }
    };
    const monitorOf = (answers: (repository: string) => Finding): HealthMonitor => {
      makeScene(UP).monitor.close();
      const client = {
        ping: () => Promise.resolve(UP),
        head: (asked: ManifestQuestion) => Promise.resolve(answers(asked.repository)),
      };
      return new HealthMonitor(client, scene.book, {
        intervalMs: 20,
        downIntervalMs: 10,
        probeTimeoutMs: 100,
      });
    };

    it('lets them not speak for one that is served', async () => {
      const seen = new Set<string>();
      const monitor = monitorOf((repository) => (repository === 'good' ? UP : BROKEN));
      monitor.served(question('good'));
      broken(monitor);
      for (let turn = 0; turn < 20; turn += 1) {
        seen.add(status());
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect([...seen]).toEqual(['unknown']);
      expect(scene.book.get(endpoint).manifestFailures).toEqual([]);
      monitor.close();
    });

    it('takes the endpoint down when what was served before is not served either, until it is', async () => {
      let store = BROKEN;
      const monitor = monitorOf(() => store);
      monitor.served(question('good'));
      monitor.watch([{ endpoint, canaries: [] }]);
      broken(monitor);
      await until('down');
      // A front that refuses says nothing of the store behind it.
      store = { outcome: 'denied', evidence: 'answered' };
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(status()).toBe('down');
      store = UP;
      await until('up');
      monitor.close();
    });
  });

  it('does not wait for ever for a witness whose credential has ended', async () => {
    makeScene(UP).monitor.close();
    // A book that began an hour ago: what it says of an outage is long past the minute that is waited.
    const book = new HealthBook(
      () => performance.now() - 3_600_000,
      () => {},
    );
    const client = {
      ping: () => Promise.resolve(UP),
      head: (): Promise<Finding> => Promise.resolve({ outcome: 'denied', evidence: 'answered' }),
    };
    const monitor = new HealthMonitor(client, book, {
      intervalMs: 20,
      downIntervalMs: 10,
      probeTimeoutMs: 100,
    });
    monitor.watch([{ endpoint, canaries: [] }]);
    monitor.served(question('good'));
    for (const repository of ['a', 'b']) {
      book.observe(endpoint, { kind: 'manifest-failed', repository, detail: '500' });
      monitor.recheck(question(repository));
    }
    await expect.poll(() => book.get(endpoint).epoch, { interval: 2 }).toBe(1);
    await expect.poll(() => book.get(endpoint).status, { interval: 2 }).toBe('up');
    monitor.close();
  });
});
