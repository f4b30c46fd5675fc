// Kubeconfig files: one cluster, one user with a token.
import { writeFileSync } from 'node:fs';
import type { ApiAccess } from './api-client.ts';

/** Writes it with mode 0600: it holds the token. JSON is YAML. */
export function writeKubeconfig(file: string, access: ApiAccess): void {
  const name = 'lab';
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: {
          server: access.server,
          'certificate-authority-data': Buffer.from(access.caPem).toString('base64'),
        },
      },
    ],
    users: [{ name, user: { token: access.token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  writeFileSync(file, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
}
