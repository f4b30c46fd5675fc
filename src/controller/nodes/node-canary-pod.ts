// Node canary pod: a pod whose only purpose is that its image is pulled on one node, and what is to be seen of that. Pure.
import { asArray, asObject, asString, own } from '../../domain/json.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { KubeObject } from '../../kubernetes/resource.ts';
import { MANAGED_LABELS } from './node-record.ts';

export const CANARY_LABEL = 'registry-failover.io/canary';

export interface CanaryPod {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  /** With its tag. */
  readonly image: string;
  /** A pull secret of the same namespace. */
  readonly secret: string | undefined;
}

/** It ends by itself even if nobody is left to delete it. */
const DEADLINE_S = 120;

/**
 * Pinned to the node past the scheduler, so that a cordoned or tainted one can be tried too. Its command need not exist: a
 * container that cannot be started has had its image pulled.
 */
export function printCanaryPod({ namespace, name, node, image, secret }: CanaryPod): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name, labels: { ...MANAGED_LABELS, [CANARY_LABEL]: 'true' } },
    spec: {
      nodeName: node,
      restartPolicy: 'Never',
      activeDeadlineSeconds: DEADLINE_S,
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      tolerations: [{ operator: 'Exists' }],
      ...(secret === undefined ? {} : { imagePullSecrets: [{ name: secret }] }),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65_534,
        runAsGroup: 65_534,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'canary',
          image,
          // A copy that the node has already proves nothing about its registries.
          imagePullPolicy: 'Always',
          command: ['/registry-failover-canary'],
          resources: {
            requests: { cpu: '1m', memory: '8Mi' },
            limits: { cpu: '100m', memory: '32Mi' },
          },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  };
}

/** What is to be seen of the pull. `message` of one that goes on: why the last try failed, '' when none has. */
export type PullProgress =
  | { readonly kind: 'pulled' }
  | { readonly kind: 'pulling'; readonly message: string }
  /** It will not be tried any more. */
  | { readonly kind: 'failed'; readonly message: string };

/** pkg/kubelet/images/types.go: waiting reasons of a container whose image is not there, and those before it is looked for. */
const TRYING: ReadonlySet<string> = new Set([
  '',
  'ContainerCreating',
  'PodInitializing',
  'ErrImagePull',
  'ImagePullBackOff',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);
const HOPELESS: ReadonlySet<string> = new Set(['InvalidImageName', 'ErrImageNeverPull', 'ImageInspectError']);
const MAX_MESSAGE = 400;

function cut(text: string): string {
  const line = text.replaceAll(/\s+/gu, ' ').trim();
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}…` : line;
}

function textOf(object: JsonObject | undefined, key: string): string {
  return asString(own(object, key)) ?? '';
}

/** A container that says nothing yet has begun nothing. */
function judgeContainer(container: JsonObject): PullProgress | undefined {
  const state = asObject(own(container, 'state'));
  const hasBegun = own(state, 'running') !== undefined || own(state, 'terminated') !== undefined;
  if (hasBegun || textOf(container, 'imageID') !== '') return { kind: 'pulled' };
  const waiting = asObject(own(state, 'waiting'));
  const [reason, message] = [textOf(waiting, 'reason'), textOf(waiting, 'message')];
  if (HOPELESS.has(reason)) return { kind: 'failed', message: cut(`${reason}: ${message}`) };
  if (!TRYING.has(reason)) return { kind: 'pulled' };
  return message === '' ? undefined : { kind: 'pulling', message: cut(message) };
}

/** Judges a canary pod as the API server shows it. */
export function judgePull(pod: KubeObject): PullProgress {
  const status = asObject(pod['status']);
  const container = asObject(asArray(own(status, 'containerStatuses'))[0]);
  const judged = container === undefined ? undefined : judgeContainer(container);
  const isOver = ['Failed', 'Succeeded'].includes(textOf(status, 'phase'));
  if (judged !== undefined && (judged.kind !== 'pulling' || !isOver)) return judged;
  if (!isOver) return { kind: 'pulling', message: '' };
  // The kubelet has turned it away before it looked at the image, or its time was up.
  const why = `${textOf(status, 'reason')}: ${textOf(status, 'message')}`;
  return { kind: 'failed', message: cut(judged === undefined ? why : judged.message) };
}
