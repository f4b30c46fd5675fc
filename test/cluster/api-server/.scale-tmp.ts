import { NodeWorld } from './node-world.ts';
import { makeMirror, makeSet } from '../../support/make.ts';
const N = Number(process.argv[2] ?? 500);
const world = await NodeWorld.open();
try {
  const names = Array.from({ length: N }, (_, i) => `n${i}`);
  for (let i = 0; i < N; i += 50) await Promise.all(names.slice(i, i + 50).map((n) => world.makeNode(n)));
  console.log('nodes made');
  const set = makeSet('fra.example', [makeMirror('ams.example', { source: 'None', mayReceiveUpstreamCredential: true })], { name: 'fra', nodes: { enabled: true, selector: { matchLabels: {}, matchExpressions: [] }, credentials: 'None', wholeHost: false } });
  world.declare(set);
  world.see('fra.example', 'up'); world.see('ams.example', 'up');
  let t = performance.now();
  const c = world.start({ kind: 'percent', percent: 50 });
  await world.until('all', () => world.fact()?.upToDate === N, 120_000);
  console.log('rollout', Math.round(performance.now() - t), 'ms');
  t = performance.now();
  world.see('fra.example', 'down');
  await world.until('flip', () => Object.values(world.orders()).every((o) => o === 'ams.example fra.example'), 60_000);
  console.log('flip', Math.round(performance.now() - t), 'ms', c.problems.slice(0, 3));
  const cpu = process.cpuUsage();
  t = performance.now();
  for (let i = 0; i < 20; i++) { c.rollouts.wake(); await new Promise((r) => setTimeout(r, 300)); }
  const used = process.cpuUsage(cpu);
  console.log('round cpu ms', (used.user + used.system) / 1000 / 20);
} finally { await world.close(); }
