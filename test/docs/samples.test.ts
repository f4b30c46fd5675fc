// Samples: the YAML in the documents is valid, and says the same to kubectl (YAML 1.1) as to this program (YAML 1.2).
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseMirrorSet } from '../../src/config/mirror-set.ts';
import { documentPaths, readFences, readText } from './documents.ts';

const PATHS = [...documentPaths(), 'README.md', 'deploy/helm/registry-failover/README.md'];

function valuesOf(text: string, version: '1.1' | '1.2'): unknown[] {
  return [...parseAllDocuments(text, { version })].map((document) => document.toJS() as unknown);
}

/** Files that README has people apply. */
const APPLIED = ['examples/lab/mirrors.yaml'];

/** Every document of every sample, as [where it is, its text]. */
const samples = [
  ...PATHS.flatMap((path) =>
    readFences(readText(path), 'yaml').map((text, index) => [`${path}, sample ${index + 1}`, text] as const),
  ),
  ...APPLIED.map((path) => [path, readText(path)] as const),
];

function isMirrorSet(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'RegistryMirrorSet';
}

describe('the YAML in the documents', () => {
  it('is there, with every field that a bare word could turn into something else', () => {
    expect(samples.length).toBeGreaterThan(1);
    expect(samples.some(([, text]) => text.includes('"on":'))).toBe(true);
  });

  it.each(samples)('means the same in both versions of YAML: %s', (_where, text) => {
    expect(valuesOf(text, '1.1')).toEqual(valuesOf(text, '1.2'));
  });

  it.each(samples)('holds only mirror sets that are valid: %s', (where, text) => {
    const results = valuesOf(text, '1.2')
      .filter(isMirrorSet)
      .map((value) => parseMirrorSet(value, where));
    expect(results.flatMap((result) => (result.ok ? [] : result.error))).toEqual([]);
  });
});
