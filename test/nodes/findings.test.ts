// Which runtime a node has, and who manages it.
import { describe, expect, it } from 'vitest';
import { FINDING_CODES } from '../../src/nodes/findings/finding.ts';
import { findingsOf } from '../../src/nodes/findings/findings.ts';
import { runtimeOn } from '../../src/nodes/findings/found-runtime.ts';
import { DEFAULT_LAYOUT } from '../../src/nodes/node-file.ts';
import type { RuntimeName } from '../../src/nodes/data/wanted.ts';
import { foundNode } from './found-node.ts';
import type { Scene } from './found-node.ts';

const CRIO = { crio: ['/usr/bin/crio'] };
const CONTAINERD = { containerd: ['/usr/bin/containerd'] };
const DOCKERS = { containerd: ['containerd', '--config', '/var/run/docker/containerd/containerd.toml'] };
const programs = {
  crio: 'crio version 1.34.0\nGitCommit:  unknown',
  containerd: 'containerd github.com/containerd/containerd/v2 v2.1.9 ee4179e52',
};
const kubelet = (socket: string): Record<string, string[]> => ({
  kubelet: ['kubelet', `--container-runtime-endpoint=unix://${socket}`],
});

describe('runtimeOn', () => {
  it.each<[string, Scene, RuntimeName | undefined, unknown]>([
    ['CRI-O', { processes: CRIO, programs }, undefined, { name: 'crio', version: '1.34.0' }],
    ['containerd', { processes: CONTAINERD, programs }, undefined, { name: 'containerd', version: '2.1.9' }],
    [
      'Debian’s containerd',
      {
        processes: CONTAINERD,
        programs: { containerd: 'containerd github.com/containerd/containerd 1.7.20~ds1 1.7.20~ds1-1+b2' },
      },
      undefined,
      { name: 'containerd', version: '1.7.20~ds1' },
    ],
    [
      'CRI-O beside Docker',
      { processes: { ...CRIO, ...DOCKERS }, programs },
      undefined,
      { name: 'crio', version: '1.34.0' },
    ],
    [
      'two, of which the kubelet names one',
      { processes: { ...CRIO, ...CONTAINERD, ...kubelet('/run/containerd/containerd.sock') }, programs },
      undefined,
      { name: 'containerd', version: '2.1.9' },
    ],
    [
      'two, of which we are told one',
      { processes: { ...CRIO, ...CONTAINERD }, programs },
      'crio',
      { name: 'crio', version: '1.34.0' },
    ],
  ])('finds %s', (_, scene, wanted, runtime) => {
    expect(runtimeOn(foundNode(scene), wanted)).toEqual({ ok: true, value: runtime });
  });

  it.each<[string, Scene, RuntimeName | undefined, string]>([
    ['none', { programs }, undefined, 'NoRuntime'],
    ['Docker only', { processes: DOCKERS, programs }, undefined, 'NoRuntime'],
    ['another than is meant', { processes: CONTAINERD, programs }, 'crio', 'NoRuntime'],
    ['two', { processes: { ...CRIO, ...CONTAINERD }, programs }, undefined, 'TwoRuntimes'],
    ['one without a version', { processes: CRIO }, undefined, 'RuntimeVersionUnknown'],
    [
      'one that says no version',
      { processes: CRIO, programs: { crio: '' } },
      undefined,
      'RuntimeVersionUnknown',
    ],
    [
      'an old CRI-O',
      { processes: CRIO, programs: { crio: 'crio version 1.27.4' } },
      undefined,
      'RuntimeUnsupported',
    ],
    [
      'an old containerd',
      {
        processes: CONTAINERD,
        programs: { containerd: 'containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+b1' },
      },
      undefined,
      'RuntimeUnsupported',
    ],
  ])('says why not, of %s', (_, scene, wanted, code) => {
    const runtime = runtimeOn(foundNode(scene), wanted);
    expect(runtime.ok ? runtime.value : [runtime.error.code, runtime.error.severity]).toEqual([
      code,
      'error',
    ]);
  });
});

