// Setup of the lab's tests: the lab with the image of this tree, and the product installed with helm, as a user does it.
import { bringUp } from '../../lab/up.ts';
import { labFolder, readLabFacts } from '../../lab/lab.ts';
import { tearDown } from '../../lab/teardown.ts';
import { declare, install } from './product.ts';

/** Brings up what is missing. What was up before the tests stays up after them. */
export default async function setUp(): Promise<() => Promise<void>> {
  const folder = labFolder();
  const wasUp = readLabFacts(folder) !== undefined;
  const say = (line: string): void => console.log(`lab: ${line}`);
  const isUp = await bringUp({ folder, extent: 'everything', withImage: true, say });
  if (!isUp)
    throw new Error(`the lab in ${folder} is not as it should be: npm run cluster -- down, then again`);
  await install();
  await declare();
  return async () => {
    if (wasUp) return;
    const { left } = await tearDown(folder);
    if (left.length > 0) throw new Error(`the lab has left behind:\n  ${left.join('\n  ')}`);
  };
}
