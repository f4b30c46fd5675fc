// Product: the release in the lab as a user installs it, with the mirror sets that the tests share.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readProductImage } from '../../lab/image/product.ts';
import { openLab } from '../../lab/lab.ts';
import { run } from '../../lab/run.ts';
import { waitFor } from '../../lab/wait.ts';
import { INSTALL_NAMESPACE, RELEASE, dockerConfig } from './stage.ts';
import type { Manifest } from './stage.ts';

const CHART = path.resolve(import.meta.dirname, '../../../deploy/helm/registry-failover');
/** What every command of the install may take at most. */
const HELM_MS = 180_000;

export function helm(args: readonly string[]): Promise<string> {
  const lab = openLab();
  return run(path.join(lab.facts.toolsFolder, 'helm'), args, {
    timeoutMs: HELM_MS,
    environment: { KUBECONFIG: lab.controlPlane.kubeconfig },
  });
}

/** The values that the lab needs beside the defaults: where the image is. */
export function labValues(): readonly string[] {
  const { repository, tag } = readProductImage(openLab().folder);
  return ['--set', `image.repository=${repository}`, '--set', `image.tag=${tag}`];
}

/** Installs, or upgrades what is there, and waits until it is ready. */
export async function install(...further: readonly string[]): Promise<string> {
  const values = [...labValues(), ...further];
  const place = ['-n', INSTALL_NAMESPACE, '--create-namespace', '--wait', '--timeout', '2m'];
  return await helm(['upgrade', '--install', RELEASE, CHART, ...place, ...values]);
}

export async function uninstall(): Promise<string> {
  return await helm([
    'uninstall',
    RELEASE,
    '-n',
    INSTALL_NAMESPACE,
    '--wait',
    '--timeout',
    '2m',
    '--ignore-not-found',
  ]);
}

function mirrorSet(
  name: string,
  upstream: string,
  mirror: { readonly endpoint: string; readonly secret: string },
  spec: object = {},
): Manifest {
  const caBundle = { configMapRef: { name: 'lab-ca', key: 'ca.crt' } };
  return {
    apiVersion: 'registry-failover.io/v1alpha1',
    kind: 'RegistryMirrorSet',
    metadata: { name },
    spec: {
      namespaceSelector: {},
      upstream: { prefix: upstream, caBundle },
      mirrors: [
        {
          endpoint: mirror.endpoint,
          credential: { source: 'Secret', secretRef: { name: mirror.secret } },
          caBundle,
          trustedByNodes: true,
        },
      ],
      ...spec,
    },
  };
}

/** The declarations of the tests: two upstreams with a mirror each, all with accounts of their own, one private CA. */
export function declarations(): readonly Manifest[] {
  const { registries } = openLab();
  const secretOf = (name: string, host: 'ams.registry.test' | 'dc1.registry.test'): Manifest => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: INSTALL_NAMESPACE },
    type: 'kubernetes.io/dockerconfigjson',
    data: {
      '.dockerconfigjson': dockerConfig({
        [host]: registries.record(host).account ?? { user: '', password: '' },
      }),
    },
  });
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'lab-ca', namespace: INSTALL_NAMESPACE },
      data: { 'ca.crt': readFileSync(registries.caFile, 'utf8') },
    },
    secretOf('ams-pull', 'ams.registry.test'),
    secretOf('dc1-pull', 'dc1.registry.test'),
    mirrorSet('fra', 'fra.registry.test', { endpoint: 'ams.registry.test', secret: 'ams-pull' }),
    mirrorSet('fra2', 'fra2.registry.test', { endpoint: 'dc1.registry.test', secret: 'dc1-pull' }),
  ];
}

/** Applies them and waits until the controller says that they are in force. */
export async function declare(): Promise<void> {
  const lab = openLab();
  const list = { apiVersion: 'v1', kind: 'List', items: declarations() };
  await lab.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify(list));
  await waitFor('both mirror sets to be valid, and their upstreams up', 60_000, async () => {
    const columns = `jsonpath={range .items[*]}{.status.conditions[?(@.type=="Valid")].status}{.status.conditions[?(@.type=="UpstreamAvailable")].status} {end}`;
    return (await lab.kubectl(['get', 'registrymirrorsets', '-o', columns])).trim() === 'TrueTrue TrueTrue';
  });
}
