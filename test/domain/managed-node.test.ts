// Which nodes manage themselves, and which runtime a Node object names.
import { describe, expect, it } from 'vitest';
import { isSupportedRuntime, managedNodeOf, runtimeOf } from '../../src/domain/managed-node.ts';
import type { NodeFacts } from '../../src/domain/managed-node.ts';

const ordinary: NodeFacts = {
  osImage: 'Debian GNU/Linux 12 (bookworm)',
  kubeletVersion: 'v1.35.4',
  containerRuntimeVersion: 'containerd://2.1.9',
  labels: { 'kubernetes.io/os': 'linux' },
};

describe('managedNodeOf', () => {
  it.each<[string, Partial<NodeFacts>, string]>([
    [
      'OpenShift by its image',
      { osImage: 'Red Hat Enterprise Linux CoreOS 418.94.202501221327-0' },
      'OpenShift',
    ],
    ['OKD by its image', { osImage: 'CentOS Stream CoreOS 419.9.202505302001-0' }, 'OpenShift'],
    [
      'OKD on Fedora by its label',
      { osImage: 'Fedora CoreOS 39.20240210.3.0', labels: { 'node.openshift.io/os_id': 'fedora' } },
      'OpenShift',
    ],
    ['Talos', { osImage: 'Talos (v1.11.3)' }, 'Talos'],
    ['GKE by its image', { osImage: 'Container-Optimized OS from Google' }, 'GKE'],
    [
      'GKE on Ubuntu by its kubelet',
      { osImage: 'Ubuntu 24.04', kubeletVersion: 'v1.33.5-gke.1080000' },
      'GKE',
    ],
    ['GKE by its node pool', { labels: { 'cloud.google.com/gke-nodepool': 'default-pool' } }, 'GKE'],
    ['k3s', { kubeletVersion: 'v1.33.4+k3s1', containerRuntimeVersion: 'containerd://2.0.5-k3s2' }, 'k3s'],
    ['RKE2', { kubeletVersion: 'v1.33.4+rke2r1' }, 'RKE2'],
    ['Bottlerocket', { osImage: 'Bottlerocket OS 1.48.0 (aws-k8s-1.33)' }, 'Bottlerocket'],
    [
      'EKS Auto Mode',
      { osImage: 'Bottlerocket (EKS Auto, Standard) 2025.9.16 (aws-k8s-1.33)' },
      'Bottlerocket',
    ],
    ['MicroK8s', { labels: { 'microk8s.io/cluster': 'true' } }, 'MicroK8s'],
  ])('knows %s', (_, facts, system) => {
    const managed = managedNodeOf({ ...ordinary, ...facts });
    expect(managed?.system).toBe(system);
    expect(managed?.message).toContain('no file is written');
    expect(managed?.fix).toMatch(/^Declare the mirrors .*[^.]$/);
  });

  it.each<[string, Partial<NodeFacts>]>([
    ['Debian', {}],
    ['a Fedora CoreOS of its own', { osImage: 'Fedora CoreOS 39.20240210.3.0' }],
    [
      'MicroShift',
      { osImage: 'Red Hat Enterprise Linux 9.4 (Plow)', labels: { 'node.openshift.io/os_id': 'rhel' } },
    ],
    ['Flatcar', { osImage: 'Flatcar Container Linux by Kinvolk 4230.2.3 (Oklo)' }],
    ['AKS', { osImage: 'Ubuntu 22.04.5 LTS', labels: { 'kubernetes.azure.com/cluster': 'x' } }],
    ['Amazon Linux', { osImage: 'Amazon Linux 2023.8.20250915', kubeletVersion: 'v1.33.5-eks-113cf36' }],
    ['a MicroK8s label that says no', { labels: { 'microk8s.io/cluster': 'false' } }],
    ['a node that says nothing', { osImage: '', kubeletVersion: '', labels: {} }],
    ['labels with names of objects', { labels: JSON.parse('{"__proto__":"x","constructor":"y"}') as {} }],
  ])('leaves %s to its operator', (_, facts) => {
    expect(managedNodeOf({ ...ordinary, ...facts })).toBeUndefined();
  });
});

describe('runtimeOf', () => {
  it.each([
    ['cri-o://1.34.0', { name: 'crio', version: '1.34.0' }],
    ['containerd://2.1.9', { name: 'containerd', version: '2.1.9' }],
    ['containerd://1.7.28-k3s1', { name: 'containerd', version: '1.7.28-k3s1' }],
    ['containerd://v2.3.7', { name: 'containerd', version: '2.3.7' }],
    ['containerd://1.6.20~ds1', { name: 'containerd', version: '1.6.20~ds1' }],
  ])('reads %s', (text, runtime) => {
    expect(runtimeOf(text)).toEqual(runtime);
  });

  it.each([
    'docker://27.0.1',
    'containerd://Unknown',
    'containerd://',
    '',
    'cri-o:/1.34.0',
    'cri-o://1.34.0\nx',
  ])('does not know %j', (text) => {
    expect(runtimeOf(text)).toBeUndefined();
  });
});

describe('isSupportedRuntime', () => {
  it.each([
    ['crio', '1.28.0', true],
    ['crio', '1.27.9', false],
    ['crio', '1.100.0', true],
    ['crio', '2.0.0', true],
    ['containerd', '1.7.0', true],
    ['containerd', '1.6.38', false],
    ['containerd', '2.0.0', true],
    ['containerd', '0.9', false],
    ['containerd', 'soon', false],
  ] as const)('%s %s: %s', (name, version, isSupported) => {
    expect(isSupportedRuntime({ name, version })).toBe(isSupported);
  });
});
