// Pods as they stand in the API server after admission: rewritten, kept, or never seen.
import { printDecisionAnnotation } from '../../src/domain/decision-annotation.ts';
import { DECISION_ANNOTATION } from '../../src/domain/pod.ts';
import type { Draft } from '../support/cluster.ts';

export const UPSTREAM_IMAGE = 'fra.ocir.io/shop/checkout:1.0';
export const MIRROR_IMAGE = 'ams.ocir.io/shop/checkout:1.0';

export interface PodSketch {
  readonly name?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly createdAt?: string;
  /** What stands in the container. */
  readonly image?: string;
  /** Reason in the annotation; null: there is no annotation. */
  readonly reason?: string | null;
  readonly owner?: string | null;
  readonly phase?: string;
  readonly deleting?: boolean;
  readonly secrets?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export function annotationFor(image: string, reason: string): string {
  const action = image === UPSTREAM_IMAGE ? 'keep' : 'rewrite';
  const record = JSON.stringify({ image: UPSTREAM_IMAGE, endpoint: 'ams.ocir.io', action, reason });
  return printDecisionAnnotation([{ id: 'containers/app', record }]);
}

/** By default: rewritten, living, of ReplicaSet checkout-1. */
export function podObject(sketch: PodSketch = {}): Draft {
  const { name = 'checkout-1-a', namespace = 'shop', image = MIRROR_IMAGE, owner = 'checkout-1' } = sketch;
  const { reason = 'upstream-unreachable', secrets = [] } = sketch;
  const uid = sketch.uid ?? `uid-${name}`;
  return {
    metadata: {
      name,
      namespace,
      uid,
      creationTimestamp: sketch.createdAt ?? '2026-05-01T10:00:00Z',
      ...(sketch.deleting === true
        ? { deletionTimestamp: '2026-05-01T10:00:30Z', finalizers: ['test/hold'] }
        : {}),
      annotations: {
        ...(reason === null ? {} : { [DECISION_ANNOTATION]: annotationFor(image, reason) }),
        ...sketch.annotations,
      },
      ...(owner === null
        ? {}
        : {
            ownerReferences: [
              {
                apiVersion: 'apps/v1',
                kind: 'ReplicaSet',
                name: owner,
                uid: `uid-${owner}`,
                controller: true,
              },
            ],
          }),
    },
    spec: {
      containers: [{ name: 'app', image }],
      ...(secrets.length === 0 ? {} : { imagePullSecrets: secrets.map((each) => ({ name: each })) }),
    },
    status: { phase: sketch.phase ?? 'Running' },
  };
}
