// Cli nodes: the command lines of the sub-commands that work on nodes over ssh.
import { Command, Option } from 'commander';
import { WEBHOOK_DEFAULTS } from '../../config/defaults.ts';
import { outputOption, withDockerConfig, withNamespaceOfDeclared, withNodeFiles } from '../cli-options.ts';
import type { Wiring } from '../cli-options.ts';
import type { NodesCommandFlags } from './nodes.ts';
import { NODE_ADDRESSES, NODES_DEFAULTS } from './nodes-settings.ts';
import { withSshFlags } from './nodes-ssh.ts';
import type { NodesCommand } from './nodes-words.ts';

/** Which nodes. */
function withTargets(command: Command, { collect }: Wiring): Command {
  return command
    .option('--hosts <list>', '[user@]host[:port], separated by commas; repeatable', collect)
    .option('--hosts-file <file>', 'one host a line, # for comments; - for standard input')
    .option('--from-cluster', 'all Linux nodes of the API server')
    .addOption(
      new Option('--node-address <type>', 'with --from-cluster: where ssh connects to')
        .choices([...NODE_ADDRESSES])
        .default('InternalIP'),
    )
    .option('--kubeconfig <file>', 'with --from-cluster: how to reach the API server (else KUBECONFIG)')
    .option('--context <name>', 'with --from-cluster: which context of the kubeconfig')
    .option(
      '--label <key=value>',
      'labels of all --hosts, for sets that are for certain nodes; repeatable',
      collect,
    );
}

/** Where files are, and whose; how many nodes at once. */
function withLayout(command: Command): Command {
  return withNodeFiles(command, 'whose files: another installation has another id')
    .option('--parallel <number>', 'nodes at once', NODES_DEFAULTS.parallel)
    .addOption(outputOption());
}

function withDeclarations(command: Command, { collect }: Wiring, what: string): Command {
  command.option(
    '-m, --manifests <path>',
    `declarations (${what}): a file or directory of manifests; repeatable`,
    collect,
  );
  return withNamespaceOfDeclared(withDockerConfig(command)).option(
    '--allowed-endpoint <pattern>',
    'hosts that sets may name (else all); repeatable',
    collect,
  );
}

function withRollout(command: Command): Command {
  return command
    .option(
      '--canary <number>',
      'nodes done first, one by one; if one fails nothing else is touched',
      NODES_DEFAULTS.canary,
    )
    .option('--keep-going', 'go on to further nodes after one has failed')
    .option('--dry-run', 'say what would change, as a diff, and change nothing');
}

const NAMES = `
Hosts are reached by OpenSSH with your ssh config, agent and jump hosts. Host
keys must be in known_hosts already; nothing is asked and nothing is added.`;

type Given = Omit<NodesCommandFlags, 'installNamespace'>;

function action(command: Command, name: NodesCommand, wiring: Wiring, required: readonly string[]): Command {
  return command.action(async (flags: Partial<Pick<NodesCommandFlags, 'installNamespace'>> & Given) => {
    // `restore` reads no declarations.
    const { installNamespace = WEBHOOK_DEFAULTS.installNamespace } = flags;
    wiring.require(command, ...required);
    const { runNodes } = await import('./nodes.ts');
    wiring.setExit(await runNodes(name, { ...flags, installNamespace }));
  });
}

function applyCommand(wiring: Wiring): Command {
  const command = new Command('apply').description('lay down what is declared, on every node');
  withSshFlags(withTargets(withDeclarations(command, wiring, 'required'), wiring));
  withRollout(withLayout(command)).option(
    '--set-config-path',
    'where containerd does not read its certs.d: have it do so, which restarts it (pods go on running)',
  );
  return action(command, 'apply', wiring, ['manifests']).addHelpText(
    'after',
    `${NAMES}

Exit codes: 0 done, 2 bad input, 3 no node could be reached, 4 some nodes are not
as they should be.

Examples:
  registry-failover nodes apply -m DIR --hosts worker-1,worker-2 --user root
  registry-failover nodes apply -m DIR --from-cluster --user opc --sudo --dry-run`,
  );
}

function diffCommand(wiring: Wiring): Command {
  const command = new Command('diff').description('what apply would change, as a diff for each node');
  withLayout(withSshFlags(withTargets(withDeclarations(command, wiring, 'required'), wiring)));
  return action(command, 'diff', wiring, ['manifests']).addHelpText(
    'after',
    `
Exit codes: 0 nothing, 1 something, 2 bad input, 3 no node could be reached, 4 some
nodes could not be compared.`,
  );
}

function statusCommand(wiring: Wiring): Command {
  const command = new Command('status').description(
    'what is on the nodes, and with -m whether it is what is declared',
  );
  withLayout(withSshFlags(withTargets(withDeclarations(command, wiring, 'optional'), wiring)));
  return action(command, 'status', wiring, []).addHelpText(
    'after',
    `
Exit codes: 0 up to date, 1 some differ, 2 bad input, 3 no node could be reached,
4 some nodes could not be looked at, or something is in the way there.`,
  );
}

function restoreCommand(wiring: Wiring): Command {
  const command = new Command('restore').description(
    'take everything of one owner away; what was there before comes back byte for byte',
  );
  withRollout(withLayout(withSshFlags(withTargets(command, wiring))));
  return action(command, 'restore', wiring, []).addHelpText(
    'after',
    `
Exit codes: 0 done, 2 bad input, 3 no node could be reached, 4 some nodes are not
restored.

What the DaemonSet has left behind on a node goes with its owner's id:
  registry-failover nodes restore --owner registry-failover/registry-failover --hosts worker-1`,
  );
}

/** `nodes` with its sub-commands; `dress` gives each the manners of all commands. */
export function nodesCommand(wiring: Wiring, dress: (command: Command) => Command): Command {
  const command = new Command('nodes').description(
    'put the mirror configuration on nodes over ssh, for clusters without the DaemonSet',
  );
  for (const make of [applyCommand, statusCommand, diffCommand, restoreCommand])
    command.addCommand(dress(make(wiring)));
  return command;
}
