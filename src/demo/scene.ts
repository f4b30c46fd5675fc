// Scene: what the steps of the walk-through can do and see: create pods, wait for health, look at what registries saw.
import { setTimeout as pause } from 'node:timers/promises';
import type { AuditRecord } from '../domain/audit-record.ts';
import type { HealthStatus } from '../domain/health.ts';
import type { Reviewed } from './api-server.ts';
import { applyPatch } from './json-patch.ts';
import { DEMO_NAMESPACE, PULL_SECRETS } from './manifests.ts';
import { replicaPod } from './replica-pod.ts';
import type { PodObject } from './replica-pod.ts';
import { PLACES } from './cast.ts';
import type { Place } from './cast.ts';
import type { Stage } from './stage.ts';
import type { SeenRequest } from './registry-observations.ts';
import type { Expectation, PodReport, Wait } from './step-report.ts';

/** Sends a pod to the webhook. */
interface Reviewer {
  review(pod: PodObject): Promise<Reviewed>;
}

/** What the webhook believes and has written down. */
interface Insight {
  /** Health of a registry by its `host:port`. */
  health(hostPort: string): HealthStatus;
  /** The audit records of one admission request. */
  audit(uid: string): readonly AuditRecord[];
}

export interface SceneOptions {
  readonly stage: Stage;
  readonly reviewer: Reviewer;
  readonly insight: Insight;
  /** For how long a change of health is waited for, milliseconds. */
  readonly patienceMs: number;
}

const LOOK_AGAIN_MS = 20;

function secretNames(pod: PodObject): readonly string[] {
  return (pod.spec.imagePullSecrets ?? []).map((secret) => secret.name);
}

function imageOf(pod: PodObject): string {
  return pod.spec.containers[0]?.image ?? '';
}

/** `shop/web` of `shop/web:1.4`, without registry and tag. */
function appOf(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1).replace(/[:@].*$/, '');
  return name === '' ? 'app' : name;
}

/** The patched pod, or why the API server could not make one. */
function patched(
  pod: PodObject,
  reviewed: Reviewed,
): { readonly after: PodObject; readonly failure?: string } {
  if (reviewed.failure !== undefined) return { after: pod, failure: reviewed.failure };
  try {
    return { after: applyPatch(pod, reviewed.patch) };
  } catch (error) {
    return { after: pod, failure: (error as Error).message };
  }
}

export class Scene {
  readonly stage: Stage;
  readonly #options: SceneOptions;

  constructor(options: SceneOptions) {
    this.stage = options.stage;
    this.#options = options;
  }

  /** Creates a pod with this image (`fra/shop/web:1.4`, or a whole reference) in the namespace `shop`. */
  async admit(shortImage: string): Promise<PodReport> {
    const { reviewer, insight } = this.#options;
    const image = this.stage.expand(shortImage);
    const app = appOf(image);
    const pullSecret = image.startsWith(this.stage.hostPort('hub')) ? PULL_SECRETS.hub : PULL_SECRETS.fra;
    const pod = replicaPod({ app, image, pullSecrets: [pullSecret] });
    const reviewed = await reviewer.review(pod);
    const { after, failure } = patched(pod, reviewed);
    return {
      pod: `${DEMO_NAMESPACE}/${app}`,
      image: { before: image, after: imageOf(after) },
      pullSecrets: { before: secretNames(pod), after: secretNames(after) },
      allowed: reviewed.allowed,
      ms: Math.round(reviewed.ms * 10) / 10,
      patch: reviewed.patch,
      warnings: reviewed.warnings,
      audit: insight.audit(reviewed.uid)[0],
      ...(failure === undefined ? {} : { failure }),
    };
  }

  /** Creates several pods with the same image, one after the other. */
  async admitMore(shortImage: string, count: number): Promise<readonly PodReport[]> {
    const reports: PodReport[] = [];
    for (let made = 0; made < count; made += 1) reports.push(await this.admit(shortImage));
    return reports;
  }

  /** Waits until the background probes have come to believe this of a registry; gives up after the scene's patience. */
  async until(place: Place, health: HealthStatus): Promise<Wait> {
    const started = performance.now();
    const elapsed = (): number => performance.now() - started;
    while (this.health(place) !== health && elapsed() < this.#options.patienceMs) await pause(LOOK_AGAIN_MS);
    return { place, health, ms: Math.round(elapsed()), reached: this.health(place) === health };
  }

  health(place: Place): HealthStatus {
    return this.#options.insight.health(this.stage.hostPort(place));
  }

  /** The requests about images and tokens that a registry has seen in this step; the probes' pings are not among them. */
  questions(place: Place): readonly SeenRequest[] {
    return this.stage.seen(place).requests.filter(({ path }) => path !== '/v2/' && path !== '/v2');
  }

  /** The requests among them that ask for this image's manifest. */
  questionsAbout(place: Place, name: string): readonly SeenRequest[] {
    return this.questions(place).filter(({ path }) => path.startsWith(`/v2/${name}/manifests/`));
  }
}

/** No registry was ever shown an account of another. */
export function expectOwnAccounts(stage: Stage): Expectation {
  const shown = PLACES.map((place) => ({ place, accounts: stage.seen(place).accounts }));
  const told = shown.filter(({ accounts }) => accounts.length > 0);
  return {
    says: 'no registry was shown an account of another',
    seen:
      told.map(({ place, accounts }) => `${place}: ${accounts.join(', ')}`).join('; ') || 'nobody logged in',
    ok: shown.every(({ place, accounts }) =>
      accounts.every((account) => account === stage.account(place).username),
    ),
  };
}
