// Pod template: which pods a file of manifests makes, and what is said of one that makes none.
import { describe, expect, it } from 'vitest';
import { parsePodSubjects } from '../../src/domain/pod-template.ts';
import type { PodSubject, TemplateProblem } from '../../src/domain/pod-template.ts';
import { readPod } from '../../src/domain/pod.ts';

const SPEC = { containers: [{ name: 'app', image: 'fra.ocir.io/shop/app:1' }] };
const TEMPLATE = { metadata: { labels: { app: 'web' }, annotations: { a: 'b' } }, spec: SPEC };

function manifest(kind: string, apiVersion: string, spec: unknown, namespace?: string): object {
  return { apiVersion, kind, metadata: { name: 'web', ...(namespace && { namespace }) }, spec };
}

function podsOf(...documents: readonly unknown[]): readonly PodSubject[] {
  const parsed = parsePodSubjects(documents, 'default');
  if (!parsed.ok) throw new Error(parsed.error.map((problem) => problem.message).join('; '));
  return parsed.value.pods;
}

function onlyPod(...documents: readonly unknown[]): PodSubject {
  const pods = podsOf(...documents);
  expect(pods).toHaveLength(1);
  return pods[0]!;
}

function problemsOf(...documents: readonly unknown[]): readonly TemplateProblem[] {
  const parsed = parsePodSubjects(documents, 'default');
  return parsed.ok ? [] : parsed.error;
}

const WORKLOADS: readonly [
  kind: string,
  apiVersion: string,
  spec: unknown,
  name: string,
  owners: string[],
][] = [
  ['Pod', 'v1', SPEC, 'web', []],
  ['Deployment', 'apps/v1', { template: TEMPLATE }, 'web-', ['apps']],
  ['ReplicaSet', 'apps/v1', { template: TEMPLATE }, 'web-', ['apps']],
  ['DaemonSet', 'apps/v1', { template: TEMPLATE }, 'web-', ['apps']],
  ['StatefulSet', 'apps/v1', { template: TEMPLATE }, 'web-0', ['apps']],
  ['Job', 'batch/v1', { template: TEMPLATE }, 'web-', ['batch']],
  ['CronJob', 'batch/v1', { jobTemplate: { spec: { template: TEMPLATE } } }, 'web-', ['batch']],
  ['ReplicationController', 'v1', { template: TEMPLATE }, 'web-', ['']],
];

