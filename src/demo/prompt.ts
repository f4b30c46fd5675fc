// Prompt: after the walk-through, registries are broken and healed, and pods created, at the keyboard.
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { BREAKING, FAULTS, isSeenByProbes, parseFault } from './faults.ts';
import type { Fault } from './faults.ts';
import type { Output, Page } from './page.ts';
import type { Scene } from './scene.ts';
import type { Screen } from './screen.ts';
import { PLACES } from './cast.ts';
import type { Place } from './cast.ts';
import { BREAK_USAGE, USUAL_FAULT, USUAL_IMAGE, printHelp } from './prompt-help.ts';
import type { PromptFiles } from './prompt-help.ts';
import type { PodReport } from './step-report.ts';
import { printDelay, printMs, printRequests } from './step-report.ts';

/** A keyboard, or anything else that is read from. */
export type Input = Readable & { readonly isTTY?: boolean };

export interface PromptOptions {
  readonly input: Input;
  readonly output: Output;
  readonly page: Page;
  readonly screen: Screen;
  readonly scene: Scene;
  readonly files: PromptFiles;
}

function placeOf(word: string | undefined): Place | undefined {
  return PLACES.find((place) => place === word);
}

/** What a person typed, short enough to be said again. */
function quote(word: string): string {
  return word.slice(0, 40);
}

export class Prompt {
  readonly #options: PromptOptions;
  readonly #page: Page;

  constructor(options: PromptOptions) {
    this.#options = options;
    this.#page = options.page;
  }

  /** Reads commands until `quit` or the end of input. Only who types is prompted. */
  async run(): Promise<void> {
    const { input, output } = this.#options;
    this.#page.text(
      'Everything goes on running. Your turn: try break fra, admit, status, heal fra, admit; help shows the rest.',
    );
    const isTyped = input.isTTY === true;
    const terminal = isTyped && output.isTTY === true;
    const lines = createInterface({ input, output, terminal, prompt: 'demo> ' });
    let isOpen = true;
    lines.once('close', () => (isOpen = false));
    // The input may have ended while its last lines were still to be read.
    const ask = (): void => {
      if (isTyped && isOpen) lines.prompt();
    };
    ask();
    for await (const line of lines) {
      const [command = '', ...words] = line.trim().split(/\s+/);
      if (command === 'quit' || command === 'exit') break;
      await this.#obey(command, words);
      ask();
    }
    if (isOpen) lines.close();
    if (isTyped) this.#page.line();
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
        return printHelp(this.#page, this.#options.scene.stage, this.#options.files);
      default:
        this.#page.text(`There is no command ${quote(command)}. Try help.`);
    }
  }

  async #break([name, faultName = USUAL_FAULT]: readonly string[]): Promise<void> {
    const place = placeOf(name);
    const fault = parseFault(faultName);
    if (name === undefined) this.#page.text(BREAK_USAGE);
    else if (place === undefined) this.#refuseRegistry(name);
    else if (fault === undefined || fault === 'none') {
      this.#page.text(`There is no fault ${quote(faultName)}: ${BREAKING.join(', ')}.`);
    } else {
      await this.#breakOne(place, fault);
    }
  }

  /** Says who finds out, and waits for it where it is the probes: the next pod is then not let in by what is remembered. */
  async #breakOne(place: Place, fault: Fault): Promise<void> {
    const { scene } = this.#options;
    scene.stage.break(place, fault);
    const broken = `${place} ${FAULTS[fault]}.`;
    if (!isSeenByProbes(fault)) {
      this.#page.text(`${broken} The next pod that asks finds out; no probe does.`);
      return;
    }
    this.#page.text(broken);
    const wait = await scene.until(place, 'down');
    const noticed = wait.reached
      ? `see it as down ${printDelay(wait.ms)}`
      : `have not noticed within ${printMs(wait.ms)} ms`;
    this.#page.text(`The probes ${noticed}.`);
  }

  #refuseRegistry(name: string): void {
    this.#page.text(`There is no registry ${quote(name)}: fra, ams or hub.`);
  }

  async #heal([name]: readonly string[]): Promise<void> {
    const place = placeOf(name);
    if (name !== undefined && place === undefined) {
      this.#refuseRegistry(name);
      return;
    }
    const { stage } = this.#options.scene;
    const broken = (place === undefined ? PLACES : [place]).filter(
      (each) => stage.registry(each).fault !== 'none',
    );
    if (broken.length === 0) this.#page.text(`${place ?? 'Every registry'} answers already.`);
    for (const each of broken) this.#page.text(await this.#healOne(each));
  }

  async #healOne(place: Place): Promise<string> {
    const { scene } = this.#options;
    const { fault } = scene.stage.registry(place);
    await scene.stage.heal(place);
    if (fault === 'throttled') {
      return `${place} answers again. An account that was told 429 is not used there until 30 s after that.`;
    }
    const wait = await scene.until(place, 'up');
    const noticed = wait.reached
      ? `the probes agree ${printDelay(wait.ms)}`
      : 'the probes have not noticed yet';
    return `${place} answers again; ${noticed}.`;
  }

  async #admit(image: string): Promise<void> {
    const report = await this.#options.scene.admit(image);
    this.#options.screen.pod(report);
    this.#tellOfMemory(report);
  }

  /** A registry that is broken, and a pod that did not notice: it has to be said why. */
  #tellOfMemory({ audit }: PodReport): void {
    const { stage } = this.#options.scene;
    const upstream = audit?.candidates[0];
    if (upstream?.outcome !== 'available' || !upstream.fromMemory) return;
    const place = PLACES.find((each) => upstream.endpoint.startsWith(stage.hostPort(each)));
    if (place === undefined || stage.registry(place).fault === 'none') return;
    this.#page.text(
      `From memory: ${place} served this image a moment ago, and was not asked. Answers are fresh for 30 s; the first pod after that makes the webhook ask again.`,
    );
    this.#page.line();
  }

  #status(): void {
    const { scene } = this.#options;
    for (const place of PLACES) {
      const { fault, accounts, requests } = scene.stage.seen(place);
      const by = accounts.length === 0 ? '' : ` by ${accounts.join(', ')}`;
      const seen = `${printRequests(requests.length)}${by}`;
      this.#page.text(`${place}  believed ${scene.health(place)}; ${FAULTS[fault]}; ${seen}`, {
        first: '   ',
        rest: '        ',
      });
    }
  }
}
