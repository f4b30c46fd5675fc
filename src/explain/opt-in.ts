// Opt-in: would the API server ask the webhook about pods of a namespace, as far as the manifests tell?
import type { Labels } from '../domain/label-selector.ts';
import { OPT_IN_LABEL, isLeftOut } from '../domain/rights.ts';
import { OPT_IN_COMMAND } from '../domain/set-status-condition.ts';
import type { OptIn } from './view.ts';

/** Judges a namespace. `labels` is undefined when its manifest is not at hand. */
export function judgeOptIn(namespace: string, labels: Labels | undefined, installNamespace: string): OptIn {
  if (isLeftOut(namespace, installNamespace)) {
    return {
      asked: 'no',
      sentence: `Namespace ${namespace} is always left out, so the API server would not even ask. What follows is what would happen elsewhere.`,
    };
  }
  if (labels === undefined) {
    return {
      asked: 'unknown',
      sentence: `The manifests do not hold namespace ${namespace}: if it lacks the label ${OPT_IN_LABEL}=true, the API server will not even ask.`,
    };
  }
  if (Object.hasOwn(labels, OPT_IN_LABEL) && labels[OPT_IN_LABEL] === 'true') {
    return {
      asked: 'yes',
      sentence: `Namespace ${namespace} is opted in: the API server asks the webhook about this pod.`,
    };
  }
  return {
    asked: 'no',
    sentence: `Namespace ${namespace} lacks the label ${OPT_IN_LABEL}=true, so the API server would not even ask. What follows is what would happen with the label: ${OPT_IN_COMMAND.replace('NAME', namespace)}`,
  };
}
