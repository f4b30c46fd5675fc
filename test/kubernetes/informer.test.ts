import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KubernetesApi } from '../../src/kubernetes/api.ts';
import type { Informer, InformerOptions, ObjectChange } from '../../src/kubernetes/cluster-api.ts';
import type { InformerEvent } from '../../src/kubernetes/informer-event.ts';
import { KubernetesInformers } from '../../src/kubernetes/informers.ts';
import { SECRETS, type KubeObject } from '../../src/kubernetes/resource.ts';
import { ApiServer, eventually, sendJson, sendStatus, type Asked, type Reply } from './api-server.ts';

interface Kept {
  readonly version: string;
  readonly text: string;
}

/** Secrets of an API server that forgets its history when told to. */
class Secrets {
  readonly server: ApiServer;
  readonly objects = new Map<string, KubeObject>();
  readonly watches = new Set<Reply>();
  version = 10;
  /** Runs instead of the next answers, first come first served. */
  readonly faults: { kind: 'list' | 'watch'; answer: (asked: Asked, reply: Reply) => void }[] = [];

  constructor(server: ApiServer) {
    this.server = server;
    server.answer = (asked, reply) => {
      const kind = asked.url.searchParams.get('watch') === 'true' ? 'watch' : 'list';
      const index = this.faults.findIndex((fault) => fault.kind === kind);
      const [fault] = index === -1 ? [] : this.faults.splice(index, 1);
      if (fault) fault.answer(asked, reply);
      else if (kind === 'watch') this.open(reply);
      else this.list(reply);
    };
  }

  list(reply: Reply): void {
    sendJson(reply, {
      metadata: { resourceVersion: String(this.version) },
      items: [...this.objects.values()],
    });
  }

  open(reply: Reply): void {
    reply.writeHead(200, { 'content-type': 'application/json' });
    reply.write('');
    this.watches.add(reply);
    reply.once('close', () => this.watches.delete(reply));
  }

  /** A change that nobody is told of. */
  set(name: string, text: string): KubeObject {
    this.version += 1;
    const metadata = { namespace: 'shop', name, resourceVersion: String(this.version) };
    const object = { metadata, text };
    this.objects.set(name, object);
    return object;
  }

  /** A change, told to every watch. */
  put(name: string, text: string): void {
    const type = this.objects.has(name) ? 'MODIFIED' : 'ADDED';
    this.send({ type, object: this.set(name, text) });
  }

  remove(name: string): void {
    const object = this.objects.get(name)!;
    this.objects.delete(name);
    this.version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.version) };
    this.send({ type: 'DELETED', object: { ...object, metadata } });
  }

  send(event: unknown): void {
    for (const watch of this.watches) watch.write(`${JSON.stringify(event)}\n`);
  }

  asked(kind: 'list' | 'watch'): readonly Asked[] {
    return this.server.asked.filter(({ url }) => url.searchParams.has('watch') === (kind === 'watch'));
  }
}

let server: ApiServer;
let secrets: Secrets;
let informers: KubernetesInformers;
let events: InformerEvent[];
const opened: Informer<unknown>[] = [];

beforeEach(async () => {
  server = await ApiServer.start();
  secrets = new Secrets(server);
  events = [];
  const connection = await server.connect();
  informers = new KubernetesInformers({
    api: new KubernetesApi({ connection, fieldManager: 'test' }),
    connection,
    log: (event) => events.push(event),
    // Below any dice: waits of a tenth, so that the tests need not sit through them.
    random: () => -0.9,
  });
});
afterEach(async () => {
  for (const informer of opened.splice(0)) informer.close();
  await server.stop();
});

function watch(
  over: Partial<InformerOptions<Kept>> = {},
): Informer<Kept> & { changes: ObjectChange<Kept>[] } {
  const informer = informers.watch<Kept>({
    type: SECRETS,
    scope: { namespace: 'shop' },
    keep: ({ metadata, text }) => ({ version: metadata.resourceVersion ?? '', text: String(text) }),
    ...over,
  });
  opened.push(informer);
  const changes: ObjectChange<Kept>[] = [];
  informer.onChange((change) => changes.push(change));
  return Object.assign(informer, { changes });
}

