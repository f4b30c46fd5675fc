// The image and the hosted CI agree with the chart and with the repository.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { podOf, renderWith } from './values.ts';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const dockerfile = read('Dockerfile');

describe('the Dockerfile', () => {
  const final = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  const { spec } = podOf(renderWith({}), 'webhook');

  it('starts the program as the chart does', () => {
    const entry: unknown = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(final)?.[1] ?? '');
    expect(entry).toEqual(spec.containers[0].command);
  });

  it('runs as the user that the chart asks for, said as a number', () => {
    const { runAsUser, runAsGroup } = spec.securityContext;
    expect(/^USER (.*)$/m.exec(final)?.[1]).toBe(`${runAsUser}:${runAsGroup}`);
  });

  it('takes every base image from an argument', () => {
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
    expect(bases).toEqual(['${BUILD_IMAGE}', '${BASE_IMAGE}']);
  });

  it('ships the bundles and nothing else', () => {
    expect([...final.matchAll(/^(?:COPY|ADD) (.*)$/gm)].map(([, what]) => what)).toEqual([
      '--from=build /src/dist /app',
    ]);
  });

  it('names the version of the program', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(/^ARG VERSION=(.*)$/m.exec(final)?.[1]).toBe(version);
  });

  it('finds what it copies: .dockerignore lets it through', () => {
    const allowed = read('.dockerignore').match(/(?<=^!).*$/gm) ?? [];
    const build = dockerfile.slice(0, dockerfile.lastIndexOf('\nFROM '));
    const copied = [...build.matchAll(/^COPY (.*) \S+$/gm)].flatMap(([, from]) => (from ?? '').split(' '));
    expect(copied.toSorted()).toEqual([...allowed].toSorted());
  });
});

describe('the hosted CI', () => {
  it('runs .ci/run, with read rights only', () => {
    const workflow = parse(read('.github/workflows/ci.yaml')) as {
      permissions: unknown;
      jobs: { ci: { steps: { run?: string }[] } };
    };
    expect(workflow.permissions).toEqual({ contents: 'read' });
    expect(workflow.jobs.ci.steps.flatMap(({ run }) => run ?? [])).toEqual(['.ci/run']);
  });
});
