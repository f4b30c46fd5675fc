// Prompt help: the commands of the prompt, its faults, and how to use explain on the demo's declarations.
import { CAST, PLACES } from './cast.ts';
import { BREAKING, FAULTS, parseFault } from './faults.ts';
import type { Page } from './page.ts';
import type { Stage } from './stage.ts';

/** What is created when no image is named. */
export const USUAL_IMAGE = 'fra/shop/web:1.4';
/** What a registry is broken with when no fault is named. */
export const USUAL_FAULT = 'silent';

const COMMANDS: readonly (readonly [string, string])[] = [
  ['break REGISTRY [FAULT]', `fra, ams or hub; ${BREAKING.join(', ')} (${USUAL_FAULT} when left out)`],
  ['heal [REGISTRY]', 'it answers again; all of them when left out'],
  ['admit [IMAGE]', `create a pod, with ${USUAL_IMAGE} when left out`],
  ['status', 'what is broken, and what the webhook believes'],
  ['help', 'this, and how to use explain on these declarations'],
  ['quit', 'end the demo; so does the end of input'],
];

/** The usage of `break`, for who names no registry. */
export const BREAK_USAGE = COMMANDS[0]?.join(': ') ?? '';

/** Where the declarations are, and a pod to try them on. */
export interface PromptFiles {
  readonly manifests: string;
  readonly pod: string;
}

function printFault(name: string): string {
  const fault = parseFault(name);
  if (fault === undefined) return '';
  // Not to be mixed up with one slow answer on a good connection, over which no image is moved.
  const more = fault === 'silent' ? ', not even a TLS handshake' : '';
  return `${FAULTS[fault]}${more}`;
}

/** Writes it all. Commands stand as they can be pasted: never wrapped, continued with a backslash. */
export function printHelp(page: Page, stage: Stage, files: PromptFiles): void {
  for (const [usage, what] of COMMANDS) {
    page.text(what, { first: `   ${usage.padEnd(24)} `, rest: ' '.repeat(28) });
  }
  page.line();
  for (const name of BREAKING) {
    page.text(printFault(name), { first: `   ${name.padEnd(24)} `, rest: ' '.repeat(28) });
  }
  page.line();
  page.text('From another terminal, in this folder, as long as this runs:');
  page.line('   npm run -s cli -- explain \\');
  page.line(`     -f ${files.pod} \\`);
  page.line(`     -m ${files.manifests}`);
  page.text("It needs the registries' names, for example in /etc/hosts:");
  for (const place of PLACES) page.line(`   ${stage.registry(place).where.address} ${CAST[place].host}`);
}
