// The examples: what a newcomer runs first parses, validates, and says clearly what is missing.
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadDeclarations } from '../../src/commands/declarations.ts';
import { readSubjects } from '../../src/commands/explain-file.ts';
import { namespaceProblems } from '../../src/commands/explain-namespace.ts';
import type { CheckView } from '../../src/explain/check-view.ts';
import type { ExplainView } from '../../src/explain/view.ts';
import { mirrorSet, namespaceManifest, podManifest, runCli, stream } from './explain-lab.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../examples');
const FLAGS = { installNamespace: 'registry-failover', allowedEndpoint: [] };
/** Nothing listens there: no question leaves this machine, and names are left to the proxy. */
const NOWHERE = { HTTPS_PROXY: 'http://127.0.0.1:1' };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'explain-examples-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Lines wrapped for a terminal as one text. */
function unwrapped(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

describe('examples/', () => {
  it('hold a mirror set in force and an opted-in namespace', async () => {
    const loaded = await loadDeclarations({ ...FLAGS, manifests: [join(EXAMPLES, 'manifests')] });
    expect(loaded).toMatchObject({ ok: true, value: { problems: [], absence: [] } });
    if (!loaded.ok) return;
    expect(loaded.value.objects.sets.map(({ name }) => name)).toEqual(['ocir']);
    expect(loaded.value.namespaceLabels.get('shop')).toMatchObject({
      'registry-failover.io/enabled': 'true',
    });
    expect(loaded.value.objects.secrets).toEqual([]);
  });

  it('hold a pull secret behind comment signs, which is right once they are taken away', async () => {
    const text = await readFile(join(EXAMPLES, 'manifests/mirrors.yaml'), 'utf8');
    const [before, behind = ''] = text.split('# ---\n');
    const file = join(folder, 'uncommented.yaml');
    await writeFile(file, `${before}---\n${behind.replaceAll(/^# /gm, '')}`);
    const loaded = await loadDeclarations({ ...FLAGS, manifests: [file] });
    expect(loaded).toMatchObject({
      ok: true,
      value: { problems: [], objects: { secrets: [{ name: 'ocir-login', namespace: 'shop' }] } },
    });
  });

  it('hold a deployment of three images', async () => {
    const read = await readSubjects(join(EXAMPLES, 'deployment.yaml'), 'default');
    expect(read).toMatchObject({
      ok: true,
      value: { pods: [{ workload: 'Deployment/web', namespace: 'shop' }] },
    });
  });

  it('are explained as the help says, with exit code 3 where the registries are out of reach', async () => {
    const args = ['explain', '-f', 'examples/deployment.yaml', '-m', 'examples/manifests'];
    const { code, stdout, stderr } = await runCli(args, '', NOWHERE);
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' });
    expect(stdout).toMatch(/^Deployment\/web in namespace shop \(examples\/deployment\.yaml:\d+\)\n/);
    expect(stdout).toContain('Namespace shop is opted in');
    expect(unwrapped(stdout)).toContain(
      'credential-unread (mirror set ocir) ocir-login is not in the manifests (-m), so the registry was not asked. Add it, or use --docker-config.',
    );
    expect(stdout).toMatch(/-> upstream +fra\.ocir\.io +not asked\n/);
    expect(stdout).not.toContain('first contact');
    expect(stdout).toContain('No RegistryMirrorSet covers this image.');
    expect(stdout).toMatch(/Could not tell: .*\n$/);
  });
});

describe('-m without a mirror set', () => {
  it('is said first, for every path', async () => {
    const empty = join(folder, 'empty');
    await mkdir(join(empty, 'below'), { recursive: true });
    await writeFile(join(empty, 'below', 'mirrors.yaml'), 'no manifest at all');
    const other = join(folder, 'other.yaml');
    await writeFile(other, stream(namespaceManifest('shop', {})));
    const args = ['-m', empty, '-m', other, '-o'];
    const file = join(EXAMPLES, 'deployment.yaml');
    const notes = [
      `No RegistryMirrorSet was found in ${empty} (0 manifests read; subfolders are not read).`,
      `No RegistryMirrorSet was found in ${other} (1 manifest read).`,
    ];
    const [text, json, check] = await Promise.all([
      runCli(['explain', '-f', file, ...args, 'text'], '', NOWHERE),
      runCli(['explain', '-f', file, ...args, 'json'], '', NOWHERE),
      runCli(['check', 'fra.ocir.io/shop/web:1.4', ...args, 'text'], '', NOWHERE),
    ]);
    expect(unwrapped(text.stdout).indexOf(notes.join(' '))).toBe(0);
    expect(text.stdout).toContain('read).\n\nDeployment/web');
    expect((JSON.parse(json.stdout) as ExplainView).notes).toEqual(notes);
    expect(unwrapped(check.stdout).indexOf(notes.join(' '))).toBe(0);
    expect(check.stdout).toContain(
      'no mirror set covers it in namespace default (-n NAME asks for another)\n',
    );
  });

  it('is said of standard input as well', async () => {
    const args = ['check', 'fra.ocir.io/shop/web:1.4', '-m', '-', '-o', 'json'];
    const { stdout } = await runCli(args, stream(namespaceManifest('shop', {})), NOWHERE);
    const view = JSON.parse(stdout) as CheckView;
    expect(view.notes).toEqual(['No RegistryMirrorSet was found in standard input (1 manifest read).']);
    expect(view.namespace).toBe('default');
  });

  it('is not said when one path of several holds one', async () => {
    const set = join(folder, 'set.yaml');
    const spec = {
      upstream: { prefix: 'fra.ocir.io' },
      mirrors: [{ endpoint: 'ams.ocir.io', credential: { source: 'None' } }],
    };
    await writeFile(set, stream(mirrorSet('ocir', spec)));
    const loaded = await loadDeclarations({ ...FLAGS, manifests: [join(EXAMPLES, 'deployment.yaml'), set] });
    expect(loaded).toMatchObject({ ok: true, value: { absence: [] } });
  });
});

describe('explain -n', () => {
  const manifests = join(EXAMPLES, 'manifests');

  it('refuses what names no namespace, before anybody is asked', async () => {
    const args = ['explain', '-f', 'examples/deployment.yaml', '-m', manifests, '-n', 'Bad_ns'];
    const { code, stdout, stderr } = await runCli(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('error: --namespace: "Bad_ns" cannot be the name of a namespace');
  });

  it.each([
    ['', 1],
    ['a'.repeat(64), 1],
    ['a'.repeat(63), 0],
    ['-a', 1],
    ['a-', 1],
    ['a.b', 1],
    ['7-a', 0],
    [undefined, 0],
  ])('judges the name %j', (name, problems) => {
    expect(namespaceProblems(name)).toHaveLength(problems);
  });

  it('says of which pods it does not count, because their manifests name another', async () => {
    const homeless = podManifest('here', ['shop/APP:1'], {}, undefined);
    const pods = stream(podManifest('there', ['shop/APP:1'], {}, 'shop'), {
      ...homeless,
      metadata: { name: 'here' },
    });
    const { code, stdout } = await runCli(['explain', '-f', '-', '-m', manifests, '-n', 'team'], pods);
    expect(code).toBe(1);
    expect(unwrapped(stdout)).toMatch(
      /^-n team does not count for Pod\/there: its manifest names namespace shop\. Pod\/there in namespace shop/,
    );
    expect(stdout).toContain('Pod/here in namespace team');
    expect(stdout.match(/does not count/g)).toHaveLength(1);
    expect(stdout).toContain('result    can never be pulled: not an image reference\n');
  });
});
