// The scripts of a drill, and the reading of what they print.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { firewallOf, readGround, readOutage, readPulled, toolOf } from '../../src/nodes/drill/drill-look.ts';
import type { DrillGround } from '../../src/nodes/drill/drill-look.ts';
import { drillRules } from '../../src/nodes/drill/drill-rules.ts';
import type { DrillBlock } from '../../src/nodes/drill/drill-rules.ts';
import { blockedPullScript, lookScript, printPull, pullScript } from '../../src/nodes/drill/drill-script.ts';
import type { DrillPull } from '../../src/nodes/drill/drill-script.ts';

const pull: DrillPull = {
  tool: 'crictl',
  socket: '/run/crio/crio.sock',
  image: 'a.example/x:1',
  hostsFolder: '/etc/containerd/certs.d',
  seconds: 57,
  unit: 'crio',
};
const block: DrillBlock = {
  firewall: 'iptables',
  addresses: ['192.0.2.1', '2001:db8::1'],
  port: 5000,
  seconds: 60,
  chain: 'RF-DRILL-01234567',
};
const ground: DrillGround = {
  addresses: ['192.0.2.1'],
  tools: new Set(['iptables', 'setsid', 'timeout', 'podman']),
  sockets: [],
  runtimes: new Set(),
  usesProxy: false,
  images: [],
};

/** A chain as a file; while there is one called busy, kube-proxy has the lock of iptables, which gives up with 4. */
const IPTABLES = String.raw`#!/bin/sh
cd "$(dirname "$0")" || exit
echo "$*" >>log
case "$*" in
  *' -N '*) true >chain ;;
  *' -A '* | *' -I '*) ;;
  *) [ ! -e busy ] || exit 4
    case "$*" in
      *' -X '*) rm -f chain ;;
      *L' '*) [ -e chain ] ;;
    esac ;;
esac
`;

