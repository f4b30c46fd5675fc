// Drill: proves failover on a real node: pulls an image, takes its registry away for a while, pulls again, says what each took.
import { randomBytes } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { parsePrefix } from '../../domain/reference-prefix.ts';
import { coversReference, parseReference, printReference } from '../../domain/reference.ts';
import { parseEndpoint } from '../../domain/endpoint.ts';
import { parseNodePath } from '../../domain/node-path.ts';
import type { Problem } from '../../domain/problem.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';
import { judgeDrill, renderDrill } from '../../explain/drill-view.ts';
import type { DrillVerdict, DrillView } from '../../explain/drill-view.ts';
import { printable } from '../../explain/layout.ts';
import { createPaint } from '../../explain/paint.ts';
import type { Shell } from '../../nodes/shell.ts';
import { parseSshTarget } from '../../ssh/ssh-target.ts';
import type { SshTarget } from '../../ssh/ssh-target.ts';
import { planDrill, runDrill } from './drill-run.ts';
import type { DrillOrder, DrillPlan } from './drill-run.ts';
import { fitStderr, refuse } from '../error-lines.ts';
import { EXIT } from '../exit.ts';
import { readContainerdFolder } from '../node-layout.ts';
import { printData, printOut } from '../explain-output.ts';
import type { OutputFormat } from '../explain-output.ts';
import { openSshAccess } from '../nodes/nodes-ssh.ts';
import type { SshFlags } from '../nodes/nodes-ssh.ts';

export interface DrillFlags extends SshFlags {
  readonly host: string;
  readonly registry: string;
  readonly image?: string | undefined;
  readonly seconds: string;
  readonly socket?: string | undefined;
  readonly containerdFolder: string;
  readonly yes?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  readonly output: OutputFormat;
}

const MIN_SECONDS = 10;
/** Longer outages are no drills. */
const MAX_SECONDS = 600;

const EXIT_OF: Readonly<Record<DrillVerdict, number>> = {
  survived: EXIT.yes,
  'not-survived': EXIT.no,
  unknown: EXIT.unknown,
};

function problem(path: string, message: string, fix: string): Problem {
  return { path, code: 'InvalidFlag', message, fix };
}

/** The image in full, so that the tools on the node take it as the runtime would. */
function readImage({ image, registry }: DrillFlags): Result<string | undefined, Problem> {
  if (image === undefined) return ok(undefined);
  const parsed = parseReference(image);
  if (!parsed.ok) return err({ ...parsed.error, path: '--image' });
  const prefix = parsePrefix(registry);
  if (prefix.ok && !coversReference(prefix.value, parsed.value))
    return err(
      problem(
        '--image',
        `it is not from ${registry}, so blocking that says nothing about it`,
        `Name an image of ${registry}`,
      ),
    );
  return ok(printReference(parsed.value));
}

function readSeconds({ seconds }: DrillFlags): Result<number, Problem> {
  const value = /^\d{1,4}$/.test(seconds) ? Number(seconds) : 0;
  if (value >= MIN_SECONDS && value <= MAX_SECONDS) return ok(value);
  return err(
    problem(
      '--seconds',
      `it is no whole number from ${MIN_SECONDS} to ${MAX_SECONDS}`,
      'Write for example --seconds 60',
    ),
  );
}

function readSocket({ socket }: DrillFlags): Result<string | undefined, Problem> {
  return socket === undefined ? ok(socket) : parseNodePath('--socket', socket, '/run/crio/crio.sock');
}

/** Checks the flags; all problems at once. */
export function readOrder(
  flags: DrillFlags,
): Result<{ readonly order: DrillOrder; readonly target: SshTarget }, readonly Problem[]> {
  const target = parseSshTarget(flags.host, '--host');
  const registry = parseEndpoint(flags.registry);
  const [image, seconds, socket, folder] = [
    readImage(flags),
    readSeconds(flags),
    readSocket(flags),
    readContainerdFolder(flags),
  ];
  const problems = [
    ...(target.ok ? [] : target.error),
    ...(registry.ok ? [] : [{ ...registry.error, path: '--registry' }]),
    ...[image, seconds, socket, folder].flatMap((part) => (part.ok ? [] : [part.error])),
  ];
  if (!target.ok || !registry.ok || !image.ok || !seconds.ok || !socket.ok || !folder.ok)
    return err(problems);
  const order = {
    registry: registry.value,
    image: image.value,
    seconds: seconds.value,
    socket: socket.value,
    hostsFolder: `${folder.value}/certs.d`,
    id: randomBytes(4).toString('hex'),
  };
  return ok({ order, target: target.value });
}

