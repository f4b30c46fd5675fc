import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer, getCACertificates, setDefaultCACertificates, type TlsOptions } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { createHandshake } from '../../src/agent/handshake.ts';
import type { WantedSource } from '../../src/nodes/data/wanted.ts';
import { TestCa, testCa } from '../support/tls.ts';

const closing: (() => void)[] = [];

function source(endpoint: string, caPem = ''): WantedSource {
  return { endpoint, role: 'Mirror', auth: 'None', caPem };
}

function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

describe('createHandshake', () => {
  const handshake = createHandshake(10_000);

  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  async function tls(names: readonly string[], options: TlsOptions = {}): Promise<number> {
    const { keyPem, certPem } = await (await testCa()).issue({ names });
    return listen(createServer({ key: keyPem, cert: certPem, ...options }));
  }

  it('answers with the CA of the source, by address', async () => {
    const port = await tls(['127.0.0.1']);
    expect(await handshake(source(`127.0.0.1:${port}/ocir`, (await testCa()).pem))).toBeUndefined();
  });

  it('names the host that it wants (SNI)', async () => {
    const asked: string[] = [];
    const port = await tls(['localhost'], {
      SNICallback: (name, done) => {
        asked.push(name);
        done(null);
      },
    });
    expect(await handshake(source(`localhost:${port}`, (await testCa()).pem))).toBeUndefined();
    expect(asked).toEqual(['localhost']);
  });

  it('takes the default authorities too where the source has a CA of its own', async () => {
    const port = await tls(['127.0.0.1']);
    const other = (await TestCa.create()).pem;
    const before = getCACertificates('default');
    expect(await handshake(source(`127.0.0.1:${port}`, other))).toMatch(/certificate/);
    setDefaultCACertificates([...before, (await testCa()).pem]);
    try {
      expect(await handshake(source(`127.0.0.1:${port}`, other))).toBeUndefined();
      expect(await handshake(source(`127.0.0.1:${port}`))).toBeUndefined();
    } finally {
      setDefaultCACertificates(before);
    }
  });

  it('does not take a CA that it was not given', async () => {
    const port = await tls(['127.0.0.1']);
    expect(await handshake(source(`127.0.0.1:${port}`))).toMatch(/certificate/);
    const another = (await TestCa.create('another')).pem;
    expect(await handshake(source(`127.0.0.1:${port}`, another))).toMatch(/certificate/);
  });

  it('does not take another name', async () => {
    const port = await tls(['registry.example']);
    expect(await handshake(source(`127.0.0.1:${port}`, (await testCa()).pem))).toMatch(/altnames|IP:/i);
  });

  it('does not take a certificate that has ended', async () => {
    const ca = await testCa();
    const { keyPem, certPem } = await ca.issueExpired(['127.0.0.1']);
    const port = await listen(createServer({ key: keyPem, cert: certPem }));
    expect(await handshake(source(`127.0.0.1:${port}`, ca.pem))).toMatch(/expired/);
  });

  it('gives up on a host that takes the connection and is silent', async () => {
    const port = await listen(createTcpServer());
    const started = performance.now();
    expect(await createHandshake(150)(source(`127.0.0.1:${port}`))).toBe('no answer within 150 ms');
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it.each([
    ['speaks no TLS', (socket: Socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['cuts', (socket: Socket) => socket.destroy()],
  ])('says why when the host %s', async (_name, answer) => {
    const port = await listen(createTcpServer(answer));
    expect(await handshake(source(`127.0.0.1:${port}`))).toEqual(expect.any(String));
  });

  it('says why when nobody listens', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    server.close();
    expect(await handshake(source(`127.0.0.1:${port}`))).toContain('ECONNREFUSED');
  });

  it.each(['', 'no endpoint', 'https://reg.example'])(
    'says why for %j, which is no endpoint',
    async (text) => {
      expect(await handshake(source(text))).toEqual(expect.any(String));
    },
  );

  it('says why when the CA cannot be read', async () => {
    const pem = '-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n';
    const port = await tls(['127.0.0.1']);
    expect(await handshake(source(`127.0.0.1:${port}`, pem))).toEqual(expect.any(String));
  });
});
