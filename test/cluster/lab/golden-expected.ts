// Golden expectations: the very requests that a runtime is to send for an image, from the case alone.
import type { NodeCase } from '../../nodes/cases.ts';
import { expectedSources, isNoImage } from '../../nodes/oracle/questions.ts';
import type { Asked, ExpectedSource } from '../../nodes/oracle/questions.ts';
import type { Recorded } from './recorder.ts';

/** Of every image that is asked for. */
export const TAG = '1';

function manifestOf({ url }: ExpectedSource): string {
  return `${url}/manifests/${TAG}`;
}

function shown({ basic }: ExpectedSource): string | undefined {
  return basic === undefined ? undefined : `Basic ${basic}`;
}

/** Each source is greeted first, which tells what credential it wants. */
function requestsOfCrio(source: ExpectedSource): readonly Recorded[] {
  const greeting = { method: 'GET', url: new URL('/v2/', source.url).href, authorization: undefined };
  return [greeting, { method: 'GET', url: manifestOf(source), authorization: shown(source) }];
}

/** Every source but the image's own is told whose image it is asked for. */
function requestsOfContainerd(source: ExpectedSource, asked: string): readonly Recorded[] {
  const [own = ''] = asked.split('/', 1);
  const { host } = new URL(source.url);
  const isOwn = host === own || (own === 'docker.io' && host === 'registry-1.docker.io');
  const url = `${manifestOf(source)}${isOwn ? '' : `?ns=${encodeURIComponent(own)}`}`;
  return [{ method: 'HEAD', url, authorization: shown(source) }];
}

/** All of them, in order, when nobody has the image. */
export function expectedRequests(one: NodeCase, asked: string, program: Asked): readonly Recorded[] {
  if (isNoImage(asked, program)) return [];
  const requestsOf = program.runtime === 'crio' ? requestsOfCrio : requestsOfContainerd;
  return expectedSources(one, asked, program).flatMap((source) => requestsOf(source, asked));
}

/** All cases as one: of a prefix that several have the last one's. */
export function everyCase(cases: readonly NodeCase[]): NodeCase {
  const hosts = cases.flatMap((one) => one.hosts);
  const last = new Map(hosts.map((host) => [host.prefix, host]));
  return { name: 'every case', hosts: [...last.values()] };
}