describe('a block that cannot be undone at once, since others have the lock of iptables', () => {
  const folder = mkdtempSync(join(tmpdir(), 'drill-'));
  const at = (name: string): string => join(folder, name);

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('is told of, and its timer goes on until it is undone', async () => {
    writeFileSync(at('iptables'), IPTABLES);
    writeFileSync(at('crictl'), '#!/bin/sh\ntrue >"$(dirname "$0")/busy"\n');
    for (const name of ['iptables', 'crictl']) chmodSync(at(name), 0o755);
    const short = { ...block, addresses: ['192.0.2.1'], seconds: 1 };
    const input = blockedPullScript({ ...pull, seconds: 5, unit: undefined }, short, 'localhost');
    const env = { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    const said = readOutage(execFileSync('sh', ['-s'], { input, env, encoding: 'utf8' }));
    expect(said).toMatchObject({ pulled: { isOk: true }, isStillBlocked: true });
    const removals = (): number => readFileSync(at('log'), 'utf8').split(' -X ').length - 1;
    await expect.poll(removals, { timeout: 10_000 }).toBeGreaterThan(1);
    expect(existsSync(at('chain'))).toBe(true);
    rmSync(at('busy'));
    await expect.poll(() => existsSync(at('chain')), { timeout: 10_000 }).toBe(false);
  });
});

describe('the scripts of a drill', () => {
  it.each([
    ['look', lookScript('a.example', undefined)],
    ['pull', pullScript(pull)],
    ['pull with ctr', pullScript({ ...pull, tool: 'ctr' })],
    ['pull with podman', pullScript({ ...pull, tool: 'podman', unit: undefined })],
    ['block by iptables', blockedPullScript(pull, block, 'a.example')],
    ['block by nft', blockedPullScript(pull, { ...block, firewall: 'nft' }, 'a.example')],
  ])('%s: are one function that is called on the last line', (_, script) => {
    execFileSync('sh', ['-n'], { input: script });
    expect(script).toMatch(/^drill\(\) \{\n/);
    expect(script).toMatch(/\n\}\ndrill\n$/);
  });

  it('start the timer before the first rule, and hook the chain in last', () => {
    const script = blockedPullScript(pull, block, 'a.example');
    const places = [
      'setsid sh -c',
      'kill -0',
      '-N RF-DRILL',
      '-A RF-DRILL',
      '-I OUTPUT 1',
      'pull_it\n',
      '\n  unblock\n',
    ].map((text) => script.indexOf(text));
    expect(places.toSorted((a, b) => a - b)).toEqual(places);
    expect(places).not.toContain(-1);
  });

  it('block the addresses of each family with its own program, and that port alone', () => {
    const { add } = drillRules(block);
    expect(
      add.filter((line) => line.includes('-d 192.0.2.1')).every((line) => /(^|\W)iptables /.test(line)),
    ).toBe(true);
    expect(
      add.filter((line) => line.includes('-d 2001:db8::1')).every((line) => line.includes('ip6tables ')),
    ).toBe(true);
    expect(
      add.filter((line) => line.includes(' -d ')).every((line) => line.includes('-p tcp --dport 5000')),
    ).toBe(true);
    expect(add.join('\n')).not.toMatch(/FORWARD|INPUT/);
  });

  it('take away whatever they make', () => {
    const { add, remove } = drillRules(block);
    const made = add.filter((line) => / -N /.test(line)).map((line) => line.replace('-N', '-X'));
    expect(remove).toEqual(expect.arrayContaining(made));
  });

  it('name what is pulled with, as one could type it', () => {
    expect(printPull({ ...pull, tool: 'ctr', socket: undefined })).toBe(
      'ctr --namespace k8s.io images pull --hosts-dir /etc/containerd/certs.d a.example/x:1',
    );
    expect(printPull({ ...pull, image: 'a b' })).toMatch(/pull 'a b'$/);
  });

  it('hand over any text as it is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
        (text) => {
          const script = pullScript({ ...pull, tool: 'podman', image: text, unit: undefined });
          const line = script.split('pull_it() { pull ')[1]?.split('; }\n  pull_it\n')[0] ?? '';
          const said = execFileSync('sh', ['-s'], { input: `set -- ${line}\nprintf %s "$4"\n` });
          expect(said.toString()).toBe(text);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('readGround', () => {
  it('reads what is there, each once', () => {
    const found = readGround(
      [
        'rf:address 192.0.2.1',
        'rf:address 192.0.2.1',
        'noise',
        'rf:tool crictl',
        'rf:socket /run/crio/crio.sock',
        'rf:runtime crio',
        'rf:proxy crio',
        'rf:image a/b:1',
        'rf:done',
        '',
      ].join('\n'),
    );
    expect(found).toEqual({
      addresses: ['192.0.2.1'],
      tools: new Set(['crictl']),
      sockets: ['/run/crio/crio.sock'],
      runtimes: new Set(['crio']),
      usesProxy: true,
      images: ['a/b:1'],
    });
  });

  it('takes a half for nothing', () => {
    expect(readGround('rf:address 192.0.2.1\n')).toBeUndefined();
  });

  it.each([
    '192.0.2.1; reboot',
    '$(reboot)',
    '999.1.1.1',
    '1.2.3',
    '-j ACCEPT',
    'fe80::1%eth0',
    'a.example',
    ':',
    '1:2',
    '',
  ])('takes %j for no address', (text) => {
    expect(readGround(`rf:address ${text}\nrf:done\n`)?.addresses).toEqual([]);
  });

  it.each(['192.0.2.255', '2001:db8::1', '::1'])('takes %s for one', (text) => {
    expect(readGround(`rf:address ${text}\nrf:done\n`)?.addresses).toEqual([text]);
  });
});

describe('toolOf', () => {
  const tools = new Set(['crictl', 'ctr', 'podman']);
  it.each<[string, Partial<DrillGround>, boolean, string | undefined]>([
    ['crictl where a runtime runs', { tools, runtimes: new Set(['crio']) }, false, 'crictl'],
    ['crictl where a socket is known', { tools }, true, 'crictl'],
    ['podman where there is no runtime', { tools }, false, 'podman'],
    ['ctr with containerd', { tools: new Set(['ctr']), runtimes: new Set(['containerd']) }, false, 'ctr'],
    [
      'no ctr with CRI-O',
      { tools: new Set(['ctr', 'podman']), runtimes: new Set(['crio']) },
      false,
      'podman',
    ],
    ['nothing', { tools: new Set() }, false, undefined],
  ])('takes %s', (_, facts, hasSocket, tool) => {
    expect(toolOf({ ...ground, ...facts }, hasSocket)).toBe(tool);
  });
});

describe('firewallOf', () => {
  it.each<[readonly string[], readonly string[], string | undefined]>([
    [['iptables'], ['192.0.2.1'], 'iptables'],
    [['iptables'], ['192.0.2.1', '::1'], undefined],
    [['iptables', 'ip6tables'], ['::1'], 'iptables'],
    [['iptables', 'nft'], ['::1'], 'nft'],
    [['nft'], ['192.0.2.1'], 'nft'],
    [[], ['192.0.2.1'], undefined],
  ])('of %j for %j is %s', (tools, addresses, firewall) => {
    expect(firewallOf({ ...ground, tools: new Set(tools), addresses })).toBe(firewall);
  });
});

describe('what a pull came to', () => {
  it('takes the last source that was tried, and the last words that tell of an error', () => {
    const pulled = readPulled(
      [
        'rf:ms 1200',
        'rf:exit 1',
        'rf:said error: no route',
        'rf:said bye',
        'rf:log level=info msg="Trying to access \\"a/x:1\\""',
        'rf:log msg="Trying to access \\"b/x:1\\""',
        'rf:done',
      ].join('\n'),
    );
    expect(pulled).toEqual({ isOk: false, ms: 1200, words: 'error: no route', source: 'b/x:1' });
  });

  it('tells a pull from none', () => {
    expect(readPulled('rf:ms 12\n')).toBeUndefined();
    expect(readPulled('rf:ms 12\nrf:exit 0\n')).toEqual({ isOk: true, ms: 12, words: '', source: undefined });
  });

  it('adds up what the rules have swallowed, of both firewalls', () => {
    const iptables =
      'rf:count        3      180 DROP       6    --  *      *       0.0.0.0/0   192.0.2.1\nrf:count        2      120 DROP       tcp      *      *       ::/0   ::1\nrf:done\n';
    expect(readOutage(iptables)?.dropped).toBe(5);
    expect(
      readOutage('rf:count ip daddr 192.0.2.1 counter packets 4 bytes 240 drop\nrf:done\n')?.dropped,
    ).toBe(4);
    expect(readOutage('rf:done\n')?.dropped).toBeUndefined();
    expect(readOutage('rf:count x\n')).toBeUndefined();
  });
});
