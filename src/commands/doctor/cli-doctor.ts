// Cli doctor: the command lines of the sub-commands that find out whether and how failover works: doctor and drill.
import { Command } from 'commander';
import {
  outputOption,
  withContainerdFolder,
  withDockerConfig,
  withInstallation,
  withNodeFiles,
} from '../cli-options.ts';
import type { Wiring } from '../cli-options.ts';
import type { DoctorFlags } from './doctor.ts';
import type { DrillFlags } from '../drill/drill.ts';
import { NODES_DEFAULTS } from '../nodes/nodes-settings.ts';
import { withSshFlags } from '../nodes/nodes-ssh.ts';

export function doctorCommand({ setExit, collect }: Omit<Wiring, 'require'>): Command {
  const command = new Command('doctor')
    .description('why does nothing happen? Looks for the commonest causes, each with what to do')
    .option('--host <[user@]host[:port]>', 'a node to look at over ssh; repeatable', collect)
    .option('-m, --manifests <path>', 'with --host: what its files should come from; repeatable', collect);
  withInstallation(withDockerConfig(command), 'KUBECONFIG');
  withNodeFiles(withSshFlags(command), 'with -m: whose files').addOption(outputOption());
  return command
    .addHelpText(
      'after',
      `
Nothing is changed, in the cluster or on a node. Without --host the cluster alone
is looked at; with --host and without any kubeconfig the nodes alone.

Exit codes: 0 nothing is wrong (there may be notes), 1 something is wrong, 2 bad
input, 3 not everything could be looked at.

Examples:
  registry-failover doctor
  registry-failover doctor --host worker-1 --host worker-2 --user opc --sudo -m DIR`,
    )
    .action(async (flags: Omit<DoctorFlags, 'parallel'>) => {
      const { runDoctor } = await import('./doctor.ts');
      setExit(await runDoctor({ ...flags, parallel: NODES_DEFAULTS.parallel }));
    });
}

export function drillCommand({ setExit, require }: Wiring): Command {
  const command = new Command('drill')
    .description('prove failover on a node: pull, take the registry away for a while, pull again')
    .option('--host <[user@]host[:port]>', 'the node (required), reached over ssh')
    .option('--registry <name>', 'whose addresses are blocked there (required), as pods name it')
    .option('--image <reference>', 'what is pulled (else an image of that registry that the node has)')
    .option('--seconds <number>', 'after these the block ends, whatever happens', '60')
    .option('--socket <path>', "the runtime's socket on the node, where it is not at its usual place");
  withContainerdFolder(command)
    .option('-y, --yes', 'do not ask before it begins')
    .option('--dry-run', 'look at the node, and print what would be done there');
  withSshFlags(command).addOption(outputOption());
  return command
    .addHelpText(
      'after',
      `
What is blocked is what the node's own processes send to the registry's present
addresses and port, the runtime's pulls among it; pods are not touched. The rules
are taken away when the pull has ended. Should this program, the connection or the
shell die before that, a timer on the node takes them away.

Layers that the node has are not fetched again: what is measured is how long it
takes to find a source that serves.

Exit codes: 0 the image was had without its registry, 1 it was not, 2 bad input, 3
the drill shows neither (the reason is said).

Examples:
  registry-failover drill --host worker-1 --registry fra.ocir.io --dry-run
  registry-failover drill --host opc@worker-1 --sudo --registry fra.ocir.io \\
    --image fra.ocir.io/shop/web:1.4`,
    )
    .action(async (flags: DrillFlags) => {
      require(command, 'host', 'registry');
      const { runDrillCommand } = await import('../drill/drill.ts');
      setExit(await runDrillCommand(flags));
    });
}
