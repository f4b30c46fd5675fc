// Check subjects: derived pull secrets as they stand, each with the images of its namespace's pods, for the credential check.
import type { CheckSubject } from '../domain/check-plan.ts';
import type { CheckSubjects } from './credential-check.ts';

/** Those who keep derived secrets. */
export interface DerivedInPlace {
  subjects(): readonly Omit<CheckSubject, 'images'>[];
  /** Facts about secrets have changed. */
  onChange(listener: () => void): () => void;
  /** A secret has come, changed or gone. */
  onSecrets(listener: () => void): () => void;
}

/** Those who know the pods. */
export interface PodImages {
  in(namespace: string): readonly { readonly images: readonly string[] }[];
  onChange(listener: (namespace: string) => void): () => void;
}

export interface DerivedCheckSubjectsOptions {
  readonly derived: DerivedInPlace;
  readonly pods: PodImages;
  /** The mirror sets in force: their canaries are not in any secret. */
  readonly declarations: { onChange(listener: () => void): () => void };
}

/** Pods come and go all the time, and only where there is no canary does it matter which. */
const PODS_EVERY_MS = 30_000;

export class DerivedCheckSubjects implements CheckSubjects {
  readonly #options: DerivedCheckSubjectsOptions;

  constructor(options: DerivedCheckSubjectsOptions) {
    this.#options = options;
  }

  subjects(): readonly CheckSubject[] {
    const { derived, pods } = this.#options;
    const images = new Map<string, readonly string[]>();
    const imagesOf = (namespace: string): readonly string[] => {
      const known = images.get(namespace) ?? [...new Set(pods.in(namespace).flatMap((pod) => pod.images))];
      images.set(namespace, known);
      return known;
    };
    return derived.subjects().map((subject) => ({ ...subject, images: imagesOf(subject.namespace) }));
  }

  onChange(listener: () => void): () => void {
    const { derived, pods, declarations } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const later = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        listener();
      }, PODS_EVERY_MS).unref();
    };
    const stops = [
      derived.onChange(listener),
      derived.onSecrets(listener),
      declarations.onChange(listener),
      pods.onChange(later),
    ];
    return () => {
      clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }
}
