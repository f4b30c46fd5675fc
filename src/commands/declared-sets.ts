// Declared sets: the declarations in force, as the parts of the controller ask for them, for as long as one leadership lasts.
import type { MirrorSetSource } from '../controller/derived-effects.ts';
import type { ClusterDeclarations } from './cluster.ts';
import type { LiveState } from './declarations.ts';

export class DeclaredSets implements MirrorSetSource {
  readonly synced: Promise<void>;
  readonly #listeners = new Set<() => void>();
  readonly #stop: () => void;
  #state: LiveState | undefined;

  /** @param onState Told of every state, before the listeners of `onChange`. */
  constructor(declarations: ClusterDeclarations, onState: (state: LiveState) => void) {
    this.synced = declarations.synced;
    this.#stop = declarations.follow((state) => {
      const isOther = state.objects.sets !== this.#state?.objects.sets;
      this.#state = state;
      onState(state);
      if (isOther) for (const listener of this.#listeners) listener();
    });
  }

  sets(): LiveState['objects']['sets'] {
    return this.#state?.objects.sets ?? [];
  }

  problems(): LiveState['problems'] {
    return this.#state?.problems ?? [];
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
    this.#stop();
  }
}
