// Secret plan: what to do so that a namespace has exactly the derived pull secrets it should have, as a pure function.
import type { MirrorSet } from './mirror-set.ts';
import type { Problem } from './problem.ts';
import type { PullSecretEntry } from './pull-secret.ts';
import { quote } from './reference-grammar.ts';
import { normaliseKey } from './registry-key.ts';
import { isAsWanted, originOf, printDerivedSecret } from './secret-plan-object.ts';
import type { FoundObject, WantedSecret } from './secret-plan-object.ts';
import { deriveWants } from './secret-plan-wanted.ts';
import type { SourceSecret, Want } from './secret-plan-wanted.ts';

export type { WantedSecret } from './secret-plan-object.ts';
export type { SourceSecret } from './secret-plan-wanted.ts';

/** A secret of the namespace that has the name of a derived one. */
export interface FoundSecret extends FoundObject {
  readonly name: string;
  readonly uid: string;
  /** By isDerivedObject; what is not ours is never touched. */
  readonly isOurs: boolean;
  /** Empty when it does not parse, or is not ours. */
  readonly entries: readonly PullSecretEntry[];
}

/**
 * `in-use`: a living pod names the secret, and uses an image that the entry matches. `just-undeclared`: webhooks that
 * have not heard of it yet may still send a pod there, or we do not hear of pods at the moment.
 */
export type KeepReason = 'in-use' | 'just-undeclared';

export interface SecretPlanInput {
  readonly namespace: string;
  readonly isOptedIn: boolean;
  /** Those in force that select the namespace. */
  readonly sets: readonly MirrorSet[];
  readonly sources: readonly SourceSecret[];
  readonly found: readonly FoundSecret[];
  /** Why an entry that nothing declares must stay; undefined: it may go. */
  readonly reasonToKeep: (secretName: string, entry: PullSecretEntry) => KeepReason | undefined;
  /** Lower-case hex. */
  readonly sha256: (text: string) => string;
}

/** A derived secret, or entries of one, that nothing declares any more and that stay all the same. */
export interface KeptSecret {
  readonly name: string;
  readonly because: KeepReason;
  /** Keys of the entries. */
  readonly keys: readonly string[];
}

/** What cannot be had, and which sets go without. */
export interface SecretProblem {
  /** The source that cannot be read, or the derived secret whose name is taken. */
  readonly secret: string;
  readonly uid: string;
  /** The derived secret that is concerned. */
  readonly derivedName: string;
  readonly problem: Problem;
  readonly sets: readonly string[];
}

export interface SecretPlan {
  readonly apply: readonly WantedSecret[];
  /** Only these very objects (uid), never others of the same name. */
  readonly remove: readonly { readonly name: string; readonly uid: string }[];
  readonly kept: readonly KeptSecret[];
  readonly problems: readonly SecretProblem[];
  /** Every derived secret that can be had, up to date or in `apply`, by the sets that want it. */
  readonly wanted: readonly { readonly name: string; readonly sets: readonly string[] }[];
}

interface Holding {
  readonly entries: readonly PullSecretEntry[];
  readonly kept: readonly KeptSecret[];
}

/** Entries that nothing declares any more, and that have to stay. */
function heldEntries(
  found: FoundSecret,
  declared: readonly PullSecretEntry[],
  input: SecretPlanInput,
): Holding {
  // As the kubelet keeps them: of two spellings of one key it would take either, as it happens.
  const keys = new Set(declared.map(({ key }) => normaliseKey(key)));
  const held = found.entries.flatMap((entry) => {
    const because = keys.has(normaliseKey(entry.key)) ? undefined : input.reasonToKeep(found.name, entry);
    return because === undefined ? [] : [{ entry, because }];
  });
  const kept = (['in-use', 'just-undeclared'] as const).flatMap((because) => {
    const keys = held.filter((one) => one.because === because).map(({ entry }) => entry.key);
    return keys.length === 0 ? [] : [{ name: found.name, because, keys }];
  });
  return { entries: held.map(({ entry }) => entry), kept };
}