function say(text: string): void {
  process.stderr.write(fitStderr(`${printable(text)}\n`));
}

function sayPlan({ add, remove, command, block, pull, notes }: DrillPlan, host: string): readonly string[] {
  return [
    `On ${host}, as root:`,
    '',
    `1. pull, everything as it is:  ${command}`,
    `2. start a timer of its own session that takes the rules away after ${block.seconds} s`,
    '3. block, where $until is the end in UTC, by which the kernel ends each rule too:',
    ...add.map((line) => `     ${line}`),
    `4. pull again, for at most ${pull.seconds} s`,
    '5. take the rules away:',
    ...remove.map((line) => `     ${line}`),
    ...(notes.length === 0 ? [] : ['', ...notes]),
  ];
}

/** undefined: there is nobody to ask. */
async function ask(question: string): Promise<boolean | undefined> {
  if (!process.stdin.isTTY) return undefined;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${printable(question)} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}

function failed(host: string, words: string): number {
  say(`error: ${words.startsWith(host) ? words : `${host}: ${words}`}`);
  return EXIT.unknown;
}

async function isAgreed(
  plan: DrillPlan,
  { host, registry, yes }: DrillFlags,
): Promise<Result<boolean, readonly Problem[]>> {
  if (yes === true) return ok(true);
  for (const note of plan.notes) say(note);
  const { addresses, port, seconds } = plan.block;
  const answer = await ask(
    `Block ${registry} (${addresses.join(', ')} port ${port}) for the processes of ${host}, for at most ${seconds} s?`,
  );
  if (answer === undefined)
    return err([
      problem(
        '--yes',
        'there is no terminal to ask at',
        'Give --yes when it may begin, or --dry-run to see what it would do',
      ),
    ]);
  return ok(answer);
}

async function drillOn(shell: Shell, order: DrillOrder, plan: DrillPlan, flags: DrillFlags): Promise<number> {
  const { host, registry, output } = flags;
  const drilled = await runDrill(shell, plan, order.registry.hostname, {
    onPull: () => say(`Pulling ${plan.pull.image} with ${plan.pull.tool}, everything as it is …`),
    onBlock: () =>
      say(`Pulling it again, ${registry} blocked; the block ends by itself after ${order.seconds} s …`),
  });
  if (!drilled.ok) return failed(host, drilled.error);
  const view: DrillView = {
    host,
    registry,
    addresses: plan.block.addresses,
    port: plan.block.port,
    image: plan.pull.image,
    command: plan.command,
    seconds: order.seconds,
    ...drilled.value,
    notes: plan.notes,
  };
  const { verdict } = judgeDrill(view);
  if (output === 'text') await printOut(`${renderDrill(view, createPaint(process.stdout)).join('\n')}\n`);
  else await printData({ kind: 'drill', v: 1, result: verdict, ...view }, output);
  return EXIT_OF[verdict];
}

/** Drills over a given shell; {@link runDrillCommand} makes it one over ssh. */
export async function drillWith(shell: Shell, order: DrillOrder, flags: DrillFlags): Promise<number> {
  const plan = await planDrill(shell, order);
  if (!plan.ok) return failed(flags.host, plan.error);
  if (flags.dryRun === true) {
    const { add, remove, command, notes, block } = plan.value;
    if (flags.output === 'text')
      await printOut(`${sayPlan(plan.value, flags.host).map(printable).join('\n')}\n`);
    else
      await printData(
        { kind: 'drill-plan', v: 1, host: flags.host, command, add, remove, seconds: block.seconds, notes },
        flags.output,
      );
    return EXIT.yes;
  }
  const agreed = await isAgreed(plan.value, flags);
  if (!agreed.ok) return refuse(agreed.error);
  if (!agreed.value) {
    say('Nothing was done.');
    // Nor was anything shown: 0 says that the node survives.
    return EXIT.unknown;
  }
  return drillOn(shell, order, plan.value, flags);
}

/**
 * Runs a drill. Resolves with the exit code: 0 the image was had without its registry, 1 it was not, 2 bad input, 3 the drill
 * shows neither.
 */
export async function runDrillCommand(flags: DrillFlags): Promise<number> {
  const read = readOrder(flags);
  const access = await openSshAccess(flags, read.ok ? [] : read.error);
  if (!access.ok) return refuse(access.error);
  if (!read.ok) return refuse(read.error);
  return drillWith(access.value.shellFor(read.value.target), read.value.order, flags);
}
