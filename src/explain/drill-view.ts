// Drill view: what a drill has shown, as data and as words.
import { indent, labelled, printDuration } from './layout.ts';
import type { Paint, Style } from './layout.ts';

/** `survived`: the image was had without its registry. `not-survived`: it was not. `unknown`: the drill shows neither. */
export type DrillVerdict = 'survived' | 'not-survived' | 'unknown';

/** A pull, in the shape of `nodes/`. */
export interface PullView {
  readonly isOk: boolean;
  readonly ms: number;
  readonly words: string;
  readonly source: string | undefined;
}

export interface OutageView {
  readonly pulled: PullView | undefined;
  readonly unblockable: string | undefined;
  readonly dropped: number | undefined;
  readonly after: readonly string[];
  readonly isStillBlocked: boolean;
}

export interface DrillView {
  readonly host: string;
  readonly registry: string;
  readonly addresses: readonly string[];
  readonly port: number;
  readonly image: string;
  /** The command that pulled. */
  readonly command: string;
  readonly seconds: number;
  readonly healthy: PullView;
  readonly outage: OutageView | undefined;
  readonly notes: readonly string[];
}

/** Addresses that the registry got while it was blocked: a pull may have gone there. */
function newAddresses({ addresses, outage }: DrillView): readonly string[] {
  return outage?.after.filter((address) => !addresses.includes(address)) ?? [];
}

/** Judges a drill, with the reason in one sentence. */
export function judgeDrill(view: DrillView): { readonly verdict: DrillVerdict; readonly sentence: string } {
  const { healthy, outage, registry } = view;
  if (outage === undefined)
    return {
      verdict: 'unknown',
      sentence: `The pull failed before anything was blocked, so nothing was: ${healthy.words}`,
    };
  if (outage.unblockable !== undefined || outage.pulled === undefined)
    return {
      verdict: 'unknown',
      sentence: `The registry could not be blocked: ${outage.unblockable ?? 'the node did not say why'}`,
    };
  const took = printDuration(outage.pulled.ms);
  const fresh = newAddresses(view);
  if (outage.pulled.isOk && fresh.length > 0)
    return {
      verdict: 'unknown',
      sentence: `${registry} got further addresses meanwhile (${fresh.join(', ')}), and the pull may have gone there. Drill again`,
    };
  // A pull that the rules had nothing to do with is one that did not need the registry, or did not go there.
  if (outage.pulled.isOk)
    return {
      verdict: 'survived',
      sentence: `Without ${registry} the image was had in ${took}; with it in ${printDuration(healthy.ms)}.`,
    };
  return {
    verdict: 'not-survived',
    sentence: `Without ${registry} the pull failed after ${took}: ${outage.pulled.words}`,
  };
}

const STYLES: Readonly<Record<DrillVerdict, Style>> = {
  survived: 'good',
  'not-survived': 'bad',
  unknown: 'unsure',
};

function printPulled(pull: PullView): string {
  const source =
    pull.source === undefined
      ? 'its log does not tell which source served'
      : `last source tried: ${pull.source}`;
  return `${pull.isOk ? 'done' : 'FAILED'} in ${printDuration(pull.ms)}; ${source}`;
}

function printDropped(dropped: number): string {
  if (dropped === 0) return 'no packet went to the registry: the pull did not try it';
  return `${dropped} packet${dropped === 1 ? '' : 's'} to the registry swallowed: the pull tried it first`;
}

function outageLines({ outage }: DrillView): readonly string[] {
  if (outage?.pulled === undefined) return [];
  return [
    ...labelled('blocked', printPulled(outage.pulled), 2),
    ...(outage.dropped === undefined ? [] : labelled('', printDropped(outage.dropped), 2)),
  ];
}

/** Renders a drill. */
export function renderDrill(view: DrillView, paint: Paint): readonly string[] {
  const { verdict, sentence } = judgeDrill(view);
  const { host, registry, addresses, port, command, healthy, outage, notes, seconds } = view;
  const still =
    outage?.isStillBlocked === true
      ? [`The rules could not be taken away at once; they go by themselves within ${seconds} s.`]
      : [];
  return [
    paint('title', `Drill on ${host}: ${registry} away`),
    ...labelled('blocks', `${addresses.join(', ')} port ${port}, for this node’s own processes`, 2),
    ...labelled('pulls', command, 2),
    ...labelled('healthy', printPulled(healthy), 2),
    ...outageLines(view),
    '',
    ...[...notes, ...still].flatMap((note) => indent(note, 0)),
    ...indent(sentence, 0).map((line) => paint(STYLES[verdict], line)),
  ];
}
