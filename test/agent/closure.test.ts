import { readFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bundleAgent, strangersInAgent } from '../../build.ts';

const SRC = resolve(import.meta.dirname, '../../src');
const IMPORT = /(?:^|\n)\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]/g;
const DYNAMIC = /import\(\s*['"]?([^'")]*)/g;

/** Every file that is reached from one, types apart, and every package that one of them names. */
function closureOf(entry: string): { files: Set<string>; packages: Set<string>; dynamic: string[] } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const dynamic: string[] = [];
  const visit = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    const text = readFileSync(file, 'utf8');
    dynamic.push(...[...text.matchAll(DYNAMIC)].map((match) => match[1] ?? ''));
    for (const [, isType, name = ''] of text.matchAll(IMPORT)) {
      if (isType !== undefined) continue;
      if (name.startsWith('.')) visit(resolve(dirname(file), name));
      else packages.add(name.startsWith('node:') ? 'node:*' : name);
    }
  };
  visit(resolve(SRC, entry));
  return { files, packages, dynamic };
}

describe('what the agent loads', () => {
  it('is node:* and smol-toml, and nothing is loaded by a name made at run time', () => {
    const { files, packages, dynamic } = closureOf('agent-main.ts');
    expect([...packages].toSorted((a, b) => a.localeCompare(b))).toEqual(['node:*', 'smol-toml']);
    expect(dynamic).toEqual([]);
    const folders = [...files].map((file) => relative(SRC, file).split('/')[0]);
    expect([...new Set(folders)].toSorted((a = '', b = '') => a.localeCompare(b))).toEqual([
      'agent',
      'agent-main.ts',
      'commands',
      'domain',
      'nodes',
    ]);
    expect([...files].filter((file) => file.includes('/commands/'))).toEqual([
      resolve(SRC, 'commands/version.ts'),
    ]);
    expect(files.size).toBeGreaterThan(40);
  });

  it('is the same in its bundle', async () => {
    const metafile = await bundleAgent({ write: false });
    expect(strangersInAgent(metafile)).toEqual([]);
    expect(Object.keys(metafile.inputs)).toContain('src/agent/local-shell.ts');
  });

  it('is looked at closely enough to see a stranger', () => {
    const inputs = {
      'src/registry/dance.ts': { bytes: 1, imports: [] },
      'node_modules/zod/index.js': { bytes: 1, imports: [] },
      'src/agent/x.ts': {
        bytes: 1,
        imports: [{ path: 'undici', kind: 'import-statement' as const, external: true }],
      },
    };
    expect(strangersInAgent({ inputs, outputs: {} })).toEqual([
      'src/registry/dance.ts',
      'node_modules/zod/index.js',
      'undici',
    ]);
  });
});
