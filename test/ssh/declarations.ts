// Declarations of the ssh tests: mirror sets for nodes, as a person writes them into a file.

export interface DeclaredMirror {
  readonly name: string;
  readonly prefix: string;
  readonly mirrors: readonly string[];
}

function mirror(endpoint: string): string {
  return `    - endpoint: ${endpoint}
      credential: { source: None }
      mayReceiveUpstreamCredential: true`;
}

/** Public mirrors, which may be written for both runtimes. */
export function printSet({ name, prefix, mirrors }: DeclaredMirror): string {
  return `---
apiVersion: registry-failover.io/v1alpha1
kind: RegistryMirrorSet
metadata: { name: ${name} }
spec:
  upstream: { prefix: ${prefix} }
  mirrors:
${mirrors.map(mirror).join('\n')}
  nodes: { enabled: true }
`;
}

export const OCIR = printSet({
  name: 'ocir',
  prefix: 'fra.ocir.io',
  mirrors: ['ams.ocir.io', 'lhr.ocir.io'],
});
export const QUAY = printSet({ name: 'quay', prefix: 'quay.io', mirrors: ['quay.mirror.example'] });
