// Nodes progress: a line on standard error for each node that is done; on a terminal also who is being worked on.
import { createPaint } from '../../explain/paint.ts';
import { printable } from '../../explain/layout.ts';
import type { NodeResult } from './nodes-result.ts';
import { printSeconds, styleOf, summarise, titleOf } from './nodes-words.ts';
import type { NodesCommand } from './nodes-words.ts';

const CLEAR_LINE = '\r\u001B[K';
const USUAL_COLUMNS = 80;

/** Tells how far the work on `total` nodes is. */
export class NodesProgress {
  readonly #command: NodesCommand;
  readonly #total: number;
  readonly #hasDeclarations: boolean;
  readonly #paint = createPaint(process.stderr);
  readonly #isLive = (process.stderr.isTTY as boolean | undefined) === true;
  #underWay: readonly string[] = [];
  #done = 0;

  constructor(command: NodesCommand, total: number, hasDeclarations: boolean) {
    this.#command = command;
    this.#total = total;
    this.#hasDeclarations = hasDeclarations;
  }

  begin(node: string): void {
    this.#underWay = [...this.#underWay, node];
    this.#show();
  }

  end(result: NodeResult, isCanary: boolean): void {
    this.#underWay = this.#underWay.filter((node) => node !== result.node);
    this.#done += 1;
    const title = titleOf(result, this.#command, this.#hasDeclarations);
    const what = summarise(result, this.#command).replace(/(?:, )?see below$/, '');
    const words = [
      `[${this.#done}/${this.#total}]`,
      ...(isCanary ? ['canary'] : []),
      `${printable(result.node)}:`,
      this.#paint(styleOf(result), title),
      ...(what === '' ? [] : [`(${printable(what)})`]),
      printSeconds(result.ms),
    ];
    this.#say(words.join(' '));
  }

  /** A line of its own. */
  note(text: string): void {
    this.#say(text);
  }

  /** The report follows on the same screen. */
  finish(): void {
    if (this.#isLive) process.stderr.write(`${CLEAR_LINE}\n`);
  }

  #say(line: string): void {
    process.stderr.write(`${this.#isLive ? CLEAR_LINE : ''}${line}\n`);
    this.#show();
  }

  #show(): void {
    if (!this.#isLive) return;
    const names = this.#underWay.map((name) => printable(name)).join(', ');
    const line = names === '' ? '' : `… ${names}`.slice(0, (process.stderr.columns || USUAL_COLUMNS) - 1);
    process.stderr.write(`${CLEAR_LINE}${line}`);
  }
}
