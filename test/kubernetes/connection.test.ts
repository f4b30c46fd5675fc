import { fork } from 'node:child_process';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KubernetesApi } from '../../src/kubernetes/api.ts';
import type { Connection } from '../../src/kubernetes/connection.ts';
import { NAMESPACES, SECRETS } from '../../src/kubernetes/resource.ts';
import type { StreamListener } from '../../src/kubernetes/stream.ts';
import { TestCa } from '../support/tls.ts';
import { ApiServer, eventually, sendJson, sendStatus, type Asked } from './api-server.ts';

const NAMESPACE = { metadata: { name: 'shop' } };

let server: ApiServer;
beforeEach(async () => {
  server = await ApiServer.start();
  server.answer = (_asked, reply) => {
    sendJson(reply, NAMESPACE);
  };
});
afterEach(async () => {
  await server.stop();
});

function apiOf(connection: Connection): KubernetesApi {
  return new KubernetesApi({ connection, fieldManager: 'test' });
}

/** A stream, and what it has told. */
function listen(connection: Connection, path = '/watch') {
  const told: { status?: number; text: string; end?: string | undefined; ended: boolean } = {
    text: '',
    ended: false,
  };
  const listener: StreamListener = {
    onHead: (status) => {
      told.status = status;
    },
    onData: (chunk) => {
      told.text += Buffer.from(chunk).toString();
    },
    onEnd: (broken) => {
      expect(told.ended).toBe(false);
      told.ended = true;
      told.end = broken;
    },
  };
  return { told, cancel: connection.stream({ path, headers: {} }, listener) };
}

/** A server that takes connections and never says a word. */
async function startSilent(): Promise<{ server: Server; url: string; stop: () => void }> {
  const sockets = new Set<{ destroy: () => void }>();
  const silent = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const stop = (): void => {
    silent.close();
    for (const socket of sockets) socket.destroy();
  };
  return { server: silent, url: `https://127.0.0.1:${(silent.address() as AddressInfo).port}`, stop };
}

