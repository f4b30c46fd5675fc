// Manners: what is said of a pod whose image was moved, or could not be; and the pods whose makers want theirs left alone.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AMS, FRA } from '../../lab/registries/records.ts';
import { waitEvent } from './sets.ts';
import { Stage, decisionOf, unique, waitFor } from './stage.ts';
import type { LivePod } from './stage.ts';

const DERIVED = 'registry-failover-set-fra';

let stage: Stage;
let namespace: string;
/** Known at the upstream, which is down for all of this file. */
let image: string;
beforeAll(async () => {
  stage = new Stage();
  namespace = await stage.open('manners');
  image = await stage.known(namespace, FRA, AMS);
  await stage.stopped(namespace, FRA, image);
});
afterAll(() => stage.close());

const specOf = (pod: object): object => (pod as { spec: object }).spec;

describe('what is said', () => {
  it('ImageRerouted on the pod and on what made it', async () => {
    const app = unique('told');
    const { nodeName: _none, ...spec } = specOf(
      stage.podManifest(namespace, app, 'crio', [`${FRA}/${image}`]),
    ) as Record<string, unknown>;
    await stage.apply({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: app, namespace },
      spec: {
        replicas: 2,
        selector: { matchLabels: { app } },
        template: { metadata: { labels: { app } }, spec },
      },
    });
    const event = await waitEvent(stage, namespace, {
      reason: 'ImageRerouted',
      kind: 'ReplicaSet',
      name: app,
    });
    expect(event.note).toBe(
      `c0: ${FRA}/${image} is taken from ${AMS}. The upstream registry cannot be reached; a mirror serves the image.`,
    );
    const [pod] = await stage.list<LivePod>('pods', namespace, `labelSelector=app%3D${app}`);
    const told = await waitEvent(stage, namespace, {
      reason: 'ImageRerouted',
      kind: 'Pod',
      name: pod?.metadata.name ?? '',
    });
    expect(told).toMatchObject({ type: 'Normal', note: event.note });
    expect(await stage.kubectl('describe', 'pod', '-n', namespace, pod?.metadata.name ?? '')).toContain(
      'ImageRerouted',
    );
    const count = 'jsonpath={.status.podsOnMirrors}';
    await waitFor('the pods to be counted', 60_000, async () => {
      return Number(await stage.kubectl('get', 'registrymirrorset', 'fra', '-o', count)) >= 2;
    });
  });

  it('a warning in the terminal of whoever makes a bare pod, and NoMirrorAvailable where none can serve', async () => {
    const moved = stage.podManifest(namespace, unique('moved'), 'crio', [`${FRA}/${image}`]);
    expect(await stage.applyAloud(moved)).toContain(
      `Warning: registry-failover: c0: ${FRA} unreachable, image taken from ${AMS}`,
    );
    const name = unique('stuck');
    const pod = stage.podManifest(namespace, name, 'crio', [`${FRA}/team/absent:v1`]);
    expect(await stage.applyAloud(pod)).toContain('image kept: no-mirror-available');
    const event = await waitEvent(stage, namespace, { reason: 'NoMirrorAvailable', kind: 'Pod', name });
    expect(event).toMatchObject({ type: 'Warning' });
    await stage.kubectl('delete', 'pod', '-n', namespace, name, '--wait=false');
  });
});

describe('pods whose makers want theirs left alone', () => {
  it('an owner that compares images: credentials only', async () => {
    const pod = stage.podManifest(namespace, unique('owned'), 'crio', [`${FRA}/${image}`]);
    const owner = {
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Cluster',
      name: 'database',
      uid: '6f4d3f5c-0000-4000-8000-000000000000',
      controller: true,
    };
    const judged = await stage.judgePod({ ...pod, metadata: { ...pod.metadata, ownerReferences: [owner] } });
    expect(judged.spec.containers[0]?.image).toBe(`${FRA}/${image}`);
    expect(judged.spec.imagePullSecrets?.map((secret) => secret.name)).toEqual(['upstream', DERIVED]);
    expect(decisionOf(judged)['containers/c0']?.reason).toBe('owner-excluded');
  });

  it('a ServiceAccount that enforces mountable secrets: nothing is added, and the pod is accepted', async () => {
    const account = unique('strict');
    await stage.apply({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: {
        name: account,
        namespace,
        annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' },
      },
      secrets: [{ name: 'upstream' }],
      imagePullSecrets: [{ name: 'upstream' }],
    });
    const pod = stage.podManifest(namespace, unique('strict'), 'crio', [`${FRA}/${image}`]);
    const spec = { ...specOf(pod), serviceAccountName: account };
    const judged = await stage.judgePod({ ...pod, spec });
    expect(judged.spec.imagePullSecrets).toEqual([{ name: 'upstream' }]);
    expect(judged.spec.containers[0]?.image).toBe(`${FRA}/${image}`);
    expect(decisionOf(judged)['containers/c0']?.reason).toBe('no-mirror-credential');
  });

  it('a pod that says so itself: as it was sent', async () => {
    const pod = stage.podManifest(namespace, unique('skipped'), 'crio', [`${FRA}/${image}`]);
    const annotations = { 'registry-failover.io/skip': 'true' };
    const judged = await stage.judgePod({ ...pod, metadata: { ...pod.metadata, annotations } });
    expect(judged.spec.containers[0]?.image).toBe(`${FRA}/${image}`);
    expect(judged.spec.imagePullSecrets).toEqual([{ name: 'upstream' }]);
    expect(decisionOf(judged)['containers/c0']?.reason).toBe('opted-out');
  });
});