describe('findingsOf', () => {
  it.each<[string, Scene, string]>([
    [
      'OpenShift by its daemon’s folder',
      { traces: ['/run/ostree-booted', '/etc/machine-config-daemon'] },
      'OpenShift',
    ],
    [
      'OpenShift by os-release',
      { osRelease: 'NAME="Red Hat Enterprise Linux CoreOS"\nID="rhel"\nOPENSHIFT_VERSION="4.19"\n' },
      'OpenShift',
    ],
    ['OpenShift by its id', { osRelease: 'ID="rhcos"\nID_LIKE="rhel fedora"\n' }, 'OpenShift'],
    ['Talos', { osRelease: 'NAME="Talos"\nID=talos\n' }, 'Talos'],
    ['GKE on its own system', { osRelease: 'ID=cos\n' }, 'GKE'],
    ['GKE on Ubuntu', { osRelease: 'ID=ubuntu\n', traces: ['/home/kubernetes/bin'] }, 'GKE'],
    ['k3s by its process', { processes: { 'k3s-agent': ['/usr/local/bin/k3s agent'] } }, 'k3s'],
    [
      'k3s by its containerd',
      {
        processes: {
          containerd: ['containerd', '-c', '/var/lib/rancher/k3s/agent/etc/containerd/config.toml'],
        },
      },
      'k3s',
    ],
    ['RKE2', { processes: { rke2: ['rke2', 'agent'] } }, 'RKE2'],
    ['Bottlerocket', { osRelease: 'ID=bottlerocket\n' }, 'Bottlerocket'],
    [
      'MicroK8s',
      {
        processes: {
          containerd: [
            '/snap/microk8s/x/bin/containerd',
            '--config',
            '/var/snap/microk8s/1/args/containerd.toml',
          ],
        },
      },
      'MicroK8s',
    ],
  ])('says that %s writes its files itself, and nothing beside', (_, scene, system) => {
    const told = findingsOf(foundNode(scene), { name: 'containerd', version: '1.6.0' }, DEFAULT_LAYOUT);
    expect(told.map(({ code, severity }) => [code, severity])).toEqual([['ManagedNode', 'error']]);
    expect(told[0]?.message).toContain(system);
  });

  it.each<[string, Scene]>([
    [
      'folders that k3s has left behind',
      { traces: ['/etc/rancher/k3s', '/var/lib/rancher/k3s', '/var/lib/rancher/rke2'] },
    ],
    [
      'an ostree that is nobody’s',
      { traces: ['/run/ostree-booted'], osRelease: 'ID=fedora\nVARIANT_ID=coreos\n' },
    ],
    ['an ID that only begins so', { osRelease: 'ID=costa\n' }],
    ['nothing', {}],
  ])('takes %s for no manager', (_, scene) => {
    const told = findingsOf(foundNode({ ...scene, processes: CRIO, programs }), undefined, DEFAULT_LAYOUT);
    expect(told).toEqual([]);
  });

  it('says why there is no runtime, where nobody names one', () => {
    const told = findingsOf(foundNode({}), undefined, DEFAULT_LAYOUT);
    expect(told.map(({ code }) => code)).toEqual(['NoRuntime']);
  });

  it('says that the runtime it was told of does not run, and what else there is', () => {
    const scene = { files: { '/root/.config/containers/registries.conf': '' } };
    const told = findingsOf(foundNode(scene), { name: 'crio', version: '1.34.0' }, DEFAULT_LAYOUT);
    expect(told.map(({ code }) => code)).toEqual(['NoRuntime', 'CrioRootRegistriesConf']);
  });

  it('has codes that are each there once', () => {
    expect(new Set(FINDING_CODES).size).toBe(FINDING_CODES.length);
  });
});
