// Step script: one step of the story: its words, and what it does and looks at.
import type { Scene } from './scene.ts';
import type { StepFindings } from './step-report.ts';

export interface StepScript {
  /** At most 40 characters. */
  readonly title: string;
  /** What is done to the registries, and by whom pods are created. */
  readonly act: string;
  /** What there is to learn, beyond the audit's own sentence. */
  readonly lesson: string;
  /** Does it, and comes back with what was seen. A step begins where the one before it ended. */
  readonly play: (scene: Scene) => Promise<StepFindings>;
}
