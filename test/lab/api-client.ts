// The lab's own calls to its API server: plain HTTPS with a token, each bounded in time.
import { request } from 'node:https';

export interface ApiAccess {
  /** `https://address:port` */
  readonly server: string;
  readonly caPem: string;
  readonly token: string;
}

export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With the leading slash. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: object;
  /** Of the body; `application/apply-patch+yaml` reads JSON too. */
  readonly mediaType?: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
}

const CALL_MS = 10_000;

/** One call. Throws when there is no answer. */
export function callApi(access: ApiAccess, call: ApiRequest): Promise<ApiAnswer> {
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  return new Promise((resolve, reject) => {
    const sent = request(
      `${access.server}${call.path}`,
      {
        method: call.method ?? 'GET',
        ca: access.caPem,
        agent: false,
        timeout: CALL_MS,
        headers: {
          authorization: `Bearer ${access.token}`,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': call.mediaType ?? 'application/json' }),
        },
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        answer.once('error', reject);
      },
    );
    sent.once('timeout', () =>
      sent.destroy(new Error(`no answer within ${CALL_MS / 1_000} s: ${call.path}`)),
    );
    sent.once('error', reject);
    sent.end(body);
  });
}

/** Whether a GET of this path answers 200 now. */
export async function answers(access: ApiAccess, path: string): Promise<boolean> {
  try {
    return (await callApi(access, { path })).status === 200;
  } catch {
    return false;
  }
}

/** A GET's object. Throws unless the answer is 200. */
export async function getObject(access: ApiAccess, path: string): Promise<unknown> {
  const answer = await callApi(access, { path });
  if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.text.slice(0, 300)}`);
  return JSON.parse(answer.text);
}

/** Server-side apply of one object at its path, e.g. `/api/v1/namespaces/shop`. Throws unless it was taken. */
export async function applyObject(access: ApiAccess, path: string, object: object): Promise<void> {
  const answer = await callApi(access, {
    method: 'PATCH',
    path: `${path}?fieldManager=lab&force=true`,
    body: object,
    mediaType: 'application/apply-patch+yaml',
  });
  if (answer.status >= 300) throw new Error(`apply ${path}: ${answer.status} ${answer.text.slice(0, 300)}`);
}
