// Reply: what a demo registry answers, as a value, and the error documents of the distribution specification.
import type { ServerResponse } from 'node:http';

/** An HTTP answer before it meets a socket. Header names are lower-case. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Error codes of the OCI distribution specification, and UNAVAILABLE, which registries use with 503. */
export type ErrorCode =
  | 'BLOB_UNKNOWN'
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNAVAILABLE'
  | 'UNSUPPORTED';

/** A JSON answer. */
export function jsonReply(
  status: number,
  value: object,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  const body = Buffer.from(JSON.stringify(value), 'utf8');
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** An error as the distribution specification writes it: `{"errors":[{"code","message"}]}`. */
export function errorReply(
  status: number,
  code: ErrorCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return jsonReply(status, { errors: [{ code, message }] }, headers);
}

/** Puts a reply on the wire. For HEAD, node keeps the headers and leaves the body off. */
export function writeReply(response: ServerResponse, reply: Reply): void {
  response.writeHead(reply.status, {
    ...reply.headers,
    'content-length': reply.body.length,
    'docker-distribution-api-version': 'registry/2.0',
  });
  response.end(reply.body);
}
