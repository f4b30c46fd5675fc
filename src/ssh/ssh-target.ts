// Ssh target: `[user@]host[:port]` as a person writes it, refused when it could be anything else than a host.
import type { Problem } from '../domain/problem.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';

/** One node behind ssh. `host` may be an alias of the user's ssh config. */
export interface SshTarget {
  /** A name, or an address without brackets. */
  readonly host: string;
  /** undefined: what the ssh config says. */
  readonly user: string | undefined;
  readonly port: number | undefined;
}

// Narrower than what ssh takes: the host is put into ProxyCommand lines (%h) that a shell reads.
const NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?$/;
const IPV6 = /^(?=.*:.*:)[0-9A-Fa-f:]{2,39}(?:%[A-Za-z0-9_.-]{1,15})?$/;
// useradd's own rule (shadow, chkname.c), with the capitals and dots of directory services.
const USER = /^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/;
const MAX_PORT = 65_535;

/** Longest text that is quoted back. */
const MAX_QUOTED = 100;

function quote(text: string): string {
  return `"${text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?').slice(0, MAX_QUOTED)}"`;
}

export function isSshUser(text: string): boolean {
  return USER.test(text);
}

/** The host, and the port when one is written. `[::1]:22`, `::1`, `n1:2222`, `n1`. */
function splitHost(text: string): { readonly host: string; readonly port: string | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) return { host: bracketed[1] ?? '', port: bracketed[2] };
  const colon = text.indexOf(':');
  const isPlain = colon === -1 || text.indexOf(':', colon + 1) !== -1;
  return isPlain
    ? { host: text, port: undefined }
    : { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

function isPort(text: string): boolean {
  return /^[1-9]\d{0,4}$/.test(text) && Number(text) <= MAX_PORT;
}

/** Parses one host; `path` says where it was written. All problems at once, codes `InvalidHost`, `InvalidUser`, `InvalidPort`. */
export function parseSshTarget(text: string, path: string): Result<SshTarget, readonly Problem[]> {
  const at = text.lastIndexOf('@');
  const user = at === -1 ? undefined : text.slice(0, at);
  const { host, port } = splitHost(text.slice(at + 1));
  const problems: Problem[] = [];
  const add = (code: string, what: string, fix: string): void => {
    problems.push({ path, code, message: `${quote(text)} ${what}`, fix });
  };
  if (!NAME.test(host) && !IPV6.test(host))
    add('InvalidHost', 'does not name a host', 'Write a name or address, for example worker-1 or 10.0.0.7');
  if (user !== undefined && !isSshUser(user))
    add('InvalidUser', 'does not name a user before its @', 'Write for example opc@worker-1');
  if (port !== undefined && !isPort(port))
    add('InvalidPort', 'has no port from 1 to 65535', 'Write for example worker-1:22, and IPv6 as [::1]:22');
  if (problems.length > 0) return err(problems);
  return ok({ host, user, port: port === undefined ? undefined : Number(port) });
}

/** The same text as was parsed: what reports call the node. */
export function printSshTarget({ host, user, port }: SshTarget): string {
  const name = port !== undefined && host.includes(':') ? `[${host}]` : host;
  return `${user === undefined ? '' : `${user}@`}${name}${port === undefined ? '' : `:${port}`}`;
}
