// Explain input: what is wrong with a file is said with its line and column, all of it at once, and nothing is asked.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSubjects } from '../../src/commands/explain-file.ts';
import { ExplainLab, mirrorSet, podManifest, runCli, stream } from './explain-lab.ts';

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
        - name: app
          image: 1.25
        - name: side
`;

let lab: ExplainLab;

beforeAll(async () => {
  lab = await ExplainLab.open();
});

afterAll(async () => {
  await lab.close();
});

async function problemsOf(content: string): Promise<readonly string[]> {
  const file = await lab.file('subject.yaml', content);
  const read = await readSubjects(file, 'default');
  return read.ok ? [] : read.error.map((problem) => `${problem.path.slice(file.length)}: ${problem.code}`);
}

describe('readSubjects', () => {
  it.each([
    ['a tab', 'a:\n\tb: 1\n', [' (line 2, column 1): InvalidYaml']],
    ['two keys of one name', 'kind: Pod\nkind: Pod\n', [' (line 2, column 1): InvalidYaml']],
    ['an alias to nothing', 'a: *x\n', [': InvalidAlias']],
    ['nothing', '', [': NoPods']],
    [
      'a manifest without kind behind an empty document',
      '---\n---\nspec: 1\n',
      [' (line 3, column 1): NotAManifest'],
    ],
    [
      'mistakes in a pod template',
      DEPLOYMENT,
      [
        ' (line 10, column 18) spec.template.spec.containers[0].image: ImageNotText',
        ' (line 11, column 11) spec.template.spec.containers[1].image: NoImage',
      ],
    ],
  ])('says where %s stands', async (_, content, problems) => {
    expect(await problemsOf(content)).toEqual(problems);
  });

  it('says at which line each pod begins', async () => {
    const pod = JSON.stringify(podManifest('web', ['x']));
    const file = await lab.file('two.yaml', `---\n${pod}\n---\n\n${pod}\n`);
    const read = await readSubjects(file, 'default');
    expect(read.ok && read.value.pods.map((subject) => subject.origin)).toEqual([`${file}:2`, `${file}:5`]);
  });

  it.each([
    ['a file that is not there', '/nowhere/pod.yaml', 'there is no such file'],
    ['a directory', '/', 'this is a directory'],
  ])('refuses %s', async (_, file, message) => {
    expect(await readSubjects(file, 'default')).toMatchObject({
      ok: false,
      error: [{ path: file, code: 'UnreadableFile', message }],
    });
  });
});

describe('explain', () => {
  it('exits 2 and says every problem of the file and of the declarations at once', async () => {
    const file = await lab.file('deploy.yaml', DEPLOYMENT);
    const manifests = await lab.file(
      'mirrors.yaml',
      stream(mirrorSet('bad', { upstream: { prefix: 'https://x' } })),
    );
    const { code, stdout, stderr } = await runCli(['explain', '-f', file, '-m', manifests]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(
      `error: ${file} (line 10, column 18) spec.template.spec.containers[0].image: the image of container "app" is not a text [ImageNotText]. Put the whole reference in quotes.\n`,
    );
    expect(stderr).toContain(`${file} (line 11, column 11)`);
    expect(stderr).toContain(`error: ${manifests} spec.upstream.prefix:`);
    expect(stderr).toContain(`error: ${manifests} spec.mirrors:`);
  });

  it('exits 2 without -m', async () => {
    const { code, stderr } = await runCli(['explain', '-f', '-']);
    expect(code).toBe(2);
    expect(stderr).toContain("required option '-m, --manifests <path>' not specified");
  });
});
