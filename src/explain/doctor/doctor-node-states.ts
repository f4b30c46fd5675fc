// Doctor node states: what the agents have written into their NodeMirrorStates, as checks of those nodes.
import { asArray, asObject, asString, own } from '../../domain/json.ts';
import type { JsonObject } from '../../domain/json.ts';
import { Checkup } from './doctor-check.ts';
import type { DoctorCheck, Fetched } from './doctor-check.ts';
import { addFinding } from './doctor-node.ts';
import type { NodeFinding } from './doctor-node.ts';

function textOf(object: JsonObject | undefined, key: string): string {
  return asString(own(object, key)) ?? '';
}

const SEVERITIES: readonly string[] = ['error', 'warning', 'info'] satisfies NodeFinding['severity'][];

function findingsIn(status: JsonObject): readonly NodeFinding[] {
  return asArray(own(status, 'findings')).flatMap((each) => {
    const [code, severity, message, fix] = ['code', 'severity', 'message', 'fix'].map((key) =>
      textOf(asObject(each), key),
    );
    if (code === undefined || severity === undefined || !SEVERITIES.includes(severity)) return [];
    return [{ code, severity: severity as NodeFinding['severity'], message: message ?? '', fix: fix ?? '' }];
  });
}

function judgeState(object: JsonObject): readonly DoctorCheck[] {
  const metadata = asObject(own(object, 'metadata'));
  const name = textOf(metadata, 'name');
  const checkup = new Checkup(name);
  const status = asObject(own(object, 'status'));
  const describe = `kubectl describe nodemirrorstate ${name} -n ${textOf(metadata, 'namespace')}`;
  if (status === undefined) {
    const fix = `Does it run there? kubectl get pods -A -o wide --field-selector spec.nodeName=${name}`;
    checkup.error('agent', 'the agent of this node has said nothing yet', fix);
    return checkup.checks;
  }
  const [state, message] = [textOf(status, 'state'), textOf(status, 'message').replace(/\.$/, '')];
  const isBehind = own(status, 'observedGeneration') !== own(metadata, 'generation');
  if (state !== 'UpToDate') checkup.error('agent', `${state}: ${message}`, `All of it: ${describe}`);
  else if (isBehind)
    checkup.warning(
      'agent',
      'the agent has not taken up the latest data yet',
      `Wait some seconds, then: ${describe}`,
    );
  else checkup.ok('agent', 'the agent has laid down and verified what is wanted');
  for (const found of findingsIn(status)) addFinding(checkup, found);
  for (const conflict of asArray(own(status, 'conflicts')).map(asObject))
    checkup.error(
      'node-conflict',
      `${textOf(conflict, 'path')}: ${textOf(conflict, 'message').replace(/\.$/, '')}`,
      '',
    );
  return checkup.checks;
}

/** Judges all of them. Without agents there are none, and nothing is said. */
export function judgeNodeStates(objects: Fetched<readonly JsonObject[]>): readonly DoctorCheck[] {
  if (objects.state === 'found') return objects.value.flatMap(judgeState);
  const checkup = new Checkup('cluster');
  if (objects.state === 'unread')
    checkup.unknown(
      'agents',
      `NodeMirrorStates could not be read: ${objects.why}`,
      'Ask as somebody who may list them',
    );
  return checkup.checks;
}
