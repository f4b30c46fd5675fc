// Doctor: the commonest causes of "nothing happens", in the cluster and on nodes, each with what to do about it.
import type { MirrorSet } from '../../domain/mirror-set.ts';
import type { Problem } from '../../domain/problem.ts';
import { countOf } from '../../domain/set-status-condition.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';
import { Checkup, overallResult } from '../../explain/doctor/doctor-check.ts';
import type { DoctorCheck, DoctorResult } from '../../explain/doctor/doctor-check.ts';
import { renderDoctor } from '../../explain/doctor/doctor-text.ts';
import { printable } from '../../explain/layout.ts';
import { createPaint } from '../../explain/paint.ts';
import { openConnection } from '../../kubernetes/connection.ts';
import type { Connection } from '../../kubernetes/connection.ts';
import { loadDeclarations, nothingDeclared } from '../declarations.ts';
import { DoctorApi } from './doctor-api.ts';
import { checkCluster } from './doctor-cluster.ts';
import { checkHost } from './doctor-host.ts';
import { EXIT } from '../exit.ts';
import { fitStderr, refuse } from '../error-lines.ts';
import { endSoon, printData, printOut } from '../explain-output.ts';
import type { OutputFormat } from '../explain-output.ts';
import { parseNodesFlags } from '../nodes/nodes-settings.ts';
import type { NodesFlags, NodesSettings } from '../nodes/nodes-settings.ts';
import { openSshAccess } from '../nodes/nodes-ssh.ts';
import type { SshAccess, SshFlags } from '../nodes/nodes-ssh.ts';
import { readHosts } from '../nodes/nodes-targets.ts';
import type { NodeTarget } from '../nodes/node-target.ts';
import { VERSION } from '../version.ts';

export interface DoctorFlags extends NodesFlags, SshFlags {
  readonly host?: readonly string[] | undefined;
  readonly manifests?: readonly string[] | undefined;
  readonly dockerConfig?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
  readonly installNamespace: string;
  readonly fullname: string;
  readonly output: OutputFormat;
}

const EXIT_OF: Readonly<Record<DoctorResult, number>> = {
  ok: EXIT.yes,
  warning: EXIT.yes,
  error: EXIT.no,
  unknown: EXIT.unknown,
};

/** Of ssh: more at once is no faster from one desk. */
const AT_ONCE = 8;

/** The nodes to look at, and how. */
interface Hosts {
  readonly nodes: readonly NodeTarget[];
  readonly settings: NodesSettings;
  readonly access: SshAccess;
  readonly sets: readonly MirrorSet[] | undefined;
}

async function readSets(
  flags: DoctorFlags,
): Promise<Result<readonly MirrorSet[] | undefined, readonly Problem[]>> {
  const { manifests, dockerConfig, installNamespace } = flags;
  if (manifests === undefined) return ok(undefined);
  const loaded = await loadDeclarations({ manifests, dockerConfig, installNamespace, allowedEndpoint: [] });
  if (!loaded.ok) return loaded;
  const wrong = nothingDeclared(loaded.value.absence);
  return wrong.length > 0 ? err(wrong) : ok(loaded.value.objects.sets);
}

/** Declarations that nothing is compared with would look like ones that agree. */
function withoutHosts({ manifests }: DoctorFlags): Result<undefined, readonly Problem[]> {
  if (manifests === undefined) return ok(undefined);
  const message = 'only nodes are compared with declarations, and none is named';
  const fix = 'Name one with --host, or leave it away: the cluster has declarations of its own';
  return err([{ path: '--manifests', code: 'InvalidFlag', message, fix }]);
}

async function prepareHosts(flags: DoctorFlags): Promise<Result<Hosts | undefined, readonly Problem[]>> {
  if (flags.host === undefined) return withoutHosts(flags);
  const settings = parseNodesFlags(flags);
  const targets = readHosts(flags.host, '--host');
  const sets = await readSets(flags);
  const problems = [settings, targets, sets].flatMap((part) => (part.ok ? [] : part.error));
  const access = await openSshAccess(flags, problems);
  if (!access.ok) return access;
  if (!settings.ok || !targets.ok || !sets.ok) return err(problems);
  return ok({ nodes: targets.value, settings: settings.value, access: access.value, sets: sets.value });
}