describe('calls', () => {
  it('share a few connections', async () => {
    const api = apiOf(await server.connect());
    const results = await Promise.all(
      Array.from({ length: 100 }, () => api.get(NAMESPACES, { name: 'shop' })),
    );
    for (let i = 0; i < 20; i += 1) results.push(await api.get(NAMESPACES, { name: 'shop' }));
    expect(results.every(({ ok }) => ok)).toBe(true);
    expect(server.asked).toHaveLength(120);
    expect(server.connections).toBeLessThanOrEqual(4);
  });

  it('carry the credential and our name, and nothing else of the kubeconfig', async () => {
    await apiOf(await server.connect({ userAgent: 'registry-failover/1.2.3' })).get(NAMESPACES, {
      name: 'shop',
    });
    expect(server.asked[0]?.headers).toMatchObject({
      authorization: 'Bearer token-1',
      'user-agent': 'registry-failover/1.2.3',
    });
  });

  it('go to the path of a server that has one of its own', async () => {
    const kubeconfig = server.kubeconfig({ cluster: { server: `${server.url}/k8s/clusters/c-1` } });
    await apiOf(await server.connect({ kubeconfig })).get(NAMESPACES, { name: 'shop' });
    expect(server.asked[0]?.url.pathname).toBe('/k8s/clusters/c-1/api/v1/namespaces/shop');
  });

  it('use no API server whose certificate is not signed by the CA, whatever the environment says', async () => {
    const other = await TestCa.create('Other CA');
    const cluster = { 'certificate-authority-data': Buffer.from(other.pem).toString('base64') };
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    try {
      const connection = await server.connect({ kubeconfig: server.kubeconfig({ cluster }) });
      const { told } = listen(connection);
      expect(await apiOf(connection).get(NAMESPACES, { name: 'shop' })).toMatchObject({
        ok: false,
        error: { kind: 'unreachable', message: expect.stringMatching(/certificate/) },
      });
      await eventually(() => {
        expect(told.end).toMatch(/certificate/);
      });
      expect(server.asked).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it('come back in time from a server that does not answer', async () => {
    server.answer = () => undefined;
    const began = performance.now();
    const result = await apiOf(await server.connect()).get(NAMESPACES, { name: 'shop' }, { timeoutMs: 200 });
    expect(result).toMatchObject({ ok: false, error: { kind: 'unreachable', status: undefined } });
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it('come back in time when nobody finishes the handshake, and are not sent when somebody does', async () => {
    const held: Socket[] = [];
    const pass = (socket: Socket): void => {
      const to = connect(server.port, '127.0.0.1').on('error', () => undefined);
      socket.pipe(to).pipe(socket);
    };
    let isOpen = false;
    const relay = createServer((socket) => {
      socket.on('error', () => undefined);
      if (isOpen) pass(socket);
      else held.push(socket.pause());
    });
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
    const { port } = relay.address() as AddressInfo;
    const kubeconfig = server.kubeconfig({ cluster: { server: `https://127.0.0.1:${port}` } });
    const api = apiOf(await server.connect({ kubeconfig, timing: { dialMs: 15_000 } }));
    const began = performance.now();
    const writes = Array.from({ length: 10 }, (_, index) =>
      api.create(NAMESPACES, { metadata: { name: `n${index}` } }, { timeoutMs: 200 }),
    );
    for (const write of await Promise.all(writes))
      expect(write).toMatchObject({ error: { kind: 'unreachable' } });
    expect(performance.now() - began).toBeLessThan(5000);
    isOpen = true;
    for (const socket of held) pass(socket);
    await eventually(async () => {
      expect((await api.get(NAMESPACES, { name: 'shop' })).ok).toBe(true);
    });
    expect(server.asked.map(({ method }) => method)).not.toContain('POST');
    relay.close();
  });

  it('read no more than the cap', async () => {
    server.answer = (_asked, reply) => {
      sendJson(reply, { metadata: { name: 'shop' }, data: 'x'.repeat(5 * 1024 * 1024) });
    };
    const result = await apiOf(await server.connect()).get(SECRETS, { namespace: 'shop', name: 'big' });
    expect(result).toMatchObject({ ok: false, error: { kind: 'unreachable', message: /longer than/ } });
  });

  it('follow no redirect', async () => {
    server.answer = (_asked, reply) => {
      reply.writeHead(302, { location: `${server.url}/elsewhere` });
      reply.end();
    };
    const result = await apiOf(await server.connect()).get(NAMESPACES, { name: 'shop' });
    expect(result).toMatchObject({ ok: false, error: { kind: 'refused', status: 302 } });
    expect(server.asked).toHaveLength(1);
  });

  /** Answers the first on a connection, and cuts the second before a byte of an answer. */
  function cutSecond(): void {
    let count = 0;
    server.answer = (_asked, reply) => {
      count += 1;
      if (count === 2) server.cut();
      else sendJson(reply, NAMESPACE);
    };
  }

  it('ask again when a used connection broke under a question', async () => {
    cutSecond();
    const api = apiOf(await server.connect());
    await api.get(NAMESPACES, { name: 'shop' });
    expect((await api.get(NAMESPACES, { name: 'shop' })).ok).toBe(true);
    expect(server.asked).toHaveLength(3);
  });

  it('never write twice: when a connection broke under a write, nobody knows', async () => {
    cutSecond();
    const api = apiOf(await server.connect());
    await api.get(NAMESPACES, { name: 'shop' });
    expect(await api.create(NAMESPACES, NAMESPACE)).toMatchObject({ error: { kind: 'unreachable' } });
    expect(server.asked).toHaveLength(2);
  });

  it('are refused after the connection was closed', async () => {
    const connection = await server.connect();
    await apiOf(connection).get(NAMESPACES, { name: 'shop' });
    connection.close();
    expect(await apiOf(connection).get(NAMESPACES, { name: 'shop' })).toMatchObject({
      error: { kind: 'unreachable', message: 'the connection was closed' },
    });
  });
});

describe('the credential', () => {
  function tokenOf(asked: Asked | undefined): unknown {
    return asked?.headers['authorization'];
  }

  it('is read again from its file when the API server does not know it any more, for a write too', async () => {
    const tokenFile = server.file('token', 'old\n');
    const user = { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } };
    const api = apiOf(await server.connect({ kubeconfig: server.kubeconfig({ user }) }));
    expect((await api.get(NAMESPACES, { name: 'shop' })).ok).toBe(true);
    writeFileSync(tokenFile, 'new\n');
    server.answer = (asked, reply) => {
      if (tokenOf(asked) === 'Bearer new') sendJson(reply, NAMESPACE);
      else sendStatus(reply, 401, 'Unauthorized', 'Unauthorized');
    };
    expect((await api.create(NAMESPACES, NAMESPACE)).ok).toBe(true);
    expect(server.asked.map(tokenOf)).toEqual(['Bearer old', 'Bearer old', 'Bearer new']);
  });

  it('is asked for once only when it stays refused', async () => {
    server.answer = (_asked, reply) => {
      sendStatus(reply, 401, 'Unauthorized', 'Unauthorized');
    };
    const result = await apiOf(await server.connect()).get(NAMESPACES, { name: 'shop' });
    expect(result).toMatchObject({ error: { kind: 'unauthorized', status: 401 } });
    expect(server.asked).toHaveLength(2);
  });

  it('is read again after a refused stream', async () => {
    const kubeconfig = server.kubeconfig();
    const connection = await server.connect({ kubeconfig });
    server.answer = (asked, reply) => {
      if (tokenOf(asked) === 'Bearer token-2') sendJson(reply, {});
      else sendStatus(reply, 401, 'Unauthorized', 'Unauthorized');
    };
    server.kubeconfig({ user: { token: 'token-2' } });
    const first = listen(connection);
    await eventually(() => {
      expect(first.told).toMatchObject({ status: 401, ended: true });
    });
    const second = listen(connection);
    await eventually(() => {
      expect(second.told.status).toBe(200);
    });
  });

  it('comes from a plugin', async () => {
    const script = `console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token: 'from-plugin' } }))`;
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', script],
    };
    const api = apiOf(await server.connect({ kubeconfig: server.kubeconfig({ user: { exec } }) }));
    expect((await api.get(NAMESPACES, { name: 'shop' })).ok).toBe(true);
    expect(tokenOf(server.asked[0])).toBe('Bearer from-plugin');
  });

  it.each([
    ['fails', 'process.stderr.write("log in first"); process.exit(1)', 'log in first'],
    ['prints no JSON', 'console.log("s3cr3t")', 'printed no JSON'],
  ])('is missing, and the failure says why, when a plugin %s', async (_what, script, message) => {
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: process.execPath,
      args: ['-e', script],
    };
    const api = apiOf(await server.connect({ kubeconfig: server.kubeconfig({ user: { exec } }) }));
    const result = await api.get(NAMESPACES, { name: 'shop' });
    expect(result).toMatchObject({
      error: { kind: 'unauthorized', message: expect.stringContaining(message) },
    });
    expect(JSON.stringify(result)).not.toContain('s3cr3t');
    expect(server.asked).toEqual([]);
  });

  it('is a certificate that rotates: new calls use new connections, what is under way ends on the old ones', async () => {
    const ca = await TestCa.create('client CA');
    const write = async (): Promise<void> => {
      const { certPem, keyPem } = await ca.issue({ names: ['me'] });
      server.file('client.crt', certPem);
      server.file('client.key', keyPem);
    };
    await write();
    const user = { 'client-certificate': 'client.crt', 'client-key': 'client.key' };
    const connection = await server.connect({ kubeconfig: server.kubeconfig({ user }) });
    const api = apiOf(connection);
    const finish: (() => void)[] = [];
    server.answer = ({ url }, reply) => {
      if (url.pathname === '/watch') reply.write('{}\n');
      else if (url.pathname.endsWith('/slow'))
        finish.push(() => {
          sendJson(reply, NAMESPACE);
        });
      else if (url.pathname.endsWith('/unknown')) sendStatus(reply, 401, 'Unauthorized', '');
      else sendJson(reply, NAMESPACE);
    };
    const { told } = listen(connection);
    const slow = api.get(NAMESPACES, { name: 'slow' });
    await eventually(() => {
      expect(finish).toHaveLength(1);
      expect(told.text).toBe('{}\n');
    });
    const old = new Set(server.sockets);
    expect(old.size).toBe(2);
    await write();
    await api.get(NAMESPACES, { name: 'unknown' }); // makes it look at the files
    expect((await api.get(NAMESPACES, { name: 'shop' })).ok).toBe(true);
    const certificates = server.asked.map(({ certificate }) => certificate);
    expect(new Set(certificates).size).toBe(2);
    expect(certificates[0]).toBe(certificates[1]);
    expect(certificates.at(-1)).not.toBe(certificates[0]);
    finish[0]?.();
    expect((await slow).ok).toBe(true);
    expect(told.ended).toBe(false);
    await eventually(() => {
      expect([...old].filter((socket) => server.sockets.has(socket))).toHaveLength(1); // the watch's
    });
  });

  it('stays the last good one while its files are half written', async () => {
    const ca = await TestCa.create('client CA');
    const { certPem, keyPem } = await ca.issue({ names: ['me'] });
    const user = { 'client-certificate': 'client.crt', 'client-key': 'client.key' };
    server.file('client.crt', certPem);
    const keyFile = server.file('client.key', keyPem);
    const api = apiOf(await server.connect({ kubeconfig: server.kubeconfig({ user }) }));
    expect((await api.get(NAMESPACES, { name: 'shop' })).ok).toBe(true);
    writeFileSync(keyFile, keyPem.slice(0, 40));
    server.answer = ({ url }, reply) => {
      if (url.pathname.endsWith('/unknown')) sendStatus(reply, 401, 'Unauthorized', '');
      else sendJson(reply, NAMESPACE);
    };
    await api.get(NAMESPACES, { name: 'unknown' });
    expect((await api.get(NAMESPACES, { name: 'shop' })).ok).toBe(true);
  });
});

describe('streams', () => {
  /** Answers each stream with a line, and leaves it open. */
  function stayOpen(): void {
    server.answer = (_asked, reply) => {
      reply.writeHead(200);
      reply.write('hello\n');
    };
  }

  it('share connections, as many as the server’s limit makes necessary', async () => {
    stayOpen();
    const connection = await server.connect();
    const streams = Array.from({ length: 250 }, () => listen(connection));
    await eventually(() => {
      expect(streams.every(({ told }) => told.text === 'hello\n')).toBe(true);
    });
    expect(server.connections).toBe(3);
    expect(server.asked.every(({ httpVersion }) => httpVersion === '2.0')).toBe(true);
    for (const { cancel } of streams.slice(0, 50)) cancel();
    const more = Array.from({ length: 20 }, () => listen(connection));
    await eventually(() => {
      expect(more.every(({ told }) => told.text === 'hello\n')).toBe(true);
    });
    expect(server.connections).toBe(3);
  });

  it('fall back to HTTP/1.1 where the server speaks nothing else', async () => {
    const old = await ApiServer.start({ onlyHttp1: true });
    try {
      old.answer = (_asked, reply) => {
        reply.writeHead(200);
        reply.write('hello\n');
      };
      const connection = await old.connect();
      const streams = Array.from({ length: 20 }, () => listen(connection));
      await eventually(() => {
        expect(streams.every(({ told }) => told.text === 'hello\n')).toBe(true);
      });
      expect(old.asked.every(({ httpVersion }) => httpVersion === '1.1')).toBe(true);
      streams[0]?.cancel();
      old.cut();
      await eventually(() => {
        expect(streams.slice(1).every(({ told }) => told.ended && told.end !== undefined)).toBe(true);
      });
      expect(streams[0]?.told.ended).toBe(false);
    } finally {
      await old.stop();
    }
  });

  it('end in good order when the server ends them, and broken when it is cut off', async () => {
    stayOpen();
    const connection = await server.connect();
    const cut = listen(connection, '/cut');
    await eventually(() => {
      expect(cut.told.text).toBe('hello\n');
    });
    server.cut();
    await eventually(() => {
      expect(cut.told.ended).toBe(true);
    });
    expect(cut.told.end).toBeTypeOf('string');
    server.answer = (_asked, reply) => {
      reply.end('bye\n');
    };
    const ended = listen(connection, '/ended');
    await eventually(() => {
      expect(ended.told).toEqual({ status: 200, text: 'bye\n', ended: true, end: undefined });
    });
  });

  it('end when the server is there but does not answer pings', async () => {
    const child = `
      import { createServer } from 'node:net';
      const relay = createServer(async (from) => {
        const { connect } = await import('node:net');
        const to = connect(${server.port}, '127.0.0.1');
        from.pipe(to).pipe(from);
        from.on('error', () => {}); to.on('error', () => {});
        process.once('SIGUSR1', () => { from.unpipe(); to.unpipe(); from.pause(); to.pause(); process.send?.('silent'); });
      });
      relay.listen(0, '127.0.0.1', () => process.send?.(relay.address().port));
    `;
    const script = server.file('relay.mjs', child);
    const relay = fork(script, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    try {
      const port = await new Promise((resolve) => relay.once('message', resolve));
      stayOpen();
      const kubeconfig = server.kubeconfig({ cluster: { server: `https://127.0.0.1:${String(port)}` } });
      const connection = await server.connect({ kubeconfig, timing: { pingMs: 100, pingGraceMs: 150 } });
      const { told } = listen(connection);
      await eventually(() => {
        expect(told.text).toBe('hello\n');
      });
      await new Promise((resolve) => setTimeout(resolve, 400)); // several pings are answered
      expect(told.ended).toBe(false);
      const silent = new Promise((resolve) => relay.once('message', resolve));
      relay.kill('SIGUSR1');
      await silent;
      await eventually(() => {
        expect(told.end).toMatch(/ping/);
      });
    } finally {
      relay.kill('SIGKILL');
    }
  });

  it('are told when nobody can be dialled', async () => {
    const silent = await startSilent();
    const kubeconfig = server.kubeconfig({ cluster: { server: silent.url } });
    const connection = await server.connect({ kubeconfig, timing: { dialMs: 200 } });
    const { told } = listen(connection);
    await eventually(() => {
      expect(told.end).toMatch(/no TLS connection .* within 200 ms/);
    });
    silent.stop();
    const refused = listen(connection);
    await eventually(() => {
      expect(refused.told.end).toMatch(/ECONNREFUSED/);
    });
  });

  it('leave no connection behind', async () => {
    stayOpen();
    const connection = await server.connect({ timing: { idleMs: 50 } });
    const { told, cancel } = listen(connection);
    await eventually(() => {
      expect(told.text).toBe('hello\n');
    });
    cancel();
    await eventually(() => {
      expect(server.sockets.size).toBe(0);
    });
    const again = listen(connection);
    await eventually(() => {
      expect(again.told.text).toBe('hello\n');
    });
    connection.close();
    await eventually(() => {
      expect(server.sockets.size).toBe(0);
    });
    expect(again.told.ended).toBe(true);
  });
});
