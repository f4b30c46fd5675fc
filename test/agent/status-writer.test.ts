import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StatusWriter } from '../../src/agent/status-writer.ts';
import { statusOf, type NodeStatus } from '../../src/agent/status.ts';
import { eventually, sendJson, sendStatus } from '../kubernetes/api-server.ts';
import { NAMESPACE, NODE, stateObject, StateServer } from './stand-in.ts';

function status(message: string): NodeStatus {
  return statusOf({
    generation: 1,
    revision: '0123456789abcdef',
    state: 'UpToDate',
    messages: [message],
    order: new Map(),
    runtime: undefined,
    report: undefined,
    findings: [],
    agentVersion: '0.1.0',
  });
}

describe('StatusWriter', () => {
  let api: StateServer;
  let failures: string[];
  let writer: StatusWriter;

  beforeEach(async () => {
    api = await StateServer.start();
    api.object = stateObject(1);
    failures = [];
    writer = make(5);
  });

  afterEach(async () => {
    await writer.stop(0);
    await api.stop();
  });

  function make(pauseMs: number): StatusWriter {
    return new StatusWriter({
      client: api.client(),
      namespace: NAMESPACE,
      node: NODE,
      pauseMs,
      retry: { firstMs: 5, maxMs: 20 },
      random: () => 0.5,
      now: () => Date.parse('2026-11-21T18:00:00Z'),
      onFailure: ({ message }) => failures.push(message),
    });
  }

  function messages(): unknown[] {
    return api.patches.map(({ body }) => (body.status as { message?: string }).message);
  }

  it('patches the status of its own object and nothing else', async () => {
    writer.set(status('a'));
    await eventually(() => {
      expect(api.patches).toHaveLength(1);
    });
    expect(api.patches[0]).toEqual({
      path: `/apis/registry-failover.io/v1alpha1/namespaces/${NAMESPACE}/nodemirrorstates/${NODE}/status`,
      body: { status: { ...status('a'), updatedAt: '2026-11-21T18:00:00.000Z' } },
    });
    expect(api.server.asked[0]?.headers['content-type']).toBe('application/merge-patch+json');
  });

  it('writes nothing when nothing has changed, and the newest of what has', async () => {
    writer.set(status('a'));
    writer.set(status('b'));
    writer.set(status('c'));
    await eventually(() => {
      expect(messages().at(-1)).toBe('c');
    });
    writer.set(status('c'));
    writer.set(status('d'));
    await eventually(() => {
      expect(messages().at(-1)).toBe('d');
    });
    expect(messages()).toEqual(['a', 'c', 'd']);
  });

  it('leaves a pause between two writes', async () => {
    const slow = make(150);
    const started = performance.now();
    slow.set(status('a'));
    await eventually(() => {
      expect(api.patches).toHaveLength(1);
    });
    slow.set(status('b'));
    await eventually(() => {
      expect(api.patches).toHaveLength(2);
    });
    expect(performance.now() - started).toBeGreaterThan(150);
  });

  it('tries until it is taken', async () => {
    let refusals = 3;
    api.intercept = (_asked, reply) => {
      if (refusals === 0) return false;
      refusals -= 1;
      sendStatus(reply, 403, 'Forbidden', 'another node’s object');
      return true;
    };
    writer.set(status('a'));
    await eventually(() => {
      expect(messages()).toEqual(['a']);
    });
    expect(failures).toEqual(Array(3).fill('the API server answers 403: another node’s object'));
  });

  it('gives up on an object that has gone, and tells a new one everything', async () => {
    api.intercept = (_asked, reply) => {
      sendStatus(reply, 404, 'NotFound', 'gone');
      return true;
    };
    writer.set(status('a'));
    await eventually(() => {
      expect(api.server.asked).toHaveLength(1);
    });
    api.intercept = () => false;
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    expect(api.patches).toEqual([]);
    writer.set(status('a'));
    await eventually(() => {
      expect(messages()).toEqual(['a']);
    });
    writer.forget();
    writer.set(status('a'));
    await eventually(() => {
      expect(messages()).toEqual(['a', 'a']);
    });
  });

  it('tells a new object what it was just telling the old one', async () => {
    let isFirst = true;
    api.intercept = (_asked, reply) => {
      if (!isFirst) return false;
      isFirst = false;
      writer.forget();
      writer.set(status('a'));
      sendJson(reply, {});
      return true;
    };
    writer.set(status('a'));
    await eventually(() => {
      expect(messages()).toEqual(['a']);
    });
    expect(api.server.asked).toHaveLength(2);
  });

  it('says the last news before it stops, and nothing after', async () => {
    const slow = make(60_000);
    slow.set(status('a'));
    await eventually(() => {
      expect(api.patches).toHaveLength(1);
    });
    slow.set(status('b'));
    await slow.stop(5000);
    expect(messages()).toEqual(['a', 'b']);
    slow.set(status('c'));
    await new Promise((resolve) => {
      setTimeout(resolve, 30);
    });
    expect(messages()).toEqual(['a', 'b']);
  });

  it('does not stop for ever when nobody answers', async () => {
    api.intercept = () => true;
    writer.set(status('a'));
    const started = performance.now();
    await writer.stop(100);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
