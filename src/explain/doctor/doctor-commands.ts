// Doctor commands: the command lines that more than one fix names, to be typed as they stand.
import type { Installation } from '../../domain/rights.ts';

/** Shows what the controller has said last. */
export function controllerLogs({ namespace, fullname }: Installation): string {
  return `kubectl -n ${namespace} logs deployment/${fullname}-controller --tail=50`;
}
