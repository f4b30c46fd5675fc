// Paint: the styles as terminal colours, where the stream is a terminal and nobody has asked for none.
import { styleText } from 'node:util';
import type { Paint, Style } from './layout.ts';

type Format = Parameters<typeof styleText>[0];
type Stream = NonNullable<NonNullable<Parameters<typeof styleText>[2]>['stream']>;

const FORMATS: Readonly<Record<Style, Format>> = {
  title: 'bold',
  good: 'green',
  bad: 'red',
  unsure: 'yellow',
  quiet: 'gray',
};

/** Colours for one stream; styleText itself heeds NO_COLOR, FORCE_COLOR and whether it is a terminal. */
export function createPaint(stream: Stream): Paint {
  return (style, text) => styleText(FORMATS[style], text, { stream, validateStream: true });
}
