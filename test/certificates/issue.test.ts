// Certificates we issue, judged by OpenSSL's rules: the parser and the TLS stack of Node, and a real handshake.
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { describe, expect, it } from 'vitest';
import { issueCa, issueServing, validFor, type CertificateAndKey } from '../../src/certificates/issue.ts';

const now = new Date('2026-11-21T12:00:00Z');
const today = (): ReturnType<typeof validFor> => validFor(1, new Date());

async function issuePair(names: readonly string[], validity = today()) {
  const ca = await issueCa({ name: 'test CA', validity: today() });
  return { ca, serving: await issueServing(ca, { names, validity }) };
}

/** Shakes hands over loopback; gives the error's code, or `ok`. */
async function shakeHands(serving: CertificateAndKey, ca: string, servername: string): Promise<string> {
  const server = tls.createServer({ cert: serving.certificatePem, key: serving.keyPem });
  server.on('tlsClientError', () => undefined);
  server.on('secureConnection', (socket) => socket.on('error', () => undefined));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  // An address goes into no SNI; OpenSSL then compares the host that was dialled.
  const name = servername === '127.0.0.1' ? {} : { servername };
  const socket = tls.connect({ host: '127.0.0.1', port, ca, ...name });
  const answer = await new Promise<string>((resolve) => {
    socket.once('secureConnect', () => resolve('ok'));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  socket.destroy();
  server.close();
  return answer;
}

describe('issueServing', () => {
  it('makes a certificate that a client with the CA accepts by name and by address', async () => {
    const { ca, serving } = await issuePair(['webhook.ns.svc', '127.0.0.1']);
    expect(await shakeHands(serving, ca.certificatePem, 'webhook.ns.svc')).toBe('ok');
    expect(await shakeHands(serving, ca.certificatePem, '127.0.0.1')).toBe('ok');
  });

  it('is refused under a name it was not issued for', async () => {
    const { ca, serving } = await issuePair(['webhook.ns.svc']);
    expect(await shakeHands(serving, ca.certificatePem, 'other.ns.svc')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(await shakeHands(serving, ca.certificatePem, '127.0.0.1')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  it('is refused under another CA of the same name', async () => {
    const { serving } = await issuePair(['webhook.ns.svc']);
    const other = await issueCa({ name: 'test CA', validity: today() });
    expect(await shakeHands(serving, other.certificatePem, 'webhook.ns.svc')).not.toBe('ok');
  });

  it('is refused after its time', async () => {
    const past = validFor(1, new Date(Date.now() - 3 * 86_400_000));
    const { ca, serving } = await issuePair(['webhook.ns.svc'], past);
    expect(await shakeHands(serving, ca.certificatePem, 'webhook.ns.svc')).toBe('CERT_HAS_EXPIRED');
  });

  it('carries names, usages and no right to sign', async () => {
    const { ca, serving } = await issuePair(['a.example', '*.b.example', '127.0.0.2', '::1']);
    const read = new X509Certificate(serving.certificatePem);
    expect(read.subjectAltName).toBe(
      'DNS:a.example, DNS:*.b.example, IP Address:127.0.0.2, IP Address:0:0:0:0:0:0:0:1',
    );
    // Node calls the extended usages so.
    expect(read.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(read.ca).toBe(false);
    expect(read.verify(new X509Certificate(ca.certificatePem).publicKey)).toBe(true);
  });

  it('says which CA signed it, by key', async () => {
    const { ca, serving } = await issuePair(['a.example']);
    const authority = new X509Certificate(ca.certificatePem);
    expect(new X509Certificate(serving.certificatePem).checkIssued(authority)).toBe(true);
    const namesake = await issueCa({ name: 'test CA', validity: today() });
    // Same name, other key: without an authority key identifier this would be true.
    expect(
      new X509Certificate(serving.certificatePem).checkIssued(new X509Certificate(namesake.certificatePem)),
    ).toBe(false);
  });

  it('never gives the same serial number twice', async () => {
    const ca = await issueCa({ name: 'test CA', validity: today() });
    const issued = await Promise.all(
      Array.from({ length: 20 }, () => issueServing(ca, { names: ['a.example'], validity: today() })),
    );
    const serials = issued.map((one) => new X509Certificate(one.certificatePem).serialNumber);
    expect(new Set(serials).size).toBe(20);
    expect(serials.every((serial) => /^[4-7]/.test(serial) && serial.length === 32)).toBe(true);
  });

  it('refuses to issue for nobody', async () => {
    const ca = await issueCa({ name: 'test CA', validity: today() });
    await expect(issueServing(ca, { names: [], validity: today() })).rejects.toThrow('at least one name');
  });
});

describe('issueCa', () => {
  it('makes a CA that is known as one', async () => {
    const read = new X509Certificate((await issueCa({ name: 'test CA', validity: today() })).certificatePem);
    expect(read.ca).toBe(true);
    expect(read.subject).toBe('CN=test CA');
    expect(read.verify(read.publicKey)).toBe(true);
  });
});

describe('validFor', () => {
  it('starts an hour early, for clocks that are behind', () => {
    expect(validFor(90, now)).toEqual({
      notBefore: new Date('2026-11-21T11:00:00Z'),
      notAfter: new Date('2027-02-19T12:00:00Z'),
    });
  });
});
