// The registries of a lab: which there are, and what a client has to know of a running one.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/**
 * `docker`: Debian's docker-registry, contents on disk. `witness`: our own, in memory, that writes down which credential it
 * was shown and can be told to misbehave.
 */
export type RegistryKind = 'docker' | 'witness';

interface RegistryPlan {
  readonly name: string;
  readonly host: string;
  /** On the lab's bridge. Port 443, TLS. */
  readonly address: string;
  readonly kind: RegistryKind;
  /** The one account; without it anybody may pull and push. */
  readonly user?: string;
}

/** The hosts. Certificates, accounts and the sample mirror sets name them too. */
export const FRA = 'fra.registry.test';
export const AMS = 'ams.registry.test';
export const DC1 = 'dc1.registry.test';
export const FRA2 = 'fra2.registry.test';
export const PLATFORM = 'platform.registry.test';

/** An upstream and its mirrors; another upstream that can be told to answer 429; the registry of the product's own image. */
export const REGISTRIES = [
  { name: 'fra', host: FRA, address: '10.87.0.11', kind: 'docker', user: 'fra-puller' },
  { name: 'ams', host: AMS, address: '10.87.0.12', kind: 'docker', user: 'ams-puller' },
  { name: 'dc1', host: DC1, address: '10.87.0.13', kind: 'witness', user: 'dc1-puller' },
  { name: 'fra2', host: FRA2, address: '10.87.0.14', kind: 'witness', user: 'fra2-puller' },
  { name: 'platform', host: PLATFORM, address: '10.87.0.15', kind: 'docker' },
] as const satisfies readonly RegistryPlan[];

export type RegistryHost = (typeof REGISTRIES)[number]['host'];
export type WitnessHost = Extract<(typeof REGISTRIES)[number], { kind: 'witness' }>['host'];

/** One registry of a running lab. The password is as secret as the lab: made at `up`, gone at `down`. */
export interface RegistryRecord {
  readonly name: string;
  readonly host: RegistryHost;
  readonly address: string;
  readonly kind: RegistryKind;
  /** The network namespace it runs in, as in `ip netns`. */
  readonly netns: string;
  /** The name of its process in the lab. */
  readonly process: string;
  /** Its certificates, accounts, logs of requests and contents. */
  readonly folder: string;
  readonly account?: Account;
}

export interface Account {
  readonly user: string;
  readonly password: string;
}

/** What `registries.json` holds. */
export interface RegistriesFile {
  /** The CA of every registry, PEM. */
  readonly caFile: string;
  /** Its key: as secret as the passwords, made at `up`, gone at `down`. */
  readonly caKeyFile: string;
  readonly registries: readonly RegistryRecord[];
}

function fileOf(folder: string): string {
  return path.join(folder, 'registries.json');
}

/** Writes `registries.json` into the lab's folder, for root's eyes only. */
export function writeRegistriesFile(folder: string, content: RegistriesFile): void {
  writeFileSync(fileOf(folder), `${JSON.stringify(content, undefined, 2)}\n`, { mode: 0o600 });
}

/** Reads `registries.json`. Throws with what to do when no lab is up in this folder. */
export function readRegistriesFile(folder: string): RegistriesFile {
  if (!existsSync(fileOf(folder)))
    throw new Error(`no lab is up in ${folder} (no registries.json there): run npm run cluster -- up`);
  return JSON.parse(readFileSync(fileOf(folder), 'utf8')) as RegistriesFile;
}