/** The cluster, unless nobody means one: with --host and no kubeconfig anywhere there is none to look at. */
async function prepareCluster(
  flags: DoctorFlags,
): Promise<Result<Connection | undefined, readonly Problem[]>> {
  const { kubeconfig, context, host } = flags;
  const opened = await openConnection({ kubeconfig, context, userAgent: `registry-failover/${VERSION}` });
  const isMeant = host === undefined || kubeconfig !== undefined || context !== undefined;
  const isNone = !opened.ok && opened.error.every(({ code }) => code === 'NoCluster');
  return isNone && !isMeant ? ok(undefined) : opened;
}

async function lookAtCluster(connection: Connection, flags: DoctorFlags): Promise<readonly DoctorCheck[]> {
  try {
    const install = { namespace: flags.installNamespace, fullname: flags.fullname };
    return (await checkCluster(new DoctorApi(connection), install)).checks;
  } finally {
    connection.close();
  }
}

/** To whoever waits at a terminal; scripts have the report. */
function tell(text: string): void {
  const { isTTY } = process.stderr;
  if (isTTY as boolean | undefined) process.stderr.write(fitStderr(`${text}\n`));
}

function tellBeginning(hasCluster: boolean, nodes: number): void {
  const places = [...(hasCluster ? ['the cluster'] : []), ...(nodes > 0 ? [countOf(nodes, 'node')] : [])];
  tell(`Looking at ${places.join(' and ')} …`);
}

/** A fault of ours on one node is told, and the others are looked at all the same. */
async function lookAtHost(
  node: NodeTarget,
  { settings, access, sets }: Hosts,
): Promise<readonly DoctorCheck[]> {
  try {
    return await checkHost({ node, shell: access.shellFor(node.target), settings, sets });
  } catch (error) {
    const checkup = new Checkup(node.name);
    checkup.unknown('node', `a fault of this program: ${String(error)}`, '');
    return checkup.checks;
  }
}

async function lookAtHosts(hosts: Hosts): Promise<readonly DoctorCheck[]> {
  const checks: DoctorCheck[] = [];
  let done = 0;
  const look = async (node: NodeTarget): Promise<readonly DoctorCheck[]> => {
    const found = await lookAtHost(node, hosts);
    done += 1;
    tell(`[${done}/${hosts.nodes.length}] ${printable(node.name)}`);
    return found;
  };
  for (let start = 0; start < hosts.nodes.length; start += AT_ONCE) {
    const batch = hosts.nodes.slice(start, start + AT_ONCE).map(look);
    checks.push(...(await Promise.all(batch)).flat());
  }
  return checks;
}

async function print(
  checks: readonly DoctorCheck[],
  notes: readonly string[],
  output: OutputFormat,
): Promise<void> {
  const view = { kind: 'doctor', v: 1, result: overallResult(checks), notes, checks };
  if (output !== 'text') await printData(view, output);
  else await printOut(`${renderDoctor(checks, notes, createPaint(process.stdout)).join('\n')}\n`);
}

/**
 * Looks at everything. Resolves with the exit code: 0 nothing is wrong (there may be notes), 1 something is wrong, 2 bad input,
 * 3 it could not be told.
 */
export async function runDoctor(flags: DoctorFlags): Promise<number> {
  const [hosts, cluster] = await Promise.all([prepareHosts(flags), prepareCluster(flags)]);
  if (!hosts.ok || !cluster.ok) {
    if (cluster.ok) cluster.value?.close();
    return refuse([hosts, cluster].flatMap((part) => (part.ok ? [] : part.error)));
  }
  const connection = cluster.value;
  const notes = connection === undefined ? ['No kubeconfig was found: only the nodes were looked at.'] : [];
  tellBeginning(connection !== undefined, hosts.value?.nodes.length ?? 0);
  const parts = await Promise.all([
    connection === undefined ? [] : lookAtCluster(connection, flags),
    hosts.value === undefined ? [] : lookAtHosts(hosts.value),
  ]);
  const checks = parts.flat();
  await print(checks, notes, flags.output);
  return endSoon(EXIT_OF[overallResult(checks)]);
}
