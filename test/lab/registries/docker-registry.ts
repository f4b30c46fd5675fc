// Debian's docker-registry as one of the lab's registries: its configuration and its accounts.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { run } from '../run.ts';
import type { Account, RegistryRecord } from './records.ts';

const BINARY = '/usr/bin/docker-registry';
/** bcrypt's smallest cost: what is kept from whom in a lab is checked on every single request. */
const COST = '4';

function htpasswdFile(record: RegistryRecord): string {
  return path.join(record.folder, 'htpasswd');
}

/** Sets exactly the accounts that it accepts. It looks at the file again when that changes: no restart. */
export async function writeAccounts(record: RegistryRecord, accounts: readonly Account[]): Promise<void> {
  const lines = await Promise.all(
    // The password goes in by standard input: arguments are for everybody to see.
    accounts.map(({ user, password }) =>
      run('htpasswd', ['-n', '-i', '-B', '-C', COST, user], { input: `${password}\n` }),
    ),
  );
  writeFileSync(htpasswdFile(record), lines.map((line) => `${line.trim()}\n`).join(''), { mode: 0o600 });
}

/** What `docker-registry serve` reads. `dataFolder` is where contents live. */
export function configOf(record: RegistryRecord, dataFolder: string): object {
  return {
    version: '0.1',
    log: { level: 'warn', fields: { registry: record.name } },
    // Deleting is off by default, and "the image was deleted upstream" is one of the outages to show.
    storage: { filesystem: { rootdirectory: dataFolder }, delete: { enabled: true } },
    http: {
      addr: `${record.address}:443`,
      // Without one a random secret is made, and an upload begun before a restart cannot go on after it.
      secret: 'uploads of a lab are no secret',
      tls: { certificate: path.join(record.folder, 'tls.crt'), key: path.join(record.folder, 'tls.key') },
    },
    ...(record.account === undefined
      ? {}
      : { auth: { htpasswd: { realm: record.host, path: htpasswdFile(record) } } }),
  };
}

/** Writes its files and answers the command that serves them. */
export async function prepareDockerRegistry(
  record: RegistryRecord,
  dataFolder: string,
): Promise<readonly [string, ...string[]]> {
  if (record.account !== undefined) await writeAccounts(record, [record.account]);
  const config = path.join(record.folder, 'config.yml');
  // YAML reads JSON.
  writeFileSync(config, JSON.stringify(configOf(record, dataFolder)));
  return [BINARY, 'serve', config];
}
