// Scenes: the nodes of one test file: one folder of programs for all of them, and each node gone after its test.
import { rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { NodeScene, type SceneOptions } from './node-scene.ts';
import { makeProgramFolder } from './program-folder.ts';

/** Made once, at the top of a test file. */
export class Scenes {
  readonly #scenes: NodeScene[] = [];
  #path = '';

  constructor() {
    beforeAll(() => {
      this.#path = makeProgramFolder();
    });
    afterEach(() => {
      for (const scene of this.#scenes.splice(0)) scene.close();
    });
    afterAll(() => {
      rmSync(this.#path, { recursive: true });
    });
  }

  /** The folder of programs: PATH of the scripts. */
  get path(): string {
    return this.#path;
  }

  /** A node with those programs only. */
  open(options: SceneOptions = {}): NodeScene {
    return this.keep(new NodeScene({ path: this.#path, ...options }));
  }

  /** Closes a node after the test. */
  keep(scene: NodeScene): NodeScene {
    this.#scenes.push(scene);
    return scene;
  }
}
