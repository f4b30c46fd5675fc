// Reading pods: every slot with its pointer, and no shape that can make it throw.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { onlyNewEphemeral, readPod } from '../../src/domain/pod.ts';

const raw = {
  metadata: { name: 'p', annotations: { 'registry-failover.io/skip': 'true' } },
  spec: {
    initContainers: [{ name: 'init', image: 'i' }],
    containers: [{ name: 'app', image: 'a', imagePullPolicy: 'Never' }, { name: 'none' }],
    ephemeralContainers: [{ name: 'debug', image: 'd' }],
    volumes: [
      { name: 'data', image: { reference: 'v', pullPolicy: 'Always' } },
      { name: 'tmp', emptyDir: {} },
    ],
    imagePullSecrets: [{ name: 'one' }, {}, { name: '' }, { name: 'two' }],
  },
};

describe('readPod', () => {
  it('finds every slot with its pointer', () => {
    expect(
      readPod(raw, 'ns').slots.map(({ id, pointer, image, pullNever }) => ({
        id,
        pointer,
        image,
        pullNever,
      })),
    ).toEqual([
      { id: 'initContainers/init', pointer: '/spec/initContainers/0/image', image: 'i', pullNever: false },
      { id: 'containers/app', pointer: '/spec/containers/0/image', image: 'a', pullNever: true },
      {
        id: 'ephemeralContainers/debug',
        pointer: '/spec/ephemeralContainers/0/image',
        image: 'd',
        pullNever: false,
      },
      { id: 'volumes/data', pointer: '/spec/volumes/0/image/reference', image: 'v', pullNever: false },
    ]);
  });

  it('reads what forbids a change', () => {
    expect(readPod(raw, 'ns')).toMatchObject({
      optedOut: true,
      isStatic: false,
      pullSecretNames: ['one', 'two'],
    });
    const mirror = { metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } };
    expect(readPod(mirror, 'ns').isStatic).toBe(true);
  });

  it('gives a slot whose name is taken its position instead', () => {
    const twins = {
      spec: {
        containers: [
          { name: 'a', image: 'x' },
          { name: 'a', image: 'y' },
        ],
      },
    };
    expect(readPod(twins, 'ns').slots.map((slot) => slot.id)).toEqual(['containers/a', 'containers/1']);
  });

  it('reads anything without throwing', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => void readPod(value, 'ns')));
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (containers, metadata, secrets) => {
        readPod({ metadata, spec: { containers, volumes: containers, imagePullSecrets: secrets } }, 'ns');
      }),
    );
  });

  it('takes only the ephemeral containers that an update adds', () => {
    const before = readPod({ spec: { ephemeralContainers: [{ name: 'old', image: 'd' }] } }, 'ns');
    const now = readPod(
      {
        spec: {
          containers: [{ name: 'app', image: 'a' }],
          ephemeralContainers: [
            { name: 'old', image: 'd' },
            { name: 'new', image: 'n' },
          ],
        },
      },
      'ns',
    );
    expect(onlyNewEphemeral(now, before).slots.map((slot) => slot.id)).toEqual(['ephemeralContainers/new']);
  });
});
