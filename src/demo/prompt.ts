// Prompt: after the walk-through, registries are broken and healed, and pods created, at the keyboard.
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { FAULTS, parseFault } from './faults.ts';
import type { Output, Page } from './page.ts';
import type { Scene } from './scene.ts';
import type { Screen } from './screen.ts';
import { CAST, PLACES } from './cast.ts';
import type { Place } from './cast.ts';
import { printMs } from './step-report.ts';

export interface PromptOptions {
  readonly input: Readable;
  readonly output: Output;
  readonly page: Page;
  readonly screen: Screen;
  readonly scene: Scene;
  /** Where the declarations are, and a pod to try them on. */
  readonly files: { readonly manifests: string; readonly pod: string };
}

const USUAL_IMAGE = 'fra/shop/web:1.4';

const COMMANDS: readonly (readonly [string, string])[] = [
  [
    'break REGISTRY [FAULT]',
    `fra, ams or hub; ${Object.keys(FAULTS)
      .filter((name) => name !== 'none')
      .join(', ')} (silent when left out)`,
  ],
  ['heal [REGISTRY]', 'it answers again; all of them when left out'],
  ['admit [IMAGE]', `create a pod, with ${USUAL_IMAGE} when left out`],
  ['status', 'what is broken, and what the webhook believes'],
  ['help', 'this, and how to use explain on these declarations'],
  ['quit', 'end the demo; so does the end of input'],
];

function placeOf(word: string | undefined): Place | undefined {
  return PLACES.find((place) => place === word);
}

export class Prompt {
  readonly #options: PromptOptions;
  readonly #page: Page;

  constructor(options: PromptOptions) {
    this.#options = options;
    this.#page = options.page;
  }

  /** Reads commands until `quit` or the end of input. */
  async run(): Promise<void> {
    const { input, output } = this.#options;
    this.#page.text(
      'Everything goes on running. Your turn: try break fra, admit, status, heal fra, admit; help shows the rest.',
    );
    const isTerminal = output.isTTY === true;
    const lines = createInterface({ input, output, terminal: isTerminal, prompt: 'demo> ' });
    let isOpen = true;
    lines.once('close', () => (isOpen = false));
    lines.prompt();
    for await (const line of lines) {
      const [command = '', ...words] = line.trim().split(/\s+/);
      if (command === 'quit' || command === 'exit') break;
      await this.#obey(command, words);
      // The input may have ended while its last lines were still to be read.
      if (isOpen) lines.prompt();
    }
    if (isOpen) lines.close();
    this.#page.line();
  }

  async #obey(command: string, words: readonly string[]): Promise<void> {
    switch (command) {
      case '':
        return;
      case 'break':
        return this.#break(words);
      case 'heal':
        return this.#heal(words);
      case 'admit':
        return this.#admit(words[0] ?? USUAL_IMAGE);
      case 'status':
        return this.#status();
      case 'help':
        return this.#help();
      default:
        this.#page.text(`There is no command ${command.slice(0, 40)}. Try help.`);
    }
  }

  #break([name, faultName = 'silent']: readonly string[]): void {
    const place = placeOf(name);
    const fault = parseFault(faultName);
    if (place === undefined || fault === undefined || fault === 'none') {
      const [usage = '', what = ''] = COMMANDS[0] ?? [];
      this.#page.text(`${usage}: ${what}`);
      return;
    }
    this.#options.scene.stage.break(place, fault);
    this.#page.text(`${place} ${FAULTS[fault]}. The probes notice within seconds: see status.`);
  }

  async #heal([name]: readonly string[]): Promise<void> {
    const place = placeOf(name);
    if (name !== undefined && place === undefined) {
      this.#page.text(`There is no registry ${name.slice(0, 40)}: fra, ams or hub.`);
      return;
    }
    const { scene } = this.#options;
    for (const each of place === undefined ? PLACES : [place]) {
      const wasThrottled = scene.stage.registry(each).fault === 'throttled';
      await scene.stage.heal(each);
      const wait = await scene.until(each, 'up');
      const noticed = wait.reached
        ? `the probes agree after ${printMs(wait.ms)} ms`
        : 'the probes have not noticed yet';
      const rest = wasThrottled ? ' Accounts that were told 429 are not used there until 30 s after it.' : '';
      this.#page.text(`${each} answers again; ${noticed}.${rest}`);
    }
  }

  async #admit(image: string): Promise<void> {
    this.#options.screen.pod(await this.#options.scene.admit(image));
  }

  #status(): void {
    const { scene } = this.#options;
    for (const place of PLACES) {
      const { fault, accounts, requests } = scene.stage.seen(place);
      const seen = `${requests.length} requests${accounts.length === 0 ? '' : ` by ${accounts.join(', ')}`}`;
      this.#page.text(`${place}  believed ${scene.health(place)}; ${FAULTS[fault]}; ${seen}`, {
        first: '   ',
        rest: '        ',
      });
    }
  }

  #help(): void {
    const { files, scene } = this.#options;
    const page = this.#page;
    for (const [usage, what] of COMMANDS) {
      page.text(what, { first: `   ${usage.padEnd(24)} `, rest: ' '.repeat(28) });
    }
    page.line();
    page.text('From another terminal, as long as this runs:');
    page.text(`npm run cli -- explain -f ${files.pod} -m ${files.manifests}`, {
      first: '   ',
      rest: '     ',
    });
    page.text("It needs the registries' names, for example in /etc/hosts:");
    for (const place of PLACES) {
      page.line(`   ${scene.stage.registry(place).where.address} ${CAST[place].host}`);
    }
  }
}
