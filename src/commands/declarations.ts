// Declarations: what is declared, in files or in the API server, as what the engine takes; read once, or followed.
import { stat } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { DeclaredObjects } from '../admission/declared-state.ts';
import { parseMirrorSet } from '../config/mirror-set.ts';
import type { ClusterObjects, ObjectSource } from '../domain/cluster-objects.ts';
import { resolveDeclarations } from '../domain/declarations.ts';
import type { DeclarationProblem } from '../domain/declared-refs.ts';
import type { Labels } from '../domain/label-selector.ts';
import type { Problem } from '../domain/problem.ts';
import type { PullSecretObject } from '../domain/pull-secret.ts';
import { err, ok } from '../domain/result.ts';
import type { Result } from '../domain/result.ts';
import { loadDockerConfig } from '../manifests/docker-config-file.ts';
import { loadManifests } from '../manifests/load.ts';
import type { LoadOptions } from '../manifests/load.ts';
import { ManifestSource } from '../manifests/source.ts';
import { sha256Hex } from '../nodes/sha256.ts';

/** The flags that every command with declarations has. */
export interface DeclarationFlags {
  readonly manifests: readonly string[];
  readonly dockerConfig?: string | undefined;
  readonly installNamespace: string;
  readonly allowedEndpoint: readonly string[];
}

/** What declarations are resolved with. */
type ResolutionFlags = Pick<DeclarationFlags, 'installNamespace' | 'allowedEndpoint'>;

/** Declarations in force. */
export interface LiveState {
  /** `objects.sets` is the same array as long as only namespaces have changed. */
  readonly objects: DeclaredObjects;
  /** What is wrong; the sets that are right are in force all the same. */
  readonly problems: readonly DeclarationProblem[];
  readonly namespaceLabels: ReadonlyMap<string, Labels>;
}

function resolve(objects: ClusterObjects, flags: ResolutionFlags, standIn: StandIn): LiveState {
  const { sets, problems, namespaceLabels } = resolveDeclarations(objects, {
    installNamespace: flags.installNamespace,
    allowedEndpoints: flags.allowedEndpoint,
    sha256: sha256Hex,
  });
  return {
    objects: { sets, namespaceLabels, secrets: objects.secrets, standIn: standIn.secret },
    problems: [...standIn.notes, ...problems],
    namespaceLabels,
  };
}

/** A docker config.json's logins, and what stands in it that cannot be used. */
interface StandIn {
  readonly secret: PullSecretObject | undefined;
  readonly notes: readonly Problem[];
}

const NO_STAND_IN: StandIn = { secret: undefined, notes: [] };

async function readStandIn(path: string | undefined): Promise<Result<StandIn, readonly Problem[]>> {
  return path === undefined ? ok(NO_STAND_IN) : loadDockerConfig(path);
}

/** Declarations read once. */
export interface LoadedState extends LiveState {
  /** Sentences, one for each path, when no mirror set was found in any of them; else empty. */
  readonly absence: readonly string[];
}

async function describeAbsence(path: string, options: LoadOptions): Promise<string> {
  const loaded = await loadManifests([path], options);
  const lists: readonly (readonly unknown[])[] = loaded.ok ? Object.values({ ...loaded.value }) : [];
  const count = lists.reduce((sum, list) => sum + list.length, 0);
  const read = count === 1 ? '1 manifest read' : `${count} manifests read`;
  const isFolder = path !== '-' && (await stat(path)).isDirectory();
  const place = path === '-' ? 'standard input' : path;
  const caveat = isFolder ? '; subfolders are not read' : '';
  return `No RegistryMirrorSet was found in ${place} (${read}${caveat}).`;
}

