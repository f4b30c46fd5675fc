// Doctor pods: do pods come through the webhook, and would a pod that was pointed at a mirror be let in by others' policies?
import { printEndpoint } from '../../domain/endpoint.ts';
import type { MirrorSet } from '../../domain/mirror-set.ts';
import { indexMirrorSets, planImage } from '../../domain/plan.ts';
import { SKIP_ANNOTATION } from '../../domain/pod.ts';
import { takeCensus } from '../../domain/pod-record-census.ts';
import type { CensusNamespace } from '../../domain/pod-record-census.ts';
import { Checkup, listNames } from './doctor-check.ts';
import type { DoctorCheck } from './doctor-check.ts';

/** Judges whether pods are seen. `now`: the API server's time. */
export function judgePods(namespaces: readonly CensusNamespace[], now: number): readonly DoctorCheck[] {
  const checkup = new Checkup('cluster');
  const { admission } = takeCensus(namespaces, [], () => new Set(), now).everywhere;
  const { seen, unseen, examples, isSkipping } = admission;
  const names = listNames(examples);
  if (unseen > 0 && isSkipping) {
    const message = `${unseen} pod${unseen > 1 ? 's' : ''} created since the opt-in did not come through the webhook, for example ${names}`;
    checkup.error(
      'pods-seen',
      message,
      'See the checks of the webhook above; docs/operations.md, “Pods are not seen”, has what else it can be. Then make them again: kubectl rollout restart',
    );
  } else if (unseen > 0) {
    const message = `${unseen} pod${unseen > 1 ? 's' : ''} did not come through the webhook, for example ${names}; later ones did`;
    checkup.warning('pods-seen', message, 'Make them again: kubectl rollout restart');
  } else if (seen > 0)
    checkup.ok('pods-seen', `${seen} pod${seen > 1 ? 's' : ''} came through the webhook, none passed it by`);
  else if (namespaces.length > 0)
    checkup.ok('pods-seen', 'no pod was created since the opt-in; those from before are not changed');
  return checkup.checks;
}

/** A pod as it would be, and the same pod pointed at a mirror. */
export interface Trial {
  readonly namespace: string;
  readonly set: string;
  readonly mirror: string;
  readonly upstreamImage: string;
  readonly mirrorImage: string;
}

/** Of an image that nobody has, for namespaces where no pod uses the set. */
const MADE_UP = 'registry-failover-doctor:trial';

/**
 * The trials for one namespace: one image for each set, at each mirror.
 * @param images What pods there use now: a policy may allow some repositories only.
 */
export function planTrials(
  namespace: string,
  sets: readonly MirrorSet[],
  images: readonly string[],
): readonly Trial[] {
  const index = indexMirrorSets(sets);
  const plans = images.map((image) => planImage(image, index));
  return sets
    .filter(({ mode }) => mode === 'Rewrite')
    .flatMap((set) => {
      const used = plans.find((plan) => plan.set?.name === set.name);
      const plan = used ?? planImage(`${printEndpoint(set.upstream)}/${MADE_UP}`, index);
      const mirrors = plan.set?.name === set.name ? plan.candidates.slice(1) : [];
      return mirrors.map(({ endpoint, image }) => ({
        namespace,
        set: set.name,
        mirror: printEndpoint(endpoint),
        upstreamImage: plan.original,
        mirrorImage: image,
      }));
    });
}

/** What a dry run of a creation came to: let in, refused in these words, or not to be had. */
export type TrialAnswer = 'accepted' | { readonly refused: string } | { readonly unread: string };

export interface TriedTrial {
  readonly trial: Trial;
  readonly upstream: TrialAnswer;
  readonly mirror: TrialAnswer;
}

function wordsOf(answer: TrialAnswer): string | undefined {
  if (answer === 'accepted') return undefined;
  return 'refused' in answer ? answer.refused : answer.unread;
}

/** A pod that is the same as any, down to what policies usually ask for. It is never stored. */
export function trialPod(image: string): object {
  return {
    metadata: {
      generateName: 'registry-failover-doctor-',
      // The webhook leaves it alone: it is the others that are asked about this very image.
      annotations: { [SKIP_ANNOTATION]: 'true' },
    },
    spec: {
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65_534, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'trial',
          image,
          resources: { requests: { cpu: '1m', memory: '8Mi' }, limits: { cpu: '10m', memory: '16Mi' } },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  };
}

function judgeTrial({ trial, upstream, mirror }: TriedTrial, checkup: Checkup): boolean {
  const { namespace, mirrorImage, mirror: endpoint, set } = trial;
  if (upstream !== 'accepted') {
    const message = `a trial pod in ${namespace} is not let in whatever its image is, so nothing can be said of mirrors: ${wordsOf(upstream) ?? ''}`;
    checkup.unknown(
      'policies',
      message,
      `Try with a pod of yours: kubectl -n ${namespace} run trial --image=${mirrorImage} --dry-run=server`,
    );
    return false;
  }
  if (mirror === 'accepted') return true;
  if ('unread' in mirror) {
    checkup.unknown(
      'policies',
      `a trial pod in ${namespace} could not be tried at ${endpoint}: ${mirror.unread}`,
      'Run doctor again',
    );
    return false;
  }
  const message = `a pod in ${namespace} that is pointed at ${endpoint} is refused by a policy: ${mirror.refused}; its creation would fail in an outage`;
  checkup.error(
    'policies',
    message,
    `Allow ${endpoint}/ in that policy for ${namespace}; until then: kubectl patch registrymirrorset ${set} --type=merge -p '{"spec":{"failover":{"mode":"CredentialsOnly"}}}'`,
  );
  return false;
}

/** Judges the trials. */
export function judgeTrials(tried: readonly TriedTrial[]): readonly DoctorCheck[] {
  const checkup = new Checkup('cluster');
  const good = tried.filter((each) => judgeTrial(each, checkup)).length;
  const pods =
    good === 1
      ? 'a trial pod that was pointed at a mirror is'
      : `${good} trial pods that were pointed at mirrors are`;
  if (good > 0) checkup.ok('policies', `${pods} let in (a dry run: nothing was stored)`);
  return checkup.checks;
}
