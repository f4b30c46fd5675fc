// Values that are wrong are refused before anything is installed, with a message that names the place.
import { describe, expect, it } from 'vitest';
import { renderWith } from './values.ts';

describe('values.schema.json', () => {
  it.each([
    ['a misspelled key', { webook: {} }, /additional properties 'webook' not allowed/],
    [
      'a misspelled key further in',
      { webhook: { replica: 2 } },
      /at '\/webhook': additional properties 'replica'/,
    ],
    [
      'text for a number',
      { webhook: { replicas: 'two' } },
      /at '\/webhook\/replicas': got string, want integer/,
    ],
    ['no replicas', { webhook: { replicas: 0 } }, /at '\/webhook\/replicas': minimum: got 0, want 1/],
    [
      'an unknown pull policy',
      { image: { pullPolicy: 'Sometimes' } },
      /at '\/image\/pullPolicy': value must be one of/,
    ],
    ['a digest that is none', { image: { digest: 'sha256:123' } }, /at '\/image\/digest'/],
    [
      'a CA bundle that is PEM, not base64 of it',
      { tls: { caBundle: '-----BEGIN' } },
      /at '\/tls\/caBundle'/,
    ],
    ['an endpoint with a scheme', { allowedEndpoints: ['https://a.example'] }, /at '\/allowedEndpoints\/0'/],
    [
      'declarations, which are applied with kubectl now',
      { declarations: { 'mirrors.yaml': '' } },
      /additional properties 'declarations' not allowed/,
    ],
    [
      'a port that is none',
      { networkPolicy: { egressPorts: ['https'] } },
      /at '\/networkPolicy\/egressPorts\/0'/,
    ],
    [
      'a proxy with a password in it',
      { proxy: { httpsProxy: 'http://u:p@proxy' } },
      /at '\/proxy\/httpsProxy'/,
    ],
    ['an interval without a unit', { serviceMonitor: { interval: '30' } }, /at '\/serviceMonitor\/interval'/],
  ])('refuses %s', (_name, values, message) => {
    expect(() => renderWith(values)).toThrow(message);
  });
});

describe('the templates', () => {
  it('refuse a CA bundle beside cert-manager', () => {
    const tls = { caBundle: 'QUJD', certManager: { enabled: true } };
    expect(() => renderWith({ tls })).toThrow(/exclude each other/);
  });
});