/** Reads declarations once. Unreadable or invalid manifests are the error; problems between objects stand in the state. */
export async function loadDeclarations(
  flags: DeclarationFlags,
): Promise<Result<LoadedState, readonly Problem[]>> {
  const stdin = flags.manifests.includes('-') ? await text(process.stdin) : undefined;
  const options: LoadOptions = { defaultNamespace: flags.installNamespace, parseMirrorSet, stdin };
  const [loaded, standIn] = await Promise.all([
    loadManifests(flags.manifests, options),
    readStandIn(flags.dockerConfig),
  ]);
  if (!loaded.ok || !standIn.ok) {
    return err([...(loaded.ok ? [] : loaded.error), ...(standIn.ok ? [] : standIn.error)]);
  }
  const isAbsent = loaded.value.mirrorSets.length === 0;
  const paths = isAbsent ? [...new Set(flags.manifests)] : [];
  const absence = await Promise.all(paths.map((path) => describeAbsence(path, options)));
  return ok({ ...resolve(loaded.value, flags, standIn.value), absence });
}

/** For commands that compare with what is there: nobody means "take everything away" by a folder that is empty, or the wrong one. */
export function nothingDeclared(absence: readonly string[]): readonly Problem[] {
  const fix = 'Correct the path; to take everything away from nodes there is nodes restore';
  return absence.map((sentence) => {
    return { path: '--manifests', code: 'NothingDeclared', message: sentence.replace(/\.$/, ''), fix };
  });
}

/** Do both come to the same mirror sets? Sources keep the arrays of what has not changed. */
function declareAlike(a: ClusterObjects, b: ClusterObjects): boolean {
  return a.mirrorSets === b.mirrorSets && a.secrets === b.secrets && a.configMaps === b.configMaps;
}

/** Declarations that follow their source. */
export class LiveDeclarations {
  readonly #source: ObjectSource;
  readonly #flags: ResolutionFlags;
  readonly #standIn: StandIn;
  #last: { readonly from: ClusterObjects; readonly state: LiveState } | undefined;

  private constructor(source: ObjectSource, flags: ResolutionFlags, standIn: StandIn) {
    this.#source = source;
    this.#flags = flags;
    this.#standIn = standIn;
  }

  /** Reads files once and watches from then on. Never fails on what it finds: problems are in the state. */
  static async open(flags: DeclarationFlags): Promise<LiveDeclarations> {
    const source = await ManifestSource.open({
      paths: flags.manifests,
      defaultNamespace: flags.installNamespace,
      parseMirrorSet,
    });
    const standIn = await readStandIn(flags.dockerConfig);
    const usable = standIn.ok ? standIn.value : { secret: undefined, notes: standIn.error };
    return new LiveDeclarations(source, flags, usable);
  }

  /** Over any other source. */
  static over(source: ObjectSource, flags: ResolutionFlags): LiveDeclarations {
    return new LiveDeclarations(source, flags, NO_STAND_IN);
  }

  #resolve(objects: ClusterObjects): LiveState {
    const last = this.#last;
    if (last === undefined || !declareAlike(last.from, objects))
      return resolve(objects, this.#flags, this.#standIn);
    if (last.from === objects) return last.state;
    const { namespaceLabels } = resolve({ ...objects, mirrorSets: [] }, this.#flags, NO_STAND_IN);
    return { ...last.state, objects: { ...last.state.objects, namespaceLabels }, namespaceLabels };
  }

  /** The state now. */
  current(): LiveState {
    const from = this.#source.current();
    const state = this.#resolve(from);
    this.#last = { from, state };
    return { ...state, problems: [...this.#source.problems(), ...state.problems] };
  }

  /** Tells the state after every change. Returns what ends it. */
  onChange(listener: (state: LiveState) => void): () => void {
    return this.#source.onChange(() => listener(this.current()));
  }

  /** Tells the state now and after every change. Returns what ends it, and the reading of the source with it. */
  follow(listener: (state: LiveState) => void): () => void {
    const stop = this.onChange(listener);
    listener(this.current());
    return () => {
      stop();
      this.#source.close();
    };
  }
}
