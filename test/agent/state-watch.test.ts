import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ApiFailure } from '../../src/agent/api-failure.ts';
import type { OwnState } from '../../src/agent/own-state.ts';
import { StateWatch, type WatchTiming } from '../../src/agent/state-watch.ts';
import { eventually, sendJson, sendStatus } from '../kubernetes/api-server.ts';
import { NAMESPACE, NODE, stateObject, StateServer } from './stand-in.ts';

/** Fast, but in the same proportions. */
const FAST: Partial<WatchTiming> = { firstRetryMs: 10, maxRetryMs: 80, goodMs: 0 };

class Heard {
  readonly states: (OwnState | undefined)[] = [];
  readonly failures: ApiFailure[] = [];
  inView = 0;

  onState(state: OwnState | undefined): void {
    this.states.push(state);
  }

  onInView(): void {
    this.inView += 1;
  }

  onLost(failure: ApiFailure): void {
    this.failures.push(failure);
  }

  get generations(): (number | undefined)[] {
    return this.states.map((state) => state?.generation);
  }
}

describe('StateWatch', () => {
  let api: StateServer;
  let heard: Heard;
  let watch: StateWatch | undefined;

  beforeEach(async () => {
    api = await StateServer.start();
    heard = new Heard();
  });

  afterEach(async () => {
    await watch?.stop();
    await api.stop();
  });

  function start(timing: Partial<WatchTiming> = {}, answerMs = 5000): void {
    watch = new StateWatch({
      client: api.client({ answerMs }),
      namespace: NAMESPACE,
      node: NODE,
      listener: heard,
      random: () => 0.5,
      timing: { ...FAST, ...timing },
    });
    watch.start();
  }

  async function startInView(): Promise<void> {
    start();
    await eventually(() => {
      expect(heard.inView).toBe(1);
    });
  }

  it('tells what is there, and every change, with one list and one watch', async () => {
    api.object = stateObject(1, { wanted: { a: 1 } });
    await startInView();
    api.put(stateObject(2, { wanted: { a: 2 } }));
    await eventually(() => {
      expect(heard.generations).toEqual([1, 2]);
    });
    expect(heard.states[1]).toMatchObject({ name: NODE, uid: 'uid-1', wanted: { a: 2 } });
    expect(api.lists).toHaveLength(1);
    const [asked] = api.watchesAsked;
    expect(Object.fromEntries(asked!.url.searchParams)).toEqual({
      fieldSelector: `metadata.name=${NODE}`,
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '100',
      timeoutSeconds: '300',
    });
    expect(asked!.headers['authorization']).toBe('Bearer token-1');
    expect(heard.failures).toEqual([]);
  });

  it('tells that there is none, that one has come, and that it has gone', async () => {
    await startInView();
    api.put(stateObject(1));
    api.send('DELETED', stateObject(1));
    await eventually(() => {
      expect(heard.generations).toEqual([undefined, 1, undefined]);
    });
  });

  it('reads the token anew for each request', async () => {
    await startInView();
    api.server.file('token', 'token-2');
    api.server.cut();
    await eventually(() => {
      expect(api.watchesAsked.at(-1)?.headers['authorization']).toBe('Bearer token-2');
    });
  });

  it('goes on from the last event or bookmark after the connection was cut, without a list', async () => {
    await startInView();
    api.put(stateObject(1));
    api.send('BOOKMARK', { metadata: { resourceVersion: '177' } });
    api.send('MODIFIED', stateObject(9, {}, 'another-node'));
    api.send('BOOKMARK', { metadata: { resourceVersion: '178' } });
    await eventually(() => {
      expect(heard.generations).toEqual([undefined, 1]);
    });
    api.server.cut();
    await eventually(() => {
      expect(heard.inView).toBe(2);
    });
    expect(api.watchesAsked.at(-1)?.url.searchParams.get('resourceVersion')).toBe('178');
    expect(api.lists).toHaveLength(1);
    expect(heard.failures).toHaveLength(1);
    expect(heard.failures[0]?.kind).toBe('unreachable');
  });

  it('never takes another node’s object for its own', async () => {
    api.object = stateObject(5, {}, 'another-node');
    await startInView();
    api.send('ADDED', stateObject(6, {}, 'another-node'));
    api.put(stateObject(7));
    await eventually(() => {
      expect(heard.generations).toEqual([undefined, 7]);
    });
  });

  it.each([
    ['an ERROR event with 410', () => api.send('ERROR', { code: 410, message: 'too old' }), 'expired'],
    ['a line that is no JSON', () => api.sendText('{"type"\n'), 'refused'],
    ['an event without an object', () => api.send('ADDED', null), 'refused'],
    ['a line without an end', () => api.sendText('x'.repeat(5_000_000)), 'refused'],
  ])('lists anew after %s', async (_name, trouble, kind) => {
    await startInView();
    api.object = stateObject(3);
    trouble();
    await eventually(() => {
      expect(heard.generations).toEqual([undefined, 3]);
    });
    expect(heard.failures.map((failure) => failure.kind)).toEqual([kind]);
    expect(api.lists).toHaveLength(2);
  });

  it('lists anew when what it wants to go on from is refused as too old', async () => {
    await startInView();
    api.intercept = (asked, reply) => {
      if (asked.url.searchParams.get('resourceVersion') !== '100') return false;
      api.resourceVersion = '200';
      sendStatus(reply, 410, 'Expired', 'too old resource version');
      return true;
    };
    api.server.cut();
    await eventually(() => {
      expect(heard.inView).toBe(2);
    });
    expect(api.watchesAsked.at(-1)?.url.searchParams.get('resourceVersion')).toBe('200');
    expect(heard.failures.map((failure) => failure.kind)).toEqual(['unreachable', 'expired']);
  });

  it('says why it is refused, and asks again until it is not', async () => {
    let refusals = 3;
    api.intercept = (_asked, reply) => {
      if (refusals === 0) return false;
      refusals -= 1;
      sendStatus(reply, 403, 'Forbidden', 'nodemirrorstates is forbidden\nfor you');
      return true;
    };
    await startInView();
    expect(heard.failures).toHaveLength(3);
    expect(heard.failures[0]).toEqual({
      kind: 'refused',
      message: 'the API server answers 403: nodemirrorstates is forbidden for you',
    });
  });

  it.each(['list', 'watch'])('gives up a %s that is never answered, and asks again', async (what) => {
    let silences = 2;
    api.intercept = (asked) => {
      if (asked.url.searchParams.has('watch') !== (what === 'watch') || silences === 0) return false;
      silences -= 1;
      return true;
    };
    start({}, 500);
    await eventually(() => {
      expect(heard.inView).toBe(1);
    });
    // A busy machine may be as silent once more.
    const messages = heard.failures.map((failure) => failure.message);
    expect(messages.length).toBeGreaterThanOrEqual(2);
    expect(new Set(messages)).toEqual(new Set(['the API server does not answer within 500 ms']));
  });

  it('gives up a watch that outlives its time: the other side has forgotten it', async () => {
    start({ watchMs: 1, overtimeMs: -900 });
    await eventually(() => {
      expect(heard.inView).toBeGreaterThan(1);
    });
    expect(heard.failures[0]?.message).toBe('the watch outlived its time');
  });

  it('takes the end of a watch that has lived for no failure', async () => {
    await startInView();
    api.watches.at(-1)?.end();
    await eventually(() => {
      expect(heard.inView).toBe(2);
    });
    expect(heard.failures).toEqual([]);
  });

  it('does not ask in a circle when every watch is ended at once', async () => {
    const times: number[] = [];
    api.intercept = (asked, reply) => {
      if (!asked.url.searchParams.has('watch')) return false;
      times.push(performance.now());
      reply.end();
      return true;
    };
    start({ goodMs: 60_000, firstRetryMs: 50, maxRetryMs: 10_000 });
    await eventually(() => {
      expect(heard.failures.length).toBeGreaterThan(3);
    });
    // 0.75 of 50, 100 and 200 ms, less what a timer may be early.
    const [a = 0, b = 0, c = 0, d = 0] = times;
    expect(b - a).toBeGreaterThan(30);
    expect(c - b).toBeGreaterThan(70);
    expect(d - c).toBeGreaterThan(140);
  });

  it('does not read an answer that has no end', async () => {
    let isFirst = true;
    api.intercept = (_asked, reply) => {
      if (!isFirst) return false;
      isFirst = false;
      reply.writeHead(200);
      reply.end('x'.repeat(5_000_000));
      return true;
    };
    await startInView();
    expect(heard.failures[0]?.message).toContain('longer than');
  });

  it('asks nothing of a server that the mounted CA does not vouch for', async () => {
    const { TestCa } = await import('../support/tls.ts');
    api.server.file('ca.crt', (await TestCa.create('another CA')).pem);
    start();
    await eventually(() => {
      expect(heard.failures.length).toBeGreaterThan(0);
    });
    expect(heard.failures[0]?.kind).toBe('unreachable');
    expect(api.server.asked).toEqual([]);
  });

  it('says nothing more and leaves no connection once it is stopped', async () => {
    await startInView();
    await watch?.stop();
    api.put(stateObject(1));
    await eventually(() => {
      expect(api.server.sockets.size).toBe(0);
    });
    expect(heard.generations).toEqual([undefined]);
    expect(heard.failures).toEqual([]);
  });

  it('repeats no body that is not the API server’s own', async () => {
    let isFirst = true;
    api.intercept = (_asked, reply) => {
      if (!isFirst) return false;
      isFirst = false;
      sendJson(reply, '<html>hunter2</html>', 502);
      return true;
    };
    await startInView();
    expect(heard.failures[0]?.message).toBe('the API server answers 502: no reason is given');
  });
});
