// Sequences of changes that nobody thought of: each is whole, the same wish again changes nothing, a restore gives back what was there.
import { describe, expect, it } from 'vitest';
import { Credential } from '../../src/domain/credential.ts';
import type { NodeWanted } from '../../src/nodes/data/wanted.ts';
import { Random } from '../fuzz/random.ts';
import { CA_ONE, CA_TWO, host, mirror, upstream } from './cases.ts';
import { makeWanted, MIRROR, type NodeScene } from './node-scene.ts';
import { Scenes } from './scenes.ts';

const STEPS = 3;
const HOSTS = ['a.example.com', 'b.example.com:5000', 'c.example.com'] as const;
const AUTH_FILES = [
  '{}',
  '{"auths":{"own.example.com":{"auth":"eA=="}}}\n',
  `{\n "auths": {\n  "${MIRROR}": {\n   "auth": "eA=="\n  }\n }\n}`,
] as const;

const scenes = new Scenes();

function furnish(scene: NodeScene, random: Random): void {
  if (random.chance(0.5)) scene.write('containers/registries.conf.d/00.conf', '# others\n');
  if (random.chance(0.5)) scene.write('containers/certs.d/x.example.com/ca.crt', 'x');
  if (random.chance(0.5)) scene.write('containerd/certs.d/_default/hosts.toml', '');
  if (random.chance(0.5)) scene.write('auth.json', random.pick(AUTH_FILES), 0o640);
}

function makeWish(random: Random): NodeWanted {
  const names = HOSTS.filter(() => random.chance(0.6));
  const hosts = names.map((name) => {
    const auth = random.pick(['Node', 'None'] as const);
    const caPem = random.pick(['', CA_ONE, CA_TWO]);
    return host([upstream(name), mirror(MIRROR, { auth, caPem })], random.chance(0.5) ? [name] : []);
  });
  return makeWanted({ runtime: random.pick(['crio', 'containerd'] as const), hosts });
}

describe('a node through many changes', () => {
  it.each([1, 2, 3, 4])('is always as wanted, and at last as before us: seed %i', async (seed) => {
    const random = new Random(seed, 0);
    const scene = scenes.open({ authFile: 'auth.json', program: random.pick(['/bin/dash', '/bin/bash']) });
    furnish(scene, random);
    const origin = scene.photo();
    for (let step = 0; step < STEPS; step += 1) {
      const wanted = makeWish(random);
      const credentials = new Map([
        [MIRROR, new Credential({ username: 'u', password: random.pick(['p', 'q']) })],
      ]);
      const report = await scene.apply(wanted, { credentials });
      expect(['Applied', 'Unchanged'], report.error).toContain(report.outcome);
      const photo = scene.photo();
      expect((await scene.apply(wanted, { credentials })).outcome).toBe('Unchanged');
      expect(scene.photo()).toEqual(photo);
      expect(scene.names().filter((name) => name.includes('/.') && !name.endsWith('.note'))).toEqual([]);
    }
    await scene.restore();
    expect(scene.photo()).toEqual(origin);
  });
});
