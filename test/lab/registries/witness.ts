// The witness registry: its configuration, the questions that were put to it, and the orders it takes over a local socket.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Agent, request } from 'undici';
import type { Account, RegistryRecord } from './records.ts';

/** What every question is answered with: a status (`retryAfter` in seconds), or nothing at all until the caller gives up. */
export type Fault = { readonly status: number; readonly retryAfter?: number } | 'hang' | 'off';

/** One request as the witness saw it. */
export interface WitnessedRequest {
  /** Milliseconds since 1970, when it came in. */
  readonly time: number;
  /** The caller's address. */
  readonly from: string;
  readonly method: string;
  readonly path: string;
  /** Of the Basic credential shown; absent when none was. */
  readonly user?: string;
  /** The first 12 hex digits of the SHA-256 of the password shown: enough to tell which, of no use to anybody else. */
  readonly passwordSha256?: string;
  /** What it answered; 0 when it was told to hang. */
  readonly status: number;
}

const ORDER_MS = 5_000;

const controlSocket = (record: RegistryRecord): string => path.join(record.folder, 'control.sock');
const requestsFile = (record: RegistryRecord): string => path.join(record.folder, 'requests.jsonl');

/** Writes its files and answers the command that serves them. */
export function prepareWitness(record: RegistryRecord, binary: string): readonly [string, ...string[]] {
  const config = path.join(record.folder, 'config.json');
  const content = {
    listen: `${record.address}:443`,
    realm: record.host,
    certificate: path.join(record.folder, 'tls.crt'),
    key: path.join(record.folder, 'tls.key'),
    control: controlSocket(record),
    requests: requestsFile(record),
    accounts: accountsOf(record.account === undefined ? [] : [record.account]),
  };
  writeFileSync(config, JSON.stringify(content), { mode: 0o600 });
  return [binary, config];
}

function accountsOf(accounts: readonly Account[]): Record<string, string> {
  return Object.fromEntries(accounts.map(({ user, password }) => [user, password]));
}

/** Tells it what to answer from now on. In force when this returns. */
export async function orderFault(record: RegistryRecord, fault: Fault): Promise<void> {
  const body =
    typeof fault === 'string'
      ? { hang: fault === 'hang' }
      : { status: fault.status, retryAfter: fault.retryAfter ?? 0 };
  await order(record, '/fault', body);
}

/** Closes or opens its port: closed, it refuses connections and drops those that are open, and keeps its images. */
export async function orderListening(record: RegistryRecord, on: boolean): Promise<void> {
  await order(record, '/listening', { on });
}

/** Sets exactly the accounts that it accepts. */
export async function orderAccounts(record: RegistryRecord, accounts: readonly Account[]): Promise<void> {
  await order(record, '/accounts', accountsOf(accounts));
}

/** The requests that came in at `since` (milliseconds since 1970) or later, oldest first. */
export function readRequests(record: RegistryRecord, since: number): readonly WitnessedRequest[] {
  if (!existsSync(requestsFile(record))) return [];
  const text = readFileSync(requestsFile(record), 'utf8');
  // A line that is being written ends without a line feed and is left for the next look.
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as WitnessedRequest)
    .filter(({ time }) => time >= since);
}

async function order(record: RegistryRecord, where: string, what: object): Promise<void> {
  const dispatcher = new Agent({ connect: { socketPath: controlSocket(record) }, pipelining: 0 });
  try {
    const { statusCode, body } = await request(`http://witness${where}`, {
      dispatcher,
      method: 'PUT',
      body: JSON.stringify(what),
      headersTimeout: ORDER_MS,
      bodyTimeout: ORDER_MS,
    });
    const answer = await body.text();
    if (statusCode !== 204) throw new Error(`${record.host} refused the order ${where}: ${answer}`);
  } finally {
    await dispatcher.destroy();
  }
}
