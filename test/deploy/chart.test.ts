// The chart, judged by helm and by Kubernetes' own schemas.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { chart } from '../../deploy/artifacts.ts';
import { findTool } from '../../deploy/tools.ts';
import { checkManifest, type Manifest } from './kubernetes-schema.ts';
import { renderWith, valueSets } from './values.ts';

const sets = Object.entries(valueSets);

describe('the chart', () => {
  it('passes helm lint --strict', () => {
    const said = execFileSync(findTool('helm').path, ['lint', '--strict', chart], { encoding: 'utf8' });
    expect(said).toContain('0 chart(s) failed');
  });

  it.each(sets)('renders objects that Kubernetes knows, with %s', (_name, values) => {
    const manifests = renderWith(values);
    expect(manifests.length).toBeGreaterThan(5);
    expect(manifests.flatMap(checkManifest)).toEqual([]);
  });

  it.each(sets)(
    'gives every object a name of its own and the namespace of the release, with %s',
    (_name, values) => {
      const manifests = renderWith(values, '123');
      const clusterWide = /^(Mutating|Validating|Cluster|CustomResource)/;
      const homeless = manifests.filter(({ kind, metadata }) =>
        clusterWide.test(kind) ? metadata.namespace !== undefined : metadata.namespace !== '123',
      );
      expect(homeless).toEqual([]);
      const names = manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      expect(new Set(names).size).toBe(names.length);
      expect(manifests.flatMap(checkManifest)).toEqual([]);
    },
  );

  it('carries the version of the program', () => {
    const program = JSON.parse(
      readFileSync(path.resolve(chart, '../../../package.json'), 'utf8'),
    ) as Manifest;
    const read = parse(readFileSync(path.join(chart, 'Chart.yaml'), 'utf8')) as Manifest;
    expect([read['version'], read['appVersion']]).toEqual([program['version'], program['version']]);
  });
});

describe('the notes after an installation', () => {
  const notes = (...args: string[]): string => {
    const all = ['install', 'rf', chart, '--namespace', 'ops', '--dry-run=client', ...args];
    // No cluster is asked; without a kubeconfig none can be.
    const env = { ...process.env, KUBECONFIG: '/dev/null' };
    return execFileSync(findTool('helm').path, all, { encoding: 'utf8', env }).split('\nNOTES:\n')[1] ?? '';
  };

  it('say what is missing, and what comes next', () => {
    const said = notes();
    expect(said).toContain('image.repository is not set');
    expect(said).not.toContain('caBundle');
    for (const next of [
      'kubectl apply -f mirrors.yaml',
      'kubectl label namespace NAME registry-failover.io/enabled=true',
      'helm test rf -n ops',
      'kubectl label namespace ops pod-security.kubernetes.io/enforce=restricted',
    ])
      expect(said).toContain(next);
  });

  it('say so when the API server may not trust a certificate', () => {
    expect(notes('--set=tls.secretName=own-tls')).toContain(
      'tls.secretName is set and tls.caBundle is empty',
    );
  });

  it.each([
    ['the controller', []],
    ['cert-manager', ['--set=tls.certManager.enabled=true']],
    ['a bundle', ['--set=tls.secretName=own-tls', '--set=tls.caBundle=QUJD']],
  ])('raise no alarm when nothing is missing, with certificates by %s', (_name, args) => {
    expect(notes('--set=image.repository=reg.example/registry-failover', ...args)).not.toContain('ATTENTION');
  });
});

describe('the schema check itself', () => {
  it.each([
    ['an unknown field', { spec: { prots: [] } }, /prots/],
    ['a wrong type', { spec: { ports: [{ port: '443' }] } }, /port: must be integer/],
    ['a missing field', { spec: { ports: [{ name: 'https' }] } }, /must have required property 'port'/],
    ['an unknown kind', { kind: 'Servise' }, /not among the kinds/],
  ])('finds %s', (_name, change, expected) => {
    const manifest = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' }, ...change };
    expect(checkManifest(manifest).join('\n')).toMatch(expected);
  });
});
