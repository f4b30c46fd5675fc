// Redirect: where an answer sends us, and whether we go there. Pure.
import { err, ok, type Result } from '../domain/result.ts';
import { headerOf, type Reply } from './message.ts';

/** More hops than this is a circle: registries need one, registry.k8s.io two. */
export const MAX_REDIRECTS = 4;

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export function isRedirect(reply: Pick<Reply, 'status'>): boolean {
  return REDIRECTS.has(reply.status);
}

/** The target of a redirect, fragment and user info dropped; an error is one sentence for people. */
export function redirectTarget(from: URL, reply: Pick<Reply, 'headers'>): Result<URL, string> {
  const location = headerOf(reply.headers, 'location');
  if (location === '' || !URL.canParse(location, from)) return err('redirects to nowhere');
  const target = new URL(location, from);
  if (target.protocol !== 'https:')
    return err(`redirects to ${target.protocol}//${target.host}, which is not https`);
  target.hash = '';
  target.username = '';
  target.password = '';
  return ok(target);
}
