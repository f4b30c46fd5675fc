// Assignment: what this node was last told by its NodeMirrorState, judged before anything is done about it.
import { asArray, asObject, asString, own } from '../domain/json.ts';
import type { Problem } from '../domain/problem.ts';
import { err, type Result } from '../domain/result.ts';
import { readsCertificates } from '../nodes/rendering/pem-text.ts';
import { parseNodeWanted } from '../nodes/data/wanted-parse.ts';
import type { NodeWanted } from '../nodes/data/wanted.ts';
import type { PresentFirst } from './order.ts';
import type { OwnState } from './own-state.ts';

export interface Assignment {
  /** Another one is another object. */
  readonly uid: string;
  readonly generation: number;
  /** '' where it cannot be read. */
  readonly revision: string;
  readonly wanted: Result<NodeWanted, readonly Problem[]>;
}

export interface AssignmentRules {
  /** Whose files are ours. */
  readonly owner: string;
  readonly allowedEndpoints: readonly string[];
}

function judge(wanted: unknown, rules: AssignmentRules): Result<NodeWanted, readonly Problem[]> {
  const parsed = parseNodeWanted(wanted, { allowedEndpoints: rules.allowedEndpoints, readsCertificates });
  if (!parsed.ok || parsed.value.owner === rules.owner) return parsed;
  return err([
    {
      path: 'spec.wanted.owner',
      code: 'OtherOwner',
      message: `this agent works for ${rules.owner}, and the data is from ${parsed.value.owner}`,
      fix: 'Give agent and controller the same owner',
    },
  ]);
}

/** What the object asks for, and whether that may be done. */
export function parseAssignment(state: OwnState, rules: AssignmentRules): Assignment {
  return {
    uid: state.uid,
    generation: state.generation,
    revision: asString(own(asObject(state.wanted), 'revision')) ?? '',
    wanted: judge(state.wanted, rules),
  };
}

/** What came first on the node when we last said so: it is what is on it after a restart of ours. */
export function readPresentFirst(status: unknown): PresentFirst {
  const entries = asArray(own(asObject(status), 'order')).flatMap((entry): [string, string][] => {
    const [prefix, first] = [
      asString(own(asObject(entry), 'prefix')),
      asString(own(asObject(entry), 'first')),
    ];
    return prefix === undefined || first === undefined ? [] : [[prefix, first]];
  });
  return new Map(entries);
}
