// Own state: this node's NodeMirrorState as the API server gives it, and the events of a watch of it. Pure.
import { asArray, asObject, asString, own } from '../domain/json.ts';
import { failureOf, parseJson, type ApiFailure } from './api-failure.ts';

export interface OwnState {
  readonly name: string;
  /** Another one is another object of the same name. */
  readonly uid: string;
  readonly generation: number;
  /** Not believed: {@link parseNodeWanted} judges it. */
  readonly wanted: unknown;
  /** What we have written ourselves, before a restart perhaps. */
  readonly status: unknown;
}

export interface OwnStateList {
  readonly state: OwnState | undefined;
  readonly resourceVersion: string;
}

export type OwnStateEvent =
  | { readonly type: 'put'; readonly state: OwnState; readonly resourceVersion: string }
  | { readonly type: 'gone'; readonly resourceVersion: string }
  /** A bookmark, another node's object, or a type that later servers may send. */
  | { readonly type: 'nothing'; readonly resourceVersion: string | undefined }
  | { readonly type: 'failure'; readonly failure: ApiFailure };

function versionOf(object: unknown): string | undefined {
  return asString(own(asObject(own(asObject(object), 'metadata')), 'resourceVersion'));
}

/** undefined: that is no object of the API. */
function parseOwnState(value: unknown): OwnState | undefined {
  const object = asObject(value);
  const metadata = asObject(own(object, 'metadata'));
  const [name, uid] = [asString(own(metadata, 'name')), asString(own(metadata, 'uid'))];
  const generation = own(metadata, 'generation');
  if (name === undefined || uid === undefined) return undefined;
  return {
    name,
    uid,
    generation: typeof generation === 'number' ? generation : 0,
    wanted: own(asObject(own(object, 'spec')), 'wanted'),
    status: own(object, 'status'),
  };
}

/** A list that was asked for one name. undefined: that is no list. */
export function parseOwnStateList(value: unknown, name: string): OwnStateList | undefined {
  const resourceVersion = versionOf(value);
  if (resourceVersion === undefined) return undefined;
  const states = asArray(own(asObject(value), 'items')).map(parseOwnState);
  // Asked for by name: a server that ignores the field selector must not give us another node's files.
  return { state: states.find((state) => state?.name === name), resourceVersion };
}

function changeOf(object: unknown, name: string, isGone: boolean): OwnStateEvent | undefined {
  const [state, resourceVersion] = [parseOwnState(object), versionOf(object)];
  if (state === undefined || resourceVersion === undefined) return undefined;
  if (state.name !== name) return { type: 'nothing', resourceVersion };
  return isGone ? { type: 'gone', resourceVersion } : { type: 'put', state, resourceVersion };
}

/** A line of a watch (metav1.WatchEvent). undefined: it makes no sense, and only a new list tells what it was. */
export function parseOwnStateEvent(line: string, name: string): OwnStateEvent | undefined {
  const event = asObject(parseJson(line));
  const object = own(event, 'object');
  switch (own(event, 'type')) {
    case 'ADDED':
    case 'MODIFIED':
      return changeOf(object, name, false);
    case 'DELETED':
      return changeOf(object, name, true);
    case 'ERROR': {
      const code = own(asObject(object), 'code');
      return { type: 'failure', failure: failureOf(typeof code === 'number' ? code : 500, object) };
    }
    case undefined:
      return undefined;
    default:
      return { type: 'nothing', resourceVersion: versionOf(object) };
  }
}