/** In sync, with the watch open at the server. */
async function settled<T>(informer: Informer<T>): Promise<void> {
  await informer.synced;
  await eventually(() => {
    expect(secrets.watches.size).toBe(1);
  });
}

function textsOf({ items }: Informer<Kept>): Record<string, string> {
  return Object.fromEntries([...items].map(([key, { text }]) => [key, text]));
}

function keepsSaying(informer: Informer<Kept>, texts: Record<string, string>): Promise<void> {
  return eventually(() => {
    expect(textsOf(informer)).toEqual(texts);
  });
}

describe('an informer', () => {
  it('lists, then watches from there', async () => {
    secrets.set('a', '1');
    const informer = watch({ scope: { namespace: 'shop', fieldSelector: 'type!=x', metadataOnly: true } });
    expect(informer.isSynced).toBe(false);
    await settled(informer);
    expect(informer.isSynced).toBe(true);
    expect(textsOf(informer)).toEqual({ 'shop/a': '1' });
    const [asked] = secrets.asked('watch');
    const query = Object.fromEntries(asked!.url.searchParams);
    expect(query).toEqual({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '11',
      timeoutSeconds: '30',
      fieldSelector: 'type!=x',
    });
    expect(asked?.headers['accept']).toBe('application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1');
  });

  it('follows what is made, changed and removed, and tells of each', async () => {
    secrets.set('a', '1');
    const informer = watch();
    await settled(informer);
    secrets.put('b', '1');
    secrets.put('a', '2');
    secrets.remove('b');
    await keepsSaying(informer, { 'shop/a': '2' });
    const told = informer.changes.map(({ key, before, after }) => [key, before?.text, after?.text]);
    expect(told).toEqual([
      ['shop/a', undefined, '1'],
      ['shop/b', undefined, '1'],
      ['shop/a', '1', '2'],
      ['shop/b', '1', undefined],
    ]);
  });

  it('keeps nothing of what keep does not want, and lets go what it wants no more', async () => {
    secrets.set('a', 'no');
    secrets.set('b', 'yes');
    const informer = watch({
      keep: ({ text }) => (text === 'yes' ? { version: '', text: 'yes' } : undefined),
    });
    await settled(informer);
    expect(textsOf(informer)).toEqual({ 'shop/b': 'yes' });
    secrets.put('b', 'no');
    secrets.put('a', 'yes');
    await keepsSaying(informer, { 'shop/a': 'yes' });
    secrets.remove('b');
    secrets.remove('a');
    await keepsSaying(informer, {});
    expect(informer.changes.map(({ key, after }) => [key, after?.text])).toEqual([
      ['shop/b', 'yes'],
      ['shop/b', undefined],
      ['shop/a', 'yes'],
      ['shop/a', undefined],
    ]);
  });

  it('reads events cut anywhere, in a character too', async () => {
    const informer = watch();
    await settled(informer);
    const object = secrets.set('a', 'grüße 🚢');
    const bytes = Buffer.from(`${JSON.stringify({ type: 'ADDED', object })}\n`);
    const [reply] = secrets.watches;
    for (const byte of bytes) {
      reply?.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await keepsSaying(informer, { 'shop/a': 'grüße 🚢' });
    expect(events.filter(({ event }) => event === 'broken')).toEqual([]);
  });

  it('goes on from the last version when the watch ends, a bookmark’s too', async () => {
    const informer = watch();
    await settled(informer);
    secrets.put('a', '1');
    await keepsSaying(informer, { 'shop/a': '1' });
    secrets.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '77' } } });
    for (const reply of secrets.watches) reply.end();
    await eventually(() => {
      expect(secrets.asked('watch')[1]?.url.searchParams.get('resourceVersion')).toBe('77');
    });
    expect(secrets.asked('list')).toHaveLength(1);
    expect(informer.staleSince).toBeUndefined();
  });

  it('goes on after the connection was cut in the middle of an event, and says how long it heard nothing', async () => {
    const informer = watch();
    await settled(informer);
    secrets.put('a', '1');
    await keepsSaying(informer, { 'shop/a': '1' });
    for (const reply of secrets.watches) reply.write('{"type":"MODIFIED","object":{"metadata":{"na');
    let stale: number | undefined;
    secrets.faults.push({
      kind: 'watch',
      answer: (_asked, reply) => {
        stale = informer.staleSince;
        secrets.open(reply);
      },
    });
    server.cut();
    await eventually(() => {
      expect(stale).toBeTypeOf('number');
      expect(informer.staleSince).toBeUndefined();
    });
    secrets.put('a', '2');
    await keepsSaying(informer, { 'shop/a': '2' });
    expect(secrets.asked('watch')[1]?.url.searchParams.get('resourceVersion')).toBe('11');
    expect(secrets.asked('list')).toHaveLength(1);
    expect(events.map(({ event }) => event)).toEqual(['synced', 'broken', 'healed']);
  });

  it.each([
    [
      'as an event',
      (reply: Reply) => reply.end(`${JSON.stringify({ type: 'ERROR', object: { code: 410 } })}\n`),
    ],
    [
      'as an answer',
      (reply: Reply) => {
        sendStatus(reply, 410, 'Expired', 'too old');
      },
    ],
  ])(
    'lists again when its version is too old, told %s, and makes up for what it missed',
    async (_what, say) => {
      secrets.set('stays', '1');
      secrets.set('changes', '1');
      secrets.set('goes', '1');
      const informer = watch();
      await settled(informer);
      informer.changes.length = 0;
      secrets.set('changes', '2');
      secrets.set('comes', '1');
      secrets.objects.delete('goes');
      secrets.faults.push({
        kind: 'watch',
        answer: (_asked, reply) => {
          say(reply);
        },
      });
      for (const reply of secrets.watches) reply.end();
      await keepsSaying(informer, { 'shop/stays': '1', 'shop/changes': '2', 'shop/comes': '1' });
      await eventually(() => {
        expect(informer.changes.map(({ key, before, after }) => [key, before?.text, after?.text])).toEqual([
          ['shop/changes', '1', '2'],
          ['shop/comes', undefined, '1'],
          ['shop/goes', '1', undefined],
        ]);
      });
      expect(informer.isSynced).toBe(true);
      await eventually(() => {
        expect(secrets.asked('watch').at(-1)?.url.searchParams.get('resourceVersion')).toBe('15');
      });
    },
  );

  it.each([
    ['an event that makes no sense', (reply: Reply) => reply.write('{"type":"ADDED"}\n')],
    ['a line without an end', (reply: Reply) => reply.write('x'.repeat(9 * 1024 * 1024))],
  ])('lists again after %s, since nobody knows what it was', async (_what, say) => {
    const informer = watch();
    await settled(informer);
    secrets.set('a', '1');
    for (const reply of secrets.watches) say(reply);
    await keepsSaying(informer, { 'shop/a': '1' });
    await eventually(() => {
      expect(informer.staleSince).toBeUndefined();
    });
  });

  it.each([
    ['500', (reply: Reply) => sendStatus(reply, 500, 'InternalError', 'oops'), 'server-error'],
    ['429', (reply: Reply) => sendStatus(reply, 429, 'TooManyRequests', 'slow'), 'throttled'],
    ['403', (reply: Reply) => sendStatus(reply, 403, 'Forbidden', 'not yet'), 'forbidden'],
    ['404', (reply: Reply) => sendStatus(reply, 404, 'NotFound', 'no such kind'), 'not-found'],
    ['a page', (reply: Reply) => void reply.end('<html>'), 'server-error'],
    ['a cut', () => server.cut(), 'unreachable'],
  ])('is not stopped by %s to its list', async (_what, answer, kind) => {
    secrets.set('a', '1');
    // A question whose connection broke is asked again at once, so both have to break.
    const times = kind === 'unreachable' ? 4 : 2;
    for (let i = 0; i < times; i += 1) {
      secrets.faults.push({
        kind: 'list',
        answer: (_asked, reply) => {
          answer(reply);
        },
      });
    }
    const informer = watch();
    await settled(informer);
    expect(textsOf(informer)).toEqual({ 'shop/a': '1' });
    await eventually(() => {
      expect(events.map((event) => (event.event === 'broken' ? event.kind : event.event))).toEqual([
        kind,
        kind,
        'synced',
        'healed',
      ]);
    });
  });

  it('does not carry the waits of an outage over to what follows it', async () => {
    const informer = watch();
    await settled(informer);
    for (let i = 0; i < 3; i += 1) secrets.faults.push({ kind: 'watch', answer: () => server.cut() });
    secrets.faults.push({
      kind: 'watch',
      answer: (_asked, reply) => {
        sendStatus(reply, 410, 'Expired', 'too old');
      },
    });
    server.cut();
    await eventually(() => {
      expect(events.at(-1)?.event).toBe('healed');
    });
    const waits = events.flatMap((event) =>
      event.event === 'broken' ? [[event.kind, Math.round(event.retryMs)]] : [],
    );
    expect(waits).toEqual([
      ['unreachable', 25],
      ['unreachable', 50],
      ['unreachable', 100],
      ['unreachable', 200],
      ['expired', 25],
    ]);
  });

  it('goes on when a listener throws, and the other listeners are told all the same', async () => {
    const informer = watch();
    const thrown = new Error('listener');
    const others: string[] = [];
    informer.onChange(() => {
      throw thrown;
    });
    const off = informer.onChange(({ key }) => others.push(key));
    await settled(informer);
    secrets.put('a', '1');
    secrets.put('b', '1');
    await keepsSaying(informer, { 'shop/a': '1', 'shop/b': '1' });
    expect(others).toEqual(['shop/a', 'shop/b']);
    expect(events).toContainEqual({
      event: 'listener-threw',
      what: 'secrets in shop',
      key: 'shop/a',
      error: thrown,
    });
    off();
    secrets.put('c', '1');
    await eventually(() => {
      expect(informer.changes).toHaveLength(3);
    });
    expect(others).toHaveLength(2);
  });

  it('goes on when keep throws, with what it kept of the object before', async () => {
    const informer = watch({
      keep: ({ text }) => {
        if (text === 'bad') throw new Error('keep');
        return { version: '', text: String(text) };
      },
    });
    await settled(informer);
    secrets.put('a', 'good');
    secrets.put('a', 'bad');
    secrets.put('b', 'bad');
    secrets.put('c', 'good');
    await keepsSaying(informer, { 'shop/a': 'good', 'shop/c': 'good' });
    expect(events.filter(({ event }) => event === 'keep-threw')).toMatchObject([
      { key: 'shop/a' },
      { key: 'shop/b' },
    ]);
  });

  it('says nothing more once closed, and leaves no watch behind', async () => {
    const informer = watch();
    await settled(informer);
    informer.close();
    await eventually(() => {
      expect(secrets.watches.size).toBe(0);
    });
    const asked = server.asked.length;
    secrets.put('a', '1');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(informer.changes).toEqual([]);
    expect(server.asked).toHaveLength(asked);
  });

  it('never syncs when closed before', async () => {
    let isSynced = false;
    const informer = watch();
    void informer.synced.then(() => {
      isSynced = true;
    });
    informer.close();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(isSynced).toBe(false);
    expect(secrets.asked('watch')).toEqual([]);
  });
});

describe('many informers', () => {
  it('list two at a time, and watch over one connection', async () => {
    let busy = 0;
    let most = 0;
    for (let i = 0; i < 50; i += 1) {
      secrets.faults.push({
        kind: 'list',
        answer: (_asked, reply) => {
          busy += 1;
          most = Math.max(most, busy);
          setTimeout(() => {
            busy -= 1;
            secrets.list(reply);
          }, 2);
        },
      });
    }
    const all = Array.from({ length: 50 }, () => watch());
    await Promise.all(all.map(({ synced }) => synced));
    await eventually(() => {
      expect(secrets.watches.size).toBe(50);
    });
    expect(most).toBe(2);
    expect(server.connections).toBeLessThanOrEqual(5);
  });
});
