// What one demo registry holds: repositories, their tags, and the content behind them.
import type { Content, DemoImage } from './image.ts';

interface Repository {
  readonly tags: Map<string, DemoImage>;
  /** Every build that can be had by digest: also one whose tag has moved on. By the digest of its index. */
  readonly images: Map<string, DemoImage>;
}

/** Repositories by name. Changes show in the next request. */
export class RegistryStore {
  readonly #repositories = new Map<string, Repository>();

  /** Puts an image under a tag. A tag that exists moves; the build it leaves stays to be had by digest, as in any registry. */
  publish(name: string, tag: string, image: DemoImage): void {
    const repository = this.#repositories.get(name) ?? { tags: new Map(), images: new Map() };
    repository.tags.set(tag, image);
    repository.images.set(image.index.digest, image);
    this.#repositories.set(name, repository);
  }

  /**
   * Takes an image away, by tag and by digest, other tags of the same build included; without a tag the whole
   * repository. False when there was nothing to take.
   */
  remove(name: string, tag?: string): boolean {
    if (tag === undefined) return this.#repositories.delete(name);
    const repository = this.#repositories.get(name);
    const image = repository?.tags.get(tag);
    if (repository === undefined || image === undefined) return false;
    for (const [other, held] of repository.tags) {
      if (held.index.digest === image.index.digest) repository.tags.delete(other);
    }
    return repository.images.delete(image.index.digest);
  }

  knows(name: string): boolean {
    return this.#repositories.has(name);
  }

  /** Tags in the order of the specification (lexical). */
  tags(name: string): readonly string[] {
    return [...(this.#repositories.get(name)?.tags.keys() ?? [])].sort();
  }

  /** An index or manifest by tag or digest. */
  manifest(name: string, reference: string): Content | undefined {
    const tagged = this.#repositories.get(name)?.tags.get(reference)?.index;
    return tagged ?? this.#first(name, (image) => image.manifests.get(reference));
  }

  /** A config or layer by digest. */
  blob(name: string, digest: string): Content | undefined {
    return this.#first(name, (image) => image.blobs.get(digest));
  }

  #first(name: string, pick: (image: DemoImage) => Content | undefined): Content | undefined {
    for (const image of this.#repositories.get(name)?.images.values() ?? []) {
      const content = pick(image);
      if (content !== undefined) return content;
    }
    return undefined;
  }
}
