// Manifests: the demo's declarations as ordinary Kubernetes manifests, the text that any cluster would be given.
import type { Place } from './cast.ts';

/** What the declarations have to name. */
export interface ManifestFacts {
  /** `host:port` as images name it. */
  readonly hostPort: (place: Place) => string;
  readonly account: (place: Place) => { readonly username: string; password(): string };
  /** The CA of every registry, PEM. */
  readonly caPem: string;
  readonly installNamespace: string;
}

export const DEMO_NAMESPACE = 'shop';
/** Pull secrets that pods of the namespace name. */
export const PULL_SECRETS = { fra: 'fra-login', hub: 'hub-login' } as const;
/** What the set's name makes of the pull secret for the mirror; see domain/derived-secret.ts. */
export const SET_NAMES = { shop: 'shop', pay: 'pay', hub: 'hub' } as const;

const CA_BUNDLE = '{ configMapRef: { name: demo-ca, key: ca.crt } }';
const AMS_CREDENTIAL = '{ source: Secret, secretRef: { name: ams-pull } }';

interface SetText {
  readonly name: string;
  readonly prefix: string;
  readonly mirrors: readonly { readonly endpoint: string; readonly credential: string }[];
  readonly digestPolicy: string;
}

function printSet({ name, prefix, mirrors, digestPolicy }: SetText): string {
  const mirrorTexts = mirrors.map(
    ({ endpoint, credential }) => `    - endpoint: ${endpoint}
      credential: ${credential}
      caBundle: ${CA_BUNDLE}
      trustedByNodes: true
`,
  );
  return `apiVersion: registry-failover.io/v1alpha1
kind: RegistryMirrorSet
metadata: { name: ${name} }
spec:
  namespaceSelector: { matchLabels: { team: shop } }
  upstream:
    prefix: ${prefix}
    caBundle: ${CA_BUNDLE}
  mirrors:
${mirrorTexts.join('')}  failover:
    digestPolicy: ${digestPolicy}
`;
}

function printSecret(name: string, namespace: string, config: string): string {
  return `apiVersion: v1
kind: Secret
metadata: { name: ${name}, namespace: ${namespace} }
type: kubernetes.io/dockerconfigjson
data:
  .dockerconfigjson: ${Buffer.from(config, 'utf8').toString('base64')}
`;
}

/** File name → text. Holds passwords: to be written for one's own eyes only. */
export function printManifests(facts: ManifestFacts): Readonly<Record<string, string>> {
  const { hostPort, installNamespace } = facts;
  const ams = (path: string): { endpoint: string; credential: string } => ({
    endpoint: `${hostPort('ams')}/${path}`,
    credential: AMS_CREDENTIAL,
  });
  const login = (place: Place): string => {
    const account = facts.account(place);
    const entry = { username: account.username, password: account.password() };
    return JSON.stringify({ auths: { [hostPort(place)]: entry } });
  };
  const archive = { endpoint: `${hostPort('fra')}/archive`, credential: '{ source: SameAsUpstream }' };
  const sets = [
    printSet({
      name: SET_NAMES.shop,
      prefix: `${hostPort('fra')}/shop`,
      mirrors: [ams('shop')],
      digestPolicy: 'Prefer',
    }),
    printSet({
      name: SET_NAMES.pay,
      prefix: `${hostPort('fra')}/pay`,
      mirrors: [archive, ams('pay')],
      digestPolicy: 'Require',
    }),
    printSet({ name: SET_NAMES.hub, prefix: hostPort('hub'), mirrors: [ams('hub')], digestPolicy: 'Prefer' }),
  ];
  const namespace = `apiVersion: v1
kind: Namespace
metadata:
  name: ${DEMO_NAMESPACE}
  labels: { registry-failover.io/enabled: "true", team: shop }
`;
  const ca = `apiVersion: v1
kind: ConfigMap
metadata: { name: demo-ca, namespace: ${installNamespace} }
data:
  ca.crt: |
${facts.caPem.trimEnd().replaceAll(/^/gm, '    ')}
`;
  return {
    'mirror-sets.yaml': sets.join('---\n'),
    'shop.yaml': [
      namespace,
      printSecret(PULL_SECRETS.fra, DEMO_NAMESPACE, login('fra')),
      printSecret(PULL_SECRETS.hub, DEMO_NAMESPACE, login('hub')),
    ].join('---\n'),
    'registry-failover.yaml': [ca, printSecret('ams-pull', installNamespace, login('ams'))].join('---\n'),
  };
}

/** A pod to try the declarations on. */
export function printPodManifest(image: string): string {
  return `apiVersion: v1
kind: Pod
metadata: { name: web, namespace: ${DEMO_NAMESPACE} }
spec:
  containers:
    - { name: web, image: "${image}" }
  imagePullSecrets:
    - { name: ${PULL_SECRETS.fra} }
`;
}
