import { describe, expect, it } from 'vitest';
import { Proxy } from '../../src/transport/proxy.ts';

function proxyWithout(...noProxy: string[]): Proxy {
  const parsed = Proxy.parse({ url: 'http://proxy.example:3128', noProxy });
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value;
}

describe('Proxy.parse', () => {
  it.each([
    { url: 'http://proxy.example:3128', hostname: 'proxy.example', port: 3128 },
    { url: 'http://user:p%40ss@proxy.example', hostname: 'proxy.example', port: 80 },
    { url: 'proxy.example:8080', hostname: 'proxy.example', port: 8080 },
    { url: 'http://[::1]:3128/', hostname: '::1', port: 3128 },
  ])('takes $url', ({ url, hostname, port }) => {
    const parsed = Proxy.parse({ url, noProxy: [] });
    expect(parsed.ok && { hostname: parsed.value.hostname, port: parsed.value.port }).toEqual({
      hostname,
      port,
    });
  });

  it.each([
    'https://user:secret@proxy.example',
    'socks5://user:secret@proxy.example',
    'http://',
    'http://a%zz:secret@b',
  ])('refuses %s without repeating what may be secret', (url) => {
    const parsed = Proxy.parse({ url, noProxy: [] });
    expect(parsed).toMatchObject({ ok: false, error: { code: 'InvalidProxy' } });
    expect(JSON.stringify(parsed)).not.toContain('secret');
  });
});

describe('Proxy.serves', () => {
  it.each([
    { entry: '*', host: 'a.example', served: false },
    { entry: 'a.example', host: 'a.example', served: false },
    { entry: 'a.example', host: 'b.a.example', served: false },
    { entry: 'a.example', host: 'xa.example', served: true },
    { entry: '.a.example', host: 'b.a.example', served: false },
    { entry: '.a.example', host: 'a.example', served: true },
    { entry: '*.a.example', host: 'b.a.example', served: false },
    { entry: ' A.Example ', host: 'a.EXAMPLE', served: false },
    { entry: 'a.example:5000', host: 'a.example', port: 5000, served: false },
    { entry: 'a.example:5000', host: 'a.example', port: 443, served: true },
    { entry: '10.0.0.0/8', host: '10.1.2.3', served: false },
    { entry: '10.0.0.0/8', host: '11.1.2.3', served: true },
    { entry: '10.0.0.0/99', host: '10.1.2.3', served: true },
    { entry: 'fd00::/8', host: 'fd00::1', served: false },
    { entry: '10.0.0.1', host: '10.0.0.1', served: false },
    { entry: '', host: 'a.example', served: true },
    { entry: 'x', host: 'localhost', served: false },
    { entry: 'x', host: '127.0.0.5', served: false },
    { entry: 'x', host: '::1', served: false },
  ])('with NO_PROXY "$entry" for $host: $served', ({ entry, host, port = 443, served }) => {
    expect(proxyWithout(entry).serves(host, port)).toBe(served);
  });
});
