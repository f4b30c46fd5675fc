import { describe, expect, it } from 'vitest';
import { classOfAddress } from '../../src/transport/address-class.ts';
import { refusalOfAddress } from '../../src/transport/guard.ts';

describe('classOfAddress', () => {
  it.each([
    ['8.8.8.8', 'public'],
    ['10.0.0.1', 'private'],
    ['172.15.255.255', 'public'],
    ['172.16.0.0', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.0', 'public'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'cgnat'],
    ['100.128.0.1', 'public'],
    ['127.8.9.1', 'loopback'],
    ['169.254.169.254', 'link-local'],
    ['0.0.0.0', 'special'],
    ['224.0.0.1', 'special'],
    ['255.255.255.255', 'special'],
    ['::1', 'loopback'],
    ['::', 'special'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['fd00:ec2::254', 'private'],
    ['fec0::1', 'private'],
    ['2606:4700::1111', 'public'],
    ['ff02::1', 'special'],
    ['::ffff:10.0.0.1', 'private'],
    ['::ffff:a9fe:a9fe', 'link-local'],
    ['::ffff:8.8.8.8', 'public'],
    ['::ffff:0:127.0.0.1', 'loopback'],
    ['::127.0.0.1', 'loopback'],
    ['64:ff9b::10.0.0.1', 'private'],
    ['64:ff9b::8.8.8.8', 'public'],
    ['64:ff9b:1::169.254.169.254', 'link-local'],
    ['64:ff9b:1:a9fe:a9:fe00::', 'link-local'],
    ['64:ff9b:1:808:8:800::', 'public'],
    ['2002:7f00:1::', 'loopback'],
    ['2002:808:808::', 'public'],
    ['2001:0:4136:e378:8000:63bf:3fff:fdd2', 'public'],
    ['2001:0:4136:e378:8000:63bf:5601:5601', 'link-local'],
    ['registry.example', 'special'],
    ['', 'special'],
  ])('%s is %s', (address, expected) => {
    expect(classOfAddress(address)).toBe(expected);
  });
});

describe('refusalOfAddress', () => {
  it.each([
    { registry: 'public', address: '8.8.8.8', refused: false },
    { registry: 'public', address: '10.0.0.1', refused: true },
    { registry: 'public', address: '::ffff:169.254.169.254', refused: true },
    { registry: 'private', address: '192.168.0.1', refused: false },
    { registry: 'private', address: 'fd00::1', refused: false },
    { registry: 'private', address: '169.254.169.254', refused: true },
    { registry: 'private', address: '127.0.0.1', refused: true },
    { registry: 'loopback', address: '127.0.0.2', refused: false },
    { registry: 'loopback', address: '10.0.0.1', refused: true },
    { registry: 'special', address: '0.0.0.0', refused: true },
  ] as const)(
    'lets a registry on a $registry address name $address: not $refused',
    ({ registry, address, refused }) => {
      expect(refusalOfAddress(registry, address) !== undefined).toBe(refused);
    },
  );

  it('says which address and why', () => {
    expect(refusalOfAddress('public', '169.254.169.254')).toBe(
      '169.254.169.254 is a link-local address and the registry itself is on a public one',
    );
  });
});
