// The map: the layers it draws are those that the architecture test enforces.
import { describe, expect, it } from 'vitest';
import { plain, readTable, readText } from './documents.ts';

/** Folder → what it may import, as one comparable text. */
type Rights = Readonly<Record<string, string>>;

function names(list: string): string {
  return list
    .split(',')
    .map((name) => name.trim().replaceAll(/['"`]/gu, ''))
    .filter((name) => name !== '')
    .toSorted()
    .join(', ');
}

/** The table in the architecture test, read from its source: a test file exports nothing. */
function enforced(): Rights {
  const source = readText('test/architecture.test.ts');
  const table = /const RIGHTS[^=]*= \{([\s\S]*?)\n\};/u.exec(source)?.[1]?.replaceAll(/\/\/.*$/gmu, '') ?? '';
  const lines = table.matchAll(
    /(\w+|''):\s*\{\s*folders: \[([^\]]*)\],\s*packages: \[([^\]]*)\],\s*node: (?:\[([^\]]*)\]|('\*')),?\s*\}/gu,
  );
  return Object.fromEntries(
    [...lines].map(([, folder = '', folders = '', packages = '', node = '', any]) => [
      folder === "''" ? '(root)' : folder,
      `${names(folders).replace('*', 'all')} | ${names(packages)} | ${any === undefined ? names(node) : 'any'}`,
    ]),
  );
}

describe('docs/architecture.md', () => {
  it('draws the layers as test/architecture.test.ts enforces them', () => {
    const rows = readTable(readText('docs/architecture.md'), ['folder', 'owns', 'folders', 'packages']);
    const drawn = Object.fromEntries(
      rows.map((row) => [
        plain(row['folder'] ?? ''),
        `${names(row['folders'] ?? '')} | ${names(row['packages'] ?? '')} | ${names(row['node modules'] ?? '')}`,
      ]),
    );
    expect(Object.keys(enforced()).length).toBeGreaterThan(10);
    expect(drawn).toEqual(enforced());
  });

  it('has a sentence for every folder', () => {
    const rows = readTable(readText('docs/architecture.md'), ['folder', 'owns']);
    expect(rows.filter((row) => row['owns'] === '')).toEqual([]);
  });
});
