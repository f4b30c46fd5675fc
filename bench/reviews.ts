// Reviews: AdmissionReviews of the size and shape that an API server sends for a Deployment's pods: three containers, 5 to 10 KB.

/** In a distinct body, stands where each request gets a number of its own. Always followed by five digits. */
export const DISTINCT = '@@@@@';

const LABELS = {
  'app.kubernetes.io/name': 'checkout',
  'app.kubernetes.io/instance': 'checkout-production',
  'app.kubernetes.io/version': '4.17.2',
  'app.kubernetes.io/part-of': 'shop',
  'pod-template-hash': '7d4b9c6f5d',
  team: 'payments',
};

function probe(path: string): object {
  return {
    httpGet: { path, port: 'http', scheme: 'HTTP' },
    initialDelaySeconds: 5,
    timeoutSeconds: 2,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  };
}

function container(name: string, image: string): object {
  return {
    name,
    image,
    args: ['--listen=:8080', `--config=/etc/${name}/config.yaml`, '--log-format=json'],
    ports: [
      { name: 'http', containerPort: 8080, protocol: 'TCP' },
      { name: 'metrics', containerPort: 9090, protocol: 'TCP' },
    ],
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
      {
        name: 'POD_NAMESPACE',
        valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } },
      },
      { name: 'DATABASE_URL', valueFrom: { secretKeyRef: { name: 'checkout-database', key: 'url' } } },
      { name: 'FEATURE_FLAGS', value: 'new-basket=on,express-pay=off,recommendations=on' },
      { name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'http://collector.observability.svc:4317' },
    ],
    resources: { limits: { memory: '512Mi' }, requests: { cpu: '250m', memory: '256Mi' } },
    volumeMounts: [
      { name: 'config', readOnly: true, mountPath: `/etc/${name}` },
      { name: 'tmp', mountPath: '/tmp' },
      {
        name: 'kube-api-access-x7k2p',
        readOnly: true,
        mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
      },
    ],
    livenessProbe: probe('/livez'),
    readinessProbe: probe('/readyz'),
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: 'IfNotPresent',
    securityContext: {
      capabilities: { drop: ['ALL'] },
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
    },
  };
}

const ACCESS_VOLUME = {
  name: 'kube-api-access-x7k2p',
  projected: {
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
    defaultMode: 420,
  },
};

/** Three containers' images → the pod. */
function pod(images: readonly string[]): object {
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      generateName: 'checkout-7d4b9c6f5d-',
      namespace: 'shop',
      creationTimestamp: null,
      labels: LABELS,
      annotations: {
        'prometheus.io/scrape': 'true',
        'prometheus.io/port': '9090',
        'checksum/config': '9f86d081884c7d65',
      },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: 'checkout-7d4b9c6f5d',
          uid: '6f2b3c1e-8a4d-4e55-9d6b-3f0d6f3c2b11',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      volumes: [
        { name: 'config', configMap: { name: 'checkout', defaultMode: 420 } },
        { name: 'tmp', emptyDir: {} },
        ACCESS_VOLUME,
      ],
      containers: images.map((image, index) =>
        container(['app', 'proxy', 'metrics'][index] ?? `c${index}`, image),
      ),
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      serviceAccountName: 'checkout',
      serviceAccount: 'checkout',
      securityContext: { fsGroup: 2000, seccompProfile: { type: 'RuntimeDefault' } },
      imagePullSecrets: [{ name: 'regcred' }],
      schedulerName: 'default-scheduler',
      tolerations: [
        {
          key: 'node.kubernetes.io/not-ready',
          operator: 'Exists',
          effect: 'NoExecute',
          tolerationSeconds: 300,
        },
        {
          key: 'node.kubernetes.io/unreachable',
          operator: 'Exists',
          effect: 'NoExecute',
          tolerationSeconds: 300,
        },
      ],
      priority: 0,
      enableServiceLinks: true,
      preemptionPolicy: 'PreemptLowerPriority',
    },
    status: {},
  };
}

const POD_KIND = { group: '', version: 'v1', kind: 'Pod' };
const POD_RESOURCE = { group: '', version: 'v1', resource: 'pods' };

/** The review of a pod with these images. */
export function reviewOf(uid: string, images: readonly string[]): string {
  return JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid,
      kind: POD_KIND,
      resource: POD_RESOURCE,
      requestKind: POD_KIND,
      requestResource: POD_RESOURCE,
      namespace: 'shop',
      operation: 'CREATE',
      userInfo: {
        username: 'system:serviceaccount:kube-system:replicaset-controller',
        uid: '0b8f9d2c-51f4-4c57-8a8b-1f6b2f4f1f0a',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
      },
      object: pod(images),
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    },
  });
}

/** One image of the load: in which set it is, and what it is called there. */
export interface BenchImage {
  readonly set: number;
  readonly repository: string;
}

export const SETS = 10;
const IMAGES = 30;
const PODS = 40;

/** Thirty images, three in each of ten sets. */
export const BENCH_IMAGES: readonly BenchImage[] = Array.from({ length: IMAGES }, (_, index) => ({
  set: index % SETS,
  repository: `team-${index % 6}/service-${index}`,
}));

/** Forty pods of three images each; `tag` is the same for all. */
export function podImages(prefixes: readonly string[], tag: string): readonly (readonly string[])[] {
  const texts = BENCH_IMAGES.map(({ set, repository }) => `${prefixes[set] ?? ''}/${repository}:${tag}`);
  return Array.from({ length: PODS }, (_, pod) =>
    [0, 1, 2].map((slot) => texts[(pod * 7 + slot * 11) % texts.length] ?? ''),
  );
}
