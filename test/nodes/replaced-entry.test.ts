// What others have declared for a registry: nothing of ours may take it away from a node.
import { describe, expect, it } from 'vitest';
import { makeHost, makeWanted, UPSTREAM } from './node-scene.ts';
import { host, mirror, upstream } from './cases.ts';
import { Scenes } from './scenes.ts';

const DROP_IN = 'containers/registries.conf.d/90-registry-failover.conf';
const MAIN = 'containers/registries.conf';
const DEFAULT = 'containerd/certs.d/_default/hosts.toml';

const scenes = new Scenes();

function entry(prefix: string, rest: string): string {
  return `[[registry]]\nprefix = "${prefix}"\n${rest}\n`;
}

const CACHE = `location = "${UPSTREAM}"\n[[registry.mirror]]\nlocation = "cache.corp/x"`;
const two = [makeHost(), host([upstream('quay.io'), mirror('other.example.com')])];

describe('on CRI-O', () => {
  it.each([
    ['a mirror of its own', MAIN, entry(UPSTREAM, CACHE)],
    ['another place', MAIN, entry(UPSTREAM, 'location = "proxy.corp/x"')],
    ['blocked', MAIN, entry(UPSTREAM, `location = "${UPSTREAM}"\nblocked = true`)],
    ['a mirror, in an earlier drop-in', 'containers/registries.conf.d/50-corp.conf', entry(UPSTREAM, CACHE)],
    [
      'a wildcard over it',
      MAIN,
      entry(`*.${UPSTREAM.split('.').slice(1).join('.')}`, 'location = "proxy.corp/x"'),
    ],
  ])(
    'leaves alone a registry for which somebody has %s, and writes the others',
    async (_what, file, text) => {
      const scene = scenes.open();
      scene.write(file, text);
      const report = await scene.apply(makeWanted({ hosts: two }));
      expect(report.outcome).toBe('Applied');
      const left = report.leftOut.filter(({ reason }) => reason === 'OthersEntry');
      expect(left.map(({ prefix }) => prefix)).toContain(UPSTREAM);
      expect(left[0]?.message).toContain(scene.path(file));
      expect(scene.read(DROP_IN)).not.toContain(`prefix = "${UPSTREAM}"`);
    },
  );

  it.each([
    ['only says where it is', MAIN, entry(UPSTREAM, `location = "${UPSTREAM}"`)],
    ['is of a registry that ours does not have', MAIN, entry('other.corp', 'location = "proxy.corp/x"')],
    ['is read after ours, and wins', 'containers/registries.conf.d/99-corp.conf', entry(UPSTREAM, CACHE)],
  ])('writes beside an entry that %s', async (_what, file, text) => {
    const scene = scenes.open();
    scene.write(file, text);
    const report = await scene.apply(makeWanted({ hosts: [makeHost()] }));
    expect(report.leftOut).toEqual([]);
    expect(scene.read(DROP_IN)).toContain(`prefix = "${UPSTREAM}"`);
  });

  it.each([
    ['a wildcard', entry('*.corp.example', 'insecure = true')],
    ['the host without a port', entry('reg.corp.example', 'location = "reg.corp.example"\ninsecure = true')],
  ])('leaves alone a registry at a port when somebody has something for %s', async (_what, text) => {
    const scene = scenes.open();
    scene.write(MAIN, text);
    const hosts = [makeHost(), host([upstream('reg.corp.example:5000'), mirror('other.example.com')])];
    const report = await scene.apply(makeWanted({ hosts }));
    expect(report.leftOut.map(({ reason, prefix }) => [reason, prefix])).toEqual([
      ['OthersEntry', 'reg.corp.example:5000'],
    ]);
    expect(scene.read(DROP_IN)).not.toContain('reg.corp.example:5000');
  });

  it('writes nothing for another port of a host when somebody has something for that', async () => {
    const scene = scenes.open();
    const place = `${UPSTREAM}:5000`;
    const hosts = [host([upstream(UPSTREAM), mirror(`${place}/x`)])];
    await scene.apply(makeWanted({ hosts }));
    expect(scene.read(DROP_IN)).toContain(`prefix = "${place}"`);
    scene.write(MAIN, entry(place, `location = "${place}"\ninsecure = true`));
    const report = await scene.apply(makeWanted({ hosts }));
    expect(report).toMatchObject({ outcome: 'Applied', leftOut: [] });
    expect(scene.read(DROP_IN)).toContain(`location = "${place}/x"`);
    expect(scene.read(DROP_IN)).not.toContain(`prefix = "${place}"`);
  });

  it('goes on keeping what it has written, since its order must be turned in an outage', async () => {
    const scene = scenes.open();
    await scene.apply(makeWanted({ hosts: [makeHost()] }));
    scene.write(MAIN, entry(UPSTREAM, CACHE));
    const { order, ...rest } = makeHost();
    const turned = await scene.apply(makeWanted({ hosts: [{ ...rest, order: order.toReversed() }] }));
    expect(turned).toMatchObject({ outcome: 'Applied', leftOut: [] });
  });
});

describe('on containerd', () => {
  it.each([
    ['hosts.toml', DEFAULT, 'server = "https://proxy.corp"\n'],
    ['certificates', 'containerd/certs.d/_default/corp.crt', 'a certificate\n'],
  ])('writes no folder that would hide somebody’s _default with %s', async (_what, file, text) => {
    const scene = scenes.open();
    scene.write(file, text);
    const report = await scene.apply(makeWanted({ runtime: 'containerd', hosts: [makeHost()] }));
    expect(report.leftOut.map(({ reason }) => reason)).toEqual(['OthersEntry']);
    expect(report.leftOut[0]?.message).toContain(scene.path(file));
    expect(scene.names().some((name) => name.includes(UPSTREAM))).toBe(false);
  });

  it('goes on keeping a folder of ours', async () => {
    const scene = scenes.open();
    await scene.apply(makeWanted({ runtime: 'containerd', hosts: [makeHost()] }));
    scene.write(DEFAULT, 'server = "https://proxy.corp"\n');
    const report = await scene.apply(makeWanted({ runtime: 'containerd', hosts: [makeHost()] }));
    expect(report).toMatchObject({ outcome: 'Unchanged', leftOut: [] });
  });
});
