// Nodes interrupt: Ctrl-C lets the nodes under way finish and begins no further one; the second one ends the command.
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** What a shell expects of a program that a signal has ended: 128 and the signal's number. */
const SIGNAL_BASE = 128;

/** Listens until `end`. */
export function onInterrupt(say: (text: string) => void): { readonly signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const hear = (signal: (typeof SIGNALS)[number]): void => {
    if (controller.signal.aborted) process.exit(SIGNAL_BASE + constants.signals[signal]);
    controller.abort();
    say('Interrupted: no further node is begun, those under way are finished. Once more to leave at once.');
  };
  for (const signal of SIGNALS) process.on(signal, hear);
  return {
    signal: controller.signal,
    end: () => {
      for (const signal of SIGNALS) process.off(signal, hear);
    },
  };
}
