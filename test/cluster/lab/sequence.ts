// Sequence: the order of the test files: by their names, and what installs and uninstalls the product after all that uses it.
import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';

const LAST = /\/lab\/install(?:-readme)?\.test\.ts$/;

/** Otherwise the order would follow from how long each took the last time. */
export class InstallLast extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const keyOf = ({ moduleId }: TestSpecification): string => `${Number(LAST.test(moduleId))} ${moduleId}`;
    return Promise.resolve(files.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)));
  }
}
