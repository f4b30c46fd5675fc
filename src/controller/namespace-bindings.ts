// Namespace bindings: the two RoleBindings of every opted-in namespace: where they are, putting them there, taking them away.
import { asArray, asObject, asTime, own } from '../domain/json.ts';
import { bindingNames, wantedBindings } from '../domain/rights.ts';
import type { Installation, WantedBinding } from '../domain/rights.ts';
import type { ApiFailure, ClusterApi, Informer, InformerSource } from '../kubernetes/cluster-api.ts';
import { ROLE_BINDINGS } from '../kubernetes/resource.ts';
import type { KubeObject } from '../kubernetes/resource.ts';
import type { CredentialLog } from './derived-effects.ts';

export type BindingRole = 'webhook' | 'controller';

/** Of calls about one namespace; a leader that has lost its lease must be done soon. */
export const CALL_TIMEOUT_MS = 5_000;

/** Instead of a call that is not begun any more: another replica is to lead. */
export const STOPPED: ApiFailure = {
  kind: 'unreachable',
  status: undefined,
  message: 'this replica is about to stop',
  retryAfterMs: undefined,
};

interface BindingRecord {
  readonly namespace: string;
  /** It binds what it should. */
  readonly isRight: boolean;
  /** Milliseconds of Unix time, by the API server's clock. */
  readonly madeAt: number | undefined;
}

export interface NamespaceBindingsOptions {
  readonly api: ClusterApi;
  readonly informers: InformerSource;
  readonly install: Installation;
  readonly log: CredentialLog;
}

/** The same fields with the same values; what else there is does not matter. */
function hasFields(object: unknown, wanted: Readonly<Record<string, string>>): boolean {
  const fields = asObject(object);
  return Object.entries(wanted).every(([name, value]) => own(fields, name) === value);
}

/** Does a binding say what it should? */
export function isRight(object: KubeObject, { roleRef, subjects }: WantedBinding): boolean {
  const present = asArray(own(object, 'subjects'));
  return (
    hasFields(own(object, 'roleRef'), { ...roleRef }) &&
    present.length === 1 &&
    hasFields(present[0], { ...subjects[0] })
  );
}

/** Knows all our bindings in the cluster, so that one that goes is made again, and none is forgotten on opt-out. */
export class NamespaceBindings {
  readonly #options: NamespaceBindingsOptions;
  readonly #informers: Readonly<Record<BindingRole, Informer<BindingRecord>>>;

  constructor(options: NamespaceBindingsOptions) {
    this.#options = options;
    this.#informers = { webhook: this.#watch('webhook'), controller: this.#watch('controller') };
  }

  get synced(): Promise<unknown> {
    return Promise.all([this.#informers.webhook.synced, this.#informers.controller.synced]);
  }

  /** Every namespace with a binding of ours. */
  namespaces(): readonly string[] {
    const { webhook, controller } = this.#informers;
    const all = [...webhook.items.values(), ...controller.items.values()].map(({ namespace }) => namespace);
    return [...new Set(all)];
  }

  has(namespace: string, role: BindingRole): boolean {
    return this.#record(namespace, role) !== undefined;
  }

  /** Since when a namespace has had our rights, whoever led then; milliseconds of Unix time. */
  madeAt(namespace: string): number | undefined {
    return this.#record(namespace, 'webhook')?.madeAt;
  }

  isRight(namespace: string, role: BindingRole): boolean {
    return this.#record(namespace, role)?.isRight === true;
  }

  onChange(listener: (namespace: string) => void): void {
    for (const informer of Object.values(this.#informers)) {
      informer.onChange(({ before, after }) => {
        const record = after ?? before;
        if (record !== undefined) listener(record.namespace);
      });
    }
  }

  /** Makes what is missing or wrong; the controller's first, for it can do nothing without. undefined: all is well. */
  async ensure(namespace: string, signal: AbortSignal): Promise<ApiFailure | undefined> {
    const wanted = wantedBindings(namespace, this.#options.install);
    for (const role of ['controller', 'webhook'] as const) {
      if (this.isRight(namespace, role)) continue;
      const refusal = await this.#apply(wanted[role], signal);
      // To what role a binding refers cannot be changed: one that somebody has made before us, or in its place, has to go first.
      const isInTheWay = refusal?.kind === 'invalid' && this.has(namespace, role);
      const failure = isInTheWay
        ? ((await this.remove(namespace, role)) ?? (await this.#apply(wanted[role], signal)))
        : refusal;
      if (failure !== undefined) return failure;
      this.#options.log.did('bound', namespace, wanted[role].metadata.name);
    }
    return undefined;
  }

  async #apply(binding: WantedBinding, signal: AbortSignal): Promise<ApiFailure | undefined> {
    // Each call may take all the time that is left of the lease.
    if (signal.aborted) return STOPPED;
    const options = { timeoutMs: CALL_TIMEOUT_MS };
    const applied = await this.#options.api.apply(ROLE_BINDINGS, { ...binding }, options);
    return applied.ok ? undefined : applied.error;
  }

  /** undefined: it is gone. */
  async remove(namespace: string, role: BindingRole): Promise<ApiFailure | undefined> {
    if (!this.has(namespace, role)) return undefined;
    const { api, install, log } = this.#options;
    const name = bindingNames(install)[role];
    const removed = await api.remove(ROLE_BINDINGS, { namespace, name }, { timeoutMs: CALL_TIMEOUT_MS });
    if (!removed.ok) return removed.error;
    log.did('unbound', namespace, name);
    return undefined;
  }

  close(): void {
    for (const informer of Object.values(this.#informers)) informer.close();
  }

  #record(namespace: string, role: BindingRole): BindingRecord | undefined {
    return this.#informers[role].items.get(`${namespace}/${bindingNames(this.#options.install)[role]}`);
  }

  /** One watch over all namespaces for one name, which is all that `resourceNames` lets us see. */
  #watch(role: BindingRole): Informer<BindingRecord> {
    const { informers, install } = this.#options;
    return informers.watch({
      type: ROLE_BINDINGS,
      scope: { fieldSelector: `metadata.name=${bindingNames(install)[role]}` },
      keep: (object) => {
        const { namespace, creationTimestamp } = object.metadata;
        if (namespace === undefined) return undefined;
        const wanted = wantedBindings(namespace, install)[role];
        return { namespace, isRight: isRight(object, wanted), madeAt: asTime(creationTimestamp) };
      },
    });
  }
}
