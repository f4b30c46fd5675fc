// Replica pod: a pod as the ReplicaSet controller creates it, and the AdmissionReview in which the API server sends it.
import { DEMO_NAMESPACE } from './manifests.ts';

/** A pod's JSON. */
export interface PodObject {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec: {
    readonly containers: readonly { readonly name: string; readonly image: string }[];
    readonly imagePullSecrets?: readonly { readonly name: string }[];
  };
}

export interface ReplicaRequest {
  /** The Deployment's name, and its container's. */
  readonly app: string;
  readonly image: string;
  readonly pullSecrets: readonly string[];
}

/** What the hash of a pod template looks like; the same for every pod of one image. */
function templateHash(image: string): string {
  const letters = 'bcdfghjklmnpqrstvwxz2456789';
  let hash = 7;
  for (const character of image) hash = (hash * 31 + character.charCodeAt(0)) % 2 ** 40;
  return Array.from(
    { length: 10 },
    (_, index) => letters[Math.floor(hash / 3 ** index) % letters.length],
  ).join('');
}

/** The pod. It has no name yet: the API server makes one from `generateName`. */
export function replicaPod({ app, image, pullSecrets }: ReplicaRequest): PodObject {
  const hash = templateHash(image);
  const token = 'kube-api-access-r7x2m';
  const metadata = {
    generateName: `${app}-${hash}-`,
    namespace: DEMO_NAMESPACE,
    labels: { 'app.kubernetes.io/name': app, 'pod-template-hash': hash },
    ownerReferences: [
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        name: `${app}-${hash}`,
        uid: '5f0c7c1e-0b9e-4f53-9a53-6c1f3c1a2b40',
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
  };
  const container = {
    name: app,
    image,
    imagePullPolicy: 'IfNotPresent',
    ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
    readinessProbe: { httpGet: { path: '/healthz', port: 'http', scheme: 'HTTP' }, periodSeconds: 10 },
    volumeMounts: [
      { name: token, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
    ],
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  };
  return {
    metadata,
    spec: {
      containers: [container],
      imagePullSecrets: pullSecrets.map((name) => ({ name })),
      volumes: [
        {
          name: token,
          projected: {
            defaultMode: 420,
            sources: [{ serviceAccountToken: { expirationSeconds: 3607, path: 'token' } }],
          },
        },
      ],
      serviceAccountName: 'default',
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
    },
  } as PodObject;
}

const POD_KIND = { group: '', version: 'v1', kind: 'Pod' };
const POD_RESOURCE = { group: '', version: 'v1', resource: 'pods' };

/** The review (admission.k8s.io/v1) of this pod's creation. `uid` is the request's. */
export function reviewOf(uid: string, pod: PodObject): object {
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid,
      kind: POD_KIND,
      resource: POD_RESOURCE,
      requestKind: POD_KIND,
      requestResource: POD_RESOURCE,
      namespace: DEMO_NAMESPACE,
      operation: 'CREATE',
      userInfo: {
        username: 'system:serviceaccount:kube-system:replicaset-controller',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
      },
      object: { apiVersion: 'v1', kind: 'Pod', ...pod, status: {} },
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    },
  };
}
