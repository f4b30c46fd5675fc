// Drill run: an outage of one registry on one node, from the look before it to the report after it, over any shell.
import type { Endpoint } from '../../domain/endpoint.ts';
import { parseReference } from '../../domain/reference.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';
import { firewallOf, readGround, readOutage, readPulled, toolOf } from '../../nodes/drill/drill-look.ts';
import type { DrillGround, DrillOutage, DrillPulled } from '../../nodes/drill/drill-look.ts';
import { drillRules } from '../../nodes/drill/drill-rules.ts';
import type { DrillBlock } from '../../nodes/drill/drill-rules.ts';
import { blockedPullScript, lookScript, printPull, pullScript } from '../../nodes/drill/drill-script.ts';
import type { DrillPull } from '../../nodes/drill/drill-script.ts';
import type { Shell, ShellOutcome } from '../../nodes/shell.ts';

/** What is drilled. All of it has been checked. */
export interface DrillOrder {
  readonly registry: Endpoint;
  /** undefined: one that the node has already. */
  readonly image: string | undefined;
  /** After these the block is gone, whatever happens. */
  readonly seconds: number;
  readonly socket: string | undefined;
  /** containerd's certs.d. */
  readonly hostsFolder: string;
  /** 8 hex digits. */
  readonly id: string;
}

/** What a drill is about to do. */
export interface DrillPlan {
  readonly pull: DrillPull;
  readonly block: DrillBlock;
  /** The command that pulls. */
  readonly command: string;
  /** Commands as they will run on the node. */
  readonly add: readonly string[];
  readonly remove: readonly string[];
  /** What may make the result worth less. */
  readonly notes: readonly string[];
}

/** A drill that took place. */
export interface DrillResult {
  readonly healthy: DrillPulled;
  /** undefined: the healthy pull had failed, so nothing was blocked. */
  readonly outage: DrillOutage | undefined;
}

const LOOK_MS = 60_000;
const MAX_BYTES = 1024 * 1024;
/** Of the block that the pull must have ended before, so that its end is not the registry's return. */
const MARGIN_SECONDS = 3;
/** Of a script beyond the pull in it. */
const GRACE_MS = 30_000;

/** What the script has printed, or why it could not be run to its end. */
function stdoutOf(outcome: ShellOutcome): Result<string, string> {
  return outcome.ran ? ok(outcome.stdout) : err(outcome.failure);
}

/** Does the image come from the registry, by whole components of its name? */
function isFrom(image: string, { host, path }: Endpoint): boolean {
  return image.startsWith(`${host}/${path === '' ? '' : `${path}/`}`);
}

function notesOn(ground: DrillGround, pull: DrillPull): readonly string[] {
  const notes: string[] = [];
  if (ground.usesProxy)
    notes.push(
      'The runtime there goes by a proxy (HTTPS_PROXY): blocking the registry’s addresses may block nothing.',
    );
  if (pull.tool === 'podman')
    notes.push(
      'There is no crictl: podman pulls, with the same registries.conf and credentials of its own. That says nothing of CRI-O’s credentials.',
    );
  if (pull.tool === 'ctr')
    notes.push(
      'There is no crictl: ctr pulls, with the same hosts.toml files, whatever config_path says and without credentials.',
    );
  return notes;
}

/** Why there is nothing to drill with, or nothing to undo it with. */
function lackOf(order: DrillOrder, ground: DrillGround): string | undefined {
  const { hostname } = order.registry;
  if (ground.addresses.length === 0) return `the node cannot resolve ${hostname}: there is nothing to block`;
  return ground.tools.has('setsid')
    ? undefined
    : 'the node lacks setsid (util-linux): nothing could undo the block if the connection died';
}

function pullOf(order: DrillOrder, ground: DrillGround): Result<DrillPull, string> {
  const { registry, seconds, hostsFolder } = order;
  const socket = order.socket ?? ground.sockets[0];
  const tool = toolOf(ground, socket !== undefined);
  if (tool === undefined)
    return err('there is neither crictl nor ctr nor podman on the node, so nothing can be pulled');
  const present = ground.images.find((each) => isFrom(each, registry) && parseReference(each).ok);
  const image = order.image ?? present;
  if (image === undefined) return err(`the node has no image from ${registry.host}: name one with --image`);
  const unit = ground.runtimes.has('crio') && tool === 'crictl' ? 'crio' : undefined;
  return ok({
    tool,
    socket: tool === 'podman' ? undefined : socket,
    image,
    hostsFolder,
    seconds: seconds - MARGIN_SECONDS,
    unit,
  });
}

function planFrom(order: DrillOrder, ground: DrillGround): Result<DrillPlan, string> {
  const lack = lackOf(order, ground);
  if (lack !== undefined) return err(lack);
  const pull = pullOf(order, ground);
  if (!pull.ok) return pull;
  const firewall = firewallOf(ground);
  if (firewall === undefined)
    return err('the node lacks iptables (for IPv6 addresses ip6tables) and nft: nothing can be blocked');
  const block: DrillBlock = {
    firewall,
    addresses: ground.addresses,
    port: order.registry.port,
    seconds: order.seconds,
    chain: `RF-DRILL-${order.id}`,
  };
  const { add, remove } = drillRules(block);
  const notes = notesOn(ground, pull.value);
  return ok({ pull: pull.value, block, command: printPull(pull.value), add, remove, notes });
}

/** Looks at the node; nothing is changed there. The error is one sentence. */
export async function planDrill(shell: Shell, order: DrillOrder): Promise<Result<DrillPlan, string>> {
  const script = lookScript(order.registry.hostname, order.socket);
  const looked = stdoutOf(await shell.run(script, { timeoutMs: LOOK_MS, maxBytes: MAX_BYTES }));
  if (!looked.ok) return looked;
  const ground = readGround(looked.value);
  return ground === undefined ? err('the node’s answer was cut off') : planFrom(order, ground);
}

/** Who is told what happens next. */
export interface DrillListener {
  readonly onPull: () => void;
  readonly onBlock: () => void;
}

/** Pulls, blocks, pulls again. The error is one sentence; the block undoes itself all the same. */
export async function runDrill(
  shell: Shell,
  { pull, block }: DrillPlan,
  hostname: string,
  listener: DrillListener,
): Promise<Result<DrillResult, string>> {
  const limits = { timeoutMs: block.seconds * 1000 + GRACE_MS, maxBytes: MAX_BYTES };
  listener.onPull();
  const first = stdoutOf(await shell.run(pullScript(pull), limits));
  if (!first.ok) return first;
  const healthy = readPulled(first.value);
  if (healthy === undefined) return err('the node did not say what the pull came to');
  if (!healthy.isOk) return ok({ healthy, outage: undefined });
  listener.onBlock();
  const second = stdoutOf(await shell.run(blockedPullScript(pull, block, hostname), limits));
  if (!second.ok) return err(`${second.error}. The block undoes itself within ${block.seconds} s`);
  const outage = readOutage(second.value);
  return outage === undefined
    ? err(`the node’s answer was cut off. The block undoes itself within ${block.seconds} s`)
    : ok({ healthy, outage });
}
