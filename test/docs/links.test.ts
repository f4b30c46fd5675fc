// The documents: what they point at is there, and what they say of decisions has the form that was agreed.
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, documentPaths, readText } from './documents.ts';

const paths = documentPaths();

/** Relative targets of links, without their anchors. */
function linksOf(markdown: string): string[] {
  return [...markdown.matchAll(/\]\(([^)\s]+)\)/gu)]
    .map(([, target = '']) => target.replace(/#.*$/u, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/u.test(target));
}

/** Files and folders of the repository that stand in the text as code. */
function filesNamedIn(markdown: string): string[] {
  return [...markdown.matchAll(/`((?:src|test|deploy|docs|certs|bench)\/[\w./-]*)`/gu)].map(
    ([, path = '']) => path,
  );
}

describe.each(paths)('%s', (path) => {
  const text = readText(path);

  it('links to what is there', () => {
    const broken = linksOf(text).filter((target) => !existsSync(join(ROOT, dirname(path), target)));
    expect(broken).toEqual([]);
  });

  it('names files that are there', () => {
    const named = filesNamedIn(text).filter((file) => !file.includes('NNNN'));
    expect(named.filter((file) => !existsSync(join(ROOT, normalize(file))))).toEqual([]);
  });

  it('is text: one heading at the top, no trailing blanks, a line feed at the end', () => {
    expect(text).toMatch(/^# \S/u);
    expect(text).not.toMatch(/[ \t]$/mu);
    expect(text.endsWith('\n') && !text.endsWith('\n\n')).toBe(true);
  });
});

describe('docs/adr', () => {
  const names = readdirSync(join(ROOT, 'docs/adr')).toSorted();

  it('is numbered without gaps, and says context, decision and consequences on a page', () => {
    names.forEach((name, index) => {
      expect(name).toMatch(new RegExp(`^${String(index + 1).padStart(4, '0')}-[a-z0-9-]+\\.md$`, 'u'));
      const text = readText(`docs/adr/${name}`);
      expect([...text.matchAll(/^## (.*)$/gmu)].map(([, heading]) => heading)).toEqual([
        'Context',
        'Decision',
        'Consequences',
      ]);
      expect(text.split('\n').length).toBeLessThan(60);
    });
  });
});
