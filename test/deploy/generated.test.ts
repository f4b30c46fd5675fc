// Generated files are equal to what their sources give now; "npm run generate" brings them up to date.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { chartArtifacts, installArtifact } from '../../deploy/artifacts.ts';
import { renderValuesTable } from '../../deploy/values-table.ts';
import { checkManifest, only, readManifests } from './kubernetes-schema.ts';

const root = path.resolve(import.meta.dirname, '../..');

describe('npm run generate', () => {
  it.each(chartArtifacts().map((one) => [path.relative(root, one.path), one] as const))(
    'has nothing to change in %s',
    (_name, artifact) => {
      expect(readFileSync(artifact.path, 'utf8')).toBe(artifact.text);
    },
  );

  it('has nothing to change in deploy/install.yaml', () => {
    const artifact = installArtifact();
    expect(readFileSync(artifact.path, 'utf8')).toBe(artifact.text);
  });
});

describe('what kubectl and helm read', () => {
  it.each(
    [...chartArtifacts().filter((one) => one.path.endsWith('.yaml')), installArtifact()].map(
      (one) => [path.relative(root, one.path), one.text] as const,
    ),
  )('means the same in YAML 1.1 as in YAML 1.2: %s', (_name, text) => {
    const read = (version: '1.1' | '1.2'): unknown[] =>
      parseAllDocuments(text, { version }).map((document) => (document as { toJS(): unknown }).toJS());
    expect(read('1.1')).toEqual(read('1.2'));
  });
});

describe('deploy/install.yaml', () => {
  const manifests = readManifests(installArtifact().text);

  it('holds objects that Kubernetes knows, the namespace first', () => {
    expect(manifests.flatMap(checkManifest)).toEqual([]);
    expect(manifests[0]).toMatchObject({ kind: 'Namespace', metadata: { name: 'registry-failover' } });
    const namespaces = manifests
      .map(({ metadata }) => metadata.namespace)
      .filter((name) => name !== undefined);
    expect(new Set(namespaces)).toEqual(new Set(['registry-failover']));
  });

  it('needs nothing else in the cluster: the controller makes the certificate', () => {
    expect(new Set(manifests.map(({ apiVersion }) => apiVersion))).not.toContain('cert-manager.io/v1');
    const configuration = only(manifests, 'MutatingWebhookConfiguration');
    expect(configuration.metadata).not.toHaveProperty('annotations');
  });

  it('has none of helm’s hooks, which kubectl would run at once', () => {
    expect(manifests.filter(({ kind }) => ['Job', 'Pod'].includes(kind))).toEqual([]);
    expect(installArtifact().text).not.toContain('helm.sh/hook');
  });
});

describe('renderValuesTable', () => {
  const leaf = { description: 'a | b', type: 'integer' };

  it('gives a row for each described value, with its default', () => {
    const table = renderValuesTable({ properties: { a: { properties: { b: leaf } } } }, 'a: { b: 1 }');
    expect(table).toBe('| value | default | meaning |\n|---|---|---|\n| `a.b` | `1` | a \\| b |\n');
  });

  it('refuses a value without a meaning or a default', () => {
    expect(() => renderValuesTable({ properties: { a: { type: 'integer' } } }, 'a: 1')).toThrow(
      'what a means',
    );
    expect(() => renderValuesTable({ properties: { a: leaf } }, 'b: 1')).toThrow('no default for a');
  });
});