function unlessSame(
  found: FoundSecret | undefined,
  wanted: WantedSecret,
  { namespace, sha256 }: SecretPlanInput,
): WantedSecret[] {
  if (found === undefined) return [wanted];
  return isAsWanted(found, printDerivedSecret(namespace, wanted), sha256) ? [] : [wanted];
}

function nameTaken({ name, sets }: Want, found: FoundSecret, namespace: string): SecretProblem {
  return {
    secret: name,
    uid: found.uid,
    derivedName: name,
    problem: {
      path: `secret ${quote(name)}`,
      code: 'SecretNameTaken',
      message: `a secret that registry-failover has not made stands under the name ${quote(name)}, so pods go without this credential`,
      fix: `Delete it, and ours takes its place: kubectl delete secret -n ${namespace} ${name}`,
    },
    sets,
  };
}

const NOTHING: SecretPlan = { apply: [], remove: [], kept: [], problems: [], wanted: [] };

function planWanted(want: Want, found: FoundSecret | undefined, input: SecretPlanInput): SecretPlan {
  if (found?.isOurs === false) return { ...NOTHING, problems: [nameTaken(want, found, input.namespace)] };
  const { name, origin, sets } = want;
  const held = found === undefined ? { entries: [], kept: [] } : heldEntries(found, want.entries, input);
  const wanted = { name, origin, entries: [...want.entries, ...held.entries] };
  return {
    ...NOTHING,
    apply: unlessSame(found, wanted, input),
    kept: held.kept,
    wanted: [{ name, sets }],
  };
}

function planUnwanted(found: FoundSecret, input: SecretPlanInput): SecretPlan {
  const { entries, kept } = heldEntries(found, [], input);
  if (entries.length === 0) return { ...NOTHING, remove: [{ name: found.name, uid: found.uid }] };
  const rest = { name: found.name, origin: originOf(found.annotations), entries };
  // Whole, it stays as it is, byte for byte; what is no longer used of it need not be readable any longer.
  return {
    ...NOTHING,
    apply: entries.length === found.entries.length ? [] : unlessSame(found, rest, input),
    kept,
  };
}

/**
 * Plans one namespace. Planning again after the plan has been carried out gives nothing more to do; the order of the inputs
 * does not matter; what a living pod uses is never taken away; only mirrors' own keys are ever written.
 */
export function planSecrets(input: SecretPlanInput): SecretPlan {
  const found = [...input.found].sort((a, b) => (a.name < b.name ? -1 : 1));
  const byName = new Map(found.map((secret) => [secret.name, secret]));
  const formerOf = (name: string): readonly PullSecretEntry[] => {
    const former = byName.get(name);
    return former?.isOurs === true ? former.entries : [];
  };
  const wants = input.isOptedIn
    ? deriveWants(input.sources, input.sets, formerOf)
    : { secrets: [], unreadable: [] };
  const spared = new Set([
    ...wants.secrets.map(({ name }) => name),
    // Unless it is broken itself: then it is better gone.
    ...wants.unreadable.map(({ derivedName }) => derivedName).filter((name) => formerOf(name).length > 0),
  ]);
  const unwanted = found.filter(({ name, isOurs }) => isOurs && !spared.has(name));
  const plans = [
    ...wants.secrets.map((want) => planWanted(want, byName.get(want.name), input)),
    ...unwanted.map((secret) => planUnwanted(secret, input)),
  ];
  const unreadable = wants.unreadable.map(({ source, derivedName, problem, sets }) => ({
    secret: source.name,
    uid: source.uid,
    derivedName,
    problem,
    sets,
  }));
  return {
    apply: plans.flatMap(({ apply }) => apply),
    remove: plans.flatMap(({ remove }) => remove),
    kept: plans.flatMap(({ kept }) => kept),
    problems: [...unreadable, ...plans.flatMap(({ problems }) => problems)],
    wanted: plans.flatMap(({ wanted }) => wanted),
  };
}
