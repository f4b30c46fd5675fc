// What a node is seen to have: by the script on real folders and processes, and by its lines alone where they are damaged.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gather } from '../../src/nodes/writing/apply.ts';
import { entriesIn, kindAt, textAt, type Found } from '../../src/nodes/looking/found.ts';
import { parseGatherReport } from '../../src/nodes/looking/gather-report.ts';
import { MAX_FILE_BYTES } from '../../src/nodes/looking/gather-script.ts';
import { sha256Hex } from '../../src/nodes/sha256.ts';
import { quoteForShell } from '../../src/nodes/shell-quote.ts';
import type { NodeScene } from './node-scene.ts';
import { Scenes } from './scenes.ts';

const scenes = new Scenes();

function open(program: string, authFile?: string): NodeScene {
  return scenes.open({ program, ...(authFile === undefined ? {} : { authFile }) });
}

async function look(scene: NodeScene): Promise<Found> {
  const found = await gather(scene.shell(), scene.layout, scene.processFolder);
  if (!found.ok) throw new Error(found.error);
  return found.value;
}

describe.each(['/bin/dash', '/bin/bash'])('gather by %s', (program) => {
  it('tells files with their facts, and changes nothing', async () => {
    const scene = open(program, 'auth.json');
    scene.write('containers/registries.conf', 'x = "é"\n', 0o640);
    scene.write('containerd/certs.d/[::1]:5000/hosts.toml', '# with spaces\n');
    scene.write('containerd/certs.d/a b\n$(touch x)/hosts.toml', '');
    scene.write('auth.json', '{}', 0o600);
    mkdirSync(scene.path('containers/certs.d/empty'), { recursive: true });
    const photo = scene.photo();
    const found = await look(scene);
    expect(scene.photo()).toEqual(photo);
    const main = found.entries.get(scene.path('containers/registries.conf'));
    expect(main).toMatchObject({ kind: 'file', mode: 0o640, size: 9, sha256: sha256Hex('x = "é"\n') });
    expect(main?.content?.text()).toBe('x = "é"\n');
    expect(textAt(found, scene.path('containerd/certs.d/[::1]:5000/hosts.toml'))).toBe('# with spaces\n');
    expect(textAt(found, scene.path('containerd/certs.d/a b\n$(touch x)/hosts.toml'))).toBe('');
    expect(textAt(found, scene.path('auth.json'))).toBe('{}');
    expect(kindAt(found, scene.path('containers/certs.d/empty'))).toBe('directory');
    expect(entriesIn(found, scene.path('containerd/certs.d'))).toHaveLength(2);
    expect(found.errors).toEqual([]);
    expect(Math.abs(found.clock - Date.now() / 1000)).toBeLessThan(60);
  });

  it('sends no private key, follows no link, opens no pipe, and says what is too large', async () => {
    const scene = open(program);
    scene.write('containers/certs.d/x/client.key', '-----BEGIN PRIVATE KEY-----\n');
    scene.write('containers/registries.conf.d/large.conf', 'x'.repeat(MAX_FILE_BYTES + 1));
    symlinkSync('/etc/passwd', scene.path('containers/registries.conf.d/link.conf'));
    spawnSync('mkfifo', [scene.path('containers/registries.conf.d/pipe.conf')]);
    const found = await look(scene);
    const at = (name: string) => found.entries.get(scene.path(name));
    expect(at('containers/certs.d/x/client.key')).toMatchObject({
      kind: 'file',
      content: undefined,
      sha256: undefined,
    });
    expect(at('containers/registries.conf.d/large.conf')).toMatchObject({
      content: undefined,
      unread: 'TooLarge',
    });
    expect(at('containers/registries.conf.d/link.conf')).toMatchObject({
      kind: 'symlink',
      content: undefined,
    });
    expect(at('containers/registries.conf.d/pipe.conf')).toMatchObject({ kind: 'other' });
  });

  it('sees CRI-O with its start time, and none that has only its name in another process’s arguments', async () => {
    const scene = open(program);
    const crio = await scene.startCrio();
    const [seen, ...others] = (await look(scene)).processes;
    expect(others).toEqual([]);
    expect(seen).toMatchObject({ pid: crio.pid, comm: 'crio' });
    expect(seen?.startTime).toMatch(/^\d+$/);
    expect(seen?.cmdline.at(-1)).toMatch(/\/not-crio$/);
  });

  it('works where none of the folders is there', async () => {
    const scene = open(program);
    for (const folder of [scene.layout.containersFolder, scene.layout.containerdFolder])
      rmSync(folder, { recursive: true });
    const found = await look(scene);
    expect([...found.entries.keys()].filter((name) => name.startsWith(scene.folder))).toEqual([]);
  });
});

describe('gather', () => {
  it('prints as no content, whoever prints it', async () => {
    const scene = open('/bin/dash');
    scene.write('containers/registries.conf', 'secret = 1\n');
    const found = await look(scene);
    const [entry] = entriesIn(found, scene.layout.containersFolder);
    expect(`${JSON.stringify(entry)} ${String(entry?.content)}`).not.toContain('secret');
  });

  it.skipIf(process.getuid?.() === 0)('says what it may not read', async () => {
    const scene = open('/bin/dash');
    scene.write('containers/registries.conf', 'x', 0o644);
    chmodSync(scene.path('containers/registries.conf'), 0);
    expect((await look(scene)).entries.get(scene.path('containers/registries.conf'))?.unread).toBe(
      'Unreadable',
    );
  });
});

const HEAD = 'registry-failover 1 0 1795286817';

describe('parseGatherReport', () => {
  it('reads what a login shell prints before as nothing', () => {
    expect(parseGatherReport(`Welcome to node7!\n${HEAD}\nend\n`).ok).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['no end', `${HEAD}\n`],
    ['no head', 'end\n'],
    ['another version', 'registry-failover 2 0 1\nend\n'],
    ['an entry without a name', `${HEAD}\nentry file 644 0 0 1 - -\nend\n`],
    ['an entry of no kind', `${HEAD}\nentry device 644 0 0 1 - - =/x\nend\n`],
    ['a mode that is none', `${HEAD}\nentry file 9z 0 0 1 - - =/x\nend\n`],
    ['base64 that is none', `${HEAD}\nentry file 644 0 0 1 - - +%%%\nend\n`],
  ])('refuses %s', (_name, text) => {
    expect(parseGatherReport(text).ok).toBe(false);
  });

  it('never throws, whatever a host prints', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.constantFrom(
              HEAD,
              'end',
              'entry file 644 0 0 1 - =eA== =/x',
              'host',
              'constructor x',
              '__proto__',
            ),
            fc.string(),
          ),
        ),
        (lines) => {
          parseGatherReport(lines.join('\n'));
        },
      ),
    );
  });
});

describe('quoteForShell', () => {
  it('makes one word of any text', () => {
    const texts = fc.sample(
      fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
      { numRuns: 100, seed: 5 },
    );
    const odd = ["'", "''", '$(id)', '`id`', 'a\nb', '\\', '"', '!x', '-n', ''];
    const script = [...odd, ...texts].map((text) => `printf '%s\\0' ${quoteForShell(text)}`).join('\n');
    const file = `${scenes.path}/quote.sh`;
    writeFileSync(file, script);
    for (const program of ['dash', 'bash']) {
      const printed = spawnSync(program, [file]).stdout.toString('utf8').split('\0').slice(0, -1);
      expect(printed).toEqual([...odd, ...texts].map((text) => Buffer.from(text).toString('utf8')));
    }
  });
});
