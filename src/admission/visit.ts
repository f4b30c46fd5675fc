// Visit: a request as admission sees it: the pod, and per image slot the plan and whether anybody has to be asked.
import { readOriginalImages } from '../domain/decision-annotation.ts';
import type { MirrorSet } from '../domain/mirror-set.ts';
import type { ImagePlan } from '../domain/plan.ts';
import { onlyNewEphemeral, readPod } from '../domain/pod.ts';
import type { ImageSlot, Pod } from '../domain/pod.ts';
import type { KeepReason } from '../domain/reason.ts';
import type { ServiceAccountSource } from './lookups.ts';
import type { NamespaceView } from './namespace-view.ts';
import type { AdmissionRequest } from './review.ts';

export interface SlotPlan {
  readonly slot: ImageSlot;
  readonly plan: ImagePlan;
  /** Rank of the candidate the slot names now; above 0 where an earlier pass of ours put it on a mirror. */
  readonly present: number;
  readonly skip: KeepReason | undefined;
}

/** One request on its way through. */
export interface Visit {
  readonly request: AdmissionRequest;
  readonly pod: Pod;
  /** Only new ephemeral containers are judged, and nothing but their image can change. */
  readonly isEphemeral: boolean;
  readonly view: NamespaceView;
  readonly slots: readonly SlotPlan[];
  /** Mirror sets whose mirrors this pod may come to need. */
  readonly relevant: readonly MirrorSet[];
  /** Monotonic milliseconds. */
  readonly started: number;
  readonly budgetMs: number;
}

function isEphemeralUpdate(request: AdmissionRequest): boolean {
  return request.subResource === 'ephemeralcontainers' && request.operation === 'UPDATE';
}

/** Do we judge this request at all? Pods when they are created, and ephemeral containers when they are added. */
export function isJudged(request: AdmissionRequest): boolean {
  const isCreation = request.subResource === '' && request.operation === 'CREATE';
  return request.resource === 'pods' && (isCreation || isEphemeralUpdate(request));
}

/**
 * imagePullSecrets is immutable after creation, and a static pod's file has already been read; a pod whose ServiceAccount
 * enforces mountable secrets would be refused.
 */
export function mayAddSecrets(visit: Visit, serviceAccounts: ServiceAccountSource): boolean {
  const { pod } = visit;
  if (visit.isEphemeral || pod.isStatic || pod.optedOut || visit.relevant.length === 0) return false;
  return !serviceAccounts.enforcesMountableSecrets(pod.namespace, pod.serviceAccount);
}

/** Plans a slot; the original of an earlier pass is believed only where today's sets map it to the present image. */
function planSlot(pod: Pod, slot: ImageSlot, view: NamespaceView, claimed: string | undefined): SlotPlan {
  const skip = skipOf(pod, slot);
  if (claimed !== undefined && claimed !== slot.image) {
    const plan = view.plan(claimed);
    const present = plan.candidates.findIndex((candidate) => candidate.image === slot.image);
    if (present > 0) return { slot, plan, present, skip };
  }
  return { slot, plan: view.plan(slot.image), present: 0, skip };
}

function skipOf(pod: Pod, slot: ImageSlot): KeepReason | undefined {
  if (pod.optedOut) return 'opted-out';
  if (pod.isStatic) return 'static-pod';
  return slot.pullNever ? 'pull-never' : undefined;
}

function relevantSets(slots: readonly SlotPlan[]): MirrorSet[] {
  const sets = new Set<MirrorSet>();
  for (const { plan, skip } of slots) {
    if (skip === undefined && plan.set !== undefined) sets.add(plan.set);
  }
  return [...sets];
}

/** Reads the pod and plans its slots. Pure; throws only on a bug. */
export function openVisit(
  request: AdmissionRequest,
  view: NamespaceView,
  time: { readonly started: number; readonly budgetMs: number },
): Visit {
  const isEphemeral = isEphemeralUpdate(request);
  const whole = readPod(request.object, request.namespace);
  const pod = isEphemeral ? onlyNewEphemeral(whole, readPod(request.oldObject, request.namespace)) : whole;
  const originals = readOriginalImages(pod);
  const slots = pod.slots.map((slot) => planSlot(pod, slot, view, originals.get(slot.id)));
  return { request, pod, isEphemeral, view, slots, relevant: relevantSets(slots), ...time };
}