describe('parsePodSubjects', () => {
  it.each(WORKLOADS)('reads the pods of a %s', (kind, apiVersion, spec, name, owners) => {
    const subject = onlyPod(manifest(kind, apiVersion, spec, 'shop'));
    expect(subject).toMatchObject({ workload: `${kind}/web`, namespace: 'shop' });
    const pod = readPod(subject.pod, subject.namespace);
    expect(pod.slots.map((slot) => slot.pointer)).toEqual(['/spec/containers/0/image']);
    expect(pod).toMatchObject({ name, ownerGroups: owners, serviceAccount: 'default' });
  });

  it('keeps labels and annotations of the template, and the spec whole', () => {
    const spec = { ...SPEC, serviceAccountName: 'robot', nodeSelector: { disk: 'ssd' } };
    const { pod } = onlyPod(manifest('Deployment', 'apps/v1', { template: { ...TEMPLATE, spec } }));
    expect(pod).toMatchObject({ metadata: TEMPLATE.metadata, spec });
  });

  it('keeps the owners that a pod was written with', () => {
    const owner = { apiVersion: 'postgresql.cnpg.io/v1', kind: 'Cluster', name: 'pg' };
    const { pod } = onlyPod({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'pg-1', ownerReferences: [owner] },
      spec: SPEC,
    });
    expect(readPod(pod, 'default').ownerGroups).toEqual(['postgresql.cnpg.io']);
  });

  it('takes the namespace from the manifest before the one it is given', () => {
    expect(onlyPod(manifest('Pod', 'v1', SPEC, 'shop')).namespace).toBe('shop');
    expect(onlyPod(manifest('Pod', 'v1', SPEC)).namespace).toBe('default');
  });

  it('flattens lists and documents, and says where each manifest stands', () => {
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      items: [manifest('Pod', 'v1', SPEC), manifest('Pod', 'v1', SPEC)],
    };
    const pods = podsOf(manifest('Job', 'batch/v1', { template: TEMPLATE }), null, list);
    expect(pods.map((pod) => pod.place)).toEqual([
      { document: 0, keys: [] },
      { document: 2, keys: ['items', 0] },
      { document: 2, keys: ['items', 1] },
    ]);
  });

  it('passes over what makes no pods, also a foreign kind with a familiar name', () => {
    const parsed = parsePodSubjects(
      [
        manifest('Pod', 'v1', SPEC),
        manifest('Service', 'v1', {}),
        manifest('Job', 'batch.volcano.sh/v1', {}),
      ],
      'default',
    );
    expect(parsed.ok && parsed.value.passedOver).toEqual(['Service/web', 'Job/web']);
  });

  describe('pull secrets of the service account', () => {
    const account = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default', namespace: 'shop' },
      imagePullSecrets: [{ name: 'of-account' }],
    };

    it('go to a pod that has none', () => {
      const subject = onlyPod(manifest('Pod', 'v1', SPEC, 'shop'), account);
      expect(readPod(subject.pod, 'shop').pullSecretNames).toEqual(['of-account']);
      expect(subject.pullSecretsKnown).toBe(true);
    });

    it('do not go to a pod with its own, nor to another namespace', () => {
      const own = { ...SPEC, imagePullSecrets: [{ name: 'mine' }] };
      expect(
        readPod(onlyPod(manifest('Pod', 'v1', own, 'shop'), account).pod, 'shop').pullSecretNames,
      ).toEqual(['mine']);
      const elsewhere = onlyPod(manifest('Pod', 'v1', SPEC, 'other'), account);
      expect(readPod(elsewhere.pod, 'other').pullSecretNames).toEqual([]);
      expect(elsewhere.pullSecretsKnown).toBe(false);
    });
  });

  const template = (spec: unknown): unknown => manifest('Deployment', 'apps/v1', { template: { spec } });
  it.each<[string, unknown, string, string]>([
    ['a text', 'hello', 'NotAManifest', ''],
    ['a list', [1], 'NotAManifest', ''],
    ['no kind', { apiVersion: 'v1' }, 'NotAManifest', ''],
    ['no apiVersion', { kind: 'Deployment' }, 'NotAManifest', ''],
    ['an old API', manifest('Deployment', 'extensions/v1beta1', {}), 'UnknownApiVersion', 'apiVersion'],
    ['no template', manifest('Deployment', 'apps/v1', {}), 'NoPodTemplate', 'spec'],
    ['no spec', manifest('Deployment', 'apps/v1', { template: {} }), 'NoContainers', 'spec.template.spec'],
    ['no containers', template({ containers: [] }), 'NoContainers', 'spec.template.spec.containers'],
    ['containers that are a map', template({ containers: {} }), 'NotAList', 'spec.template.spec.containers'],
    [
      'a container that is a text',
      template({ containers: ['x'] }),
      'NotAContainer',
      'spec.template.spec.containers[0]',
    ],
    [
      'no image',
      template({ containers: [{ name: 'a' }] }),
      'NoImage',
      'spec.template.spec.containers[0].image',
    ],
    [
      'an image that YAML reads as a number',
      template({ containers: [{ name: 'a', image: 1.25 }] }),
      'ImageNotText',
      'spec.template.spec.containers[0].image',
    ],
    [
      'an image volume without a reference',
      template({ ...SPEC, volumes: [{ name: 'v', image: {} }] }),
      'NoImage',
      'spec.template.spec.volumes[0].image.reference',
    ],
    [
      'pull secrets as a text',
      template({ ...SPEC, imagePullSecrets: 'x' }),
      'NotAList',
      'spec.template.spec.imagePullSecrets',
    ],
    [
      'a pull secret as a text',
      template({ ...SPEC, imagePullSecrets: ['x'] }),
      'NotAPullSecret',
      'spec.template.spec.imagePullSecrets[0]',
    ],
    ['nothing that makes pods', manifest('Service', 'v1', {}), 'NoPods', ''],
    ['nothing at all', null, 'NoPods', ''],
  ])('refuses %s', (_, document, code, path) => {
    expect(problemsOf(document)).toMatchObject([{ code, path }]);
  });

  it('says the missing apiVersion of a kind that it knows', () => {
    expect(problemsOf({ kind: 'CronJob' })).toMatchObject([{ fix: 'Add apiVersion: batch/v1' }]);
  });

  it('finds all problems at once', () => {
    const bad = template({ containers: [{ name: 'a' }, { name: 'b' }], initContainers: [{ image: 3 }] });
    expect(problemsOf(bad, 'x').map((problem) => problem.code)).toEqual([
      'NotAManifest',
      'ImageNotText',
      'NoImage',
      'NoImage',
    ]);
  });
});
