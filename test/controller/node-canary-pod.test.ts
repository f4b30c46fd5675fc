// Canary pod: what a kubelet's words come to.
import { describe, expect, it } from 'vitest';
import { judgePull, printCanaryPod } from '../../src/controller/nodes/node-canary-pod.ts';
import type { PullProgress } from '../../src/controller/nodes/node-canary-pod.ts';

function podWith(status: object) {
  return { metadata: { name: 'canary' }, status };
}

function container(state: object, imageID = '') {
  return podWith({ phase: 'Pending', containerStatuses: [{ imageID, state }] });
}

const waiting = (reason: string, message = ''): object => ({ waiting: { reason, message } });

describe('judgePull', () => {
  it.each<[string, ReturnType<typeof podWith>, PullProgress]>([
    ['nothing is known', podWith({}), { kind: 'pulling', message: '' }],
    ['it is being made', container(waiting('ContainerCreating')), { kind: 'pulling', message: '' }],
    [
      'the pull fails',
      container(waiting('ErrImagePull', 'no\nroute')),
      { kind: 'pulling', message: 'no route' },
    ],
    [
      'it is in back-off',
      container(waiting('ImagePullBackOff', 'Back-off')),
      { kind: 'pulling', message: 'Back-off' },
    ],
    [
      'the name is none',
      container(waiting('InvalidImageName', 'bad')),
      { kind: 'failed', message: 'InvalidImageName: bad' },
    ],
    ['its command does not exist', container(waiting('RunContainerError', 'x')), { kind: 'pulled' }],
    ['it cannot be made', container(waiting('CreateContainerError', 'x')), { kind: 'pulled' }],
    ['it has its image', container(waiting('ContainerCreating'), 'sha256:1'), { kind: 'pulled' }],
    ['it runs', container({ running: {} }), { kind: 'pulled' }],
    ['it has ended', container({ terminated: { reason: 'StartError' } }), { kind: 'pulled' }],
    [
      'the kubelet turned it away',
      podWith({ phase: 'Failed', reason: 'OutOfpods', message: 'too many' }),
      { kind: 'failed', message: 'OutOfpods: too many' },
    ],
    [
      'its time was up',
      podWith({ phase: 'Failed', containerStatuses: [{ state: waiting('ErrImagePull', 'no route') }] }),
      { kind: 'failed', message: 'no route' },
    ],
  ])('when %s', (_name, pod, progress) => {
    expect(judgePull(pod)).toEqual(progress);
  });

  it('cuts what a registry may have made long', () => {
    const progress = judgePull(container(waiting('ErrImagePull', 'x'.repeat(100_000))));
    expect(progress.kind === 'pulling' ? progress.message.length : 0).toBeLessThan(500);
  });
});

describe('printCanaryPod', () => {
  it('has nothing but an image to pull', () => {
    const pod = printCanaryPod({ namespace: 'ns', name: 'c', node: 'n1', image: 'r/i:1', secret: undefined });
    expect(pod['spec']).not.toHaveProperty('volumes');
    expect(pod['spec']).not.toHaveProperty('imagePullSecrets');
    expect(pod['spec']).toMatchObject({ automountServiceAccountToken: false, activeDeadlineSeconds: 120 });
  });
});
