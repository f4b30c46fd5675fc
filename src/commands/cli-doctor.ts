// Cli doctor: the command lines of the sub-commands that find out whether and how failover works: doctor and drill.
import { Command, Option } from 'commander';
import { CONTROLLER_DEFAULTS } from '../config/defaults.ts';
import type { DoctorFlags } from './doctor.ts';
import { NODES_DEFAULTS } from './nodes-settings.ts';
import { withSshFlags } from './nodes-ssh.ts';

type Collect = (
  value: string,
  previous: (readonly string[] & { readonly given?: true }) | undefined,
) => readonly string[];

interface Wiring {
  readonly setExit: (code: number) => void;
  readonly collect: Collect;
}

function withCluster(command: Command): Command {
  const defaults = CONTROLLER_DEFAULTS;
  return command
    .option('--kubeconfig <file>', 'how to reach the API server (else KUBECONFIG)')
    .option('--context <name>', 'which context of the kubeconfig')
    .option('--install-namespace <name>', 'where the release is installed', defaults.installNamespace)
    .option('--fullname <name>', 'what the names of its objects begin with', defaults.fullname);
}

function withNode(command: Command): Command {
  const defaults = NODES_DEFAULTS;
  return withSshFlags(command)
    .addOption(
      new Option('--runtime <name>', 'auto: the one that runs there')
        .choices(['auto', 'crio', 'containerd'])
        .default('auto'),
    )
    .option('--owner <id>', 'with -m: whose files', defaults.owner)
    .option('--containers-folder <path>', 'of CRI-O and podman, on the node', defaults.containersFolder)
    .option('--containerd-folder <path>', 'of containerd, on the node', defaults.containerdFolder)
    .option('--auth-file <path>', "CRI-O's global_auth_file on the node, for NodeAuth (else none)");
}

export function doctorCommand({ setExit, collect }: Wiring): Command {
  const command = new Command('doctor')
    .description('why does nothing happen? Looks for the commonest causes, each with what to do')
    .option('--host <[user@]host[:port]>', 'a node to look at over ssh; repeatable', collect)
    .option('-m, --manifests <path>', 'with --host: what its files should come from; repeatable', collect)
    .option(
      '--docker-config <file>',
      "a laptop's docker config.json, for pull secrets that the manifests lack",
    );
  withNode(withCluster(command)).addOption(
    new Option('-o, --output <format>').choices(['text', 'json', 'yaml']).default('text'),
  );
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
