// Cli options: the options that several sub-commands have and that mean the same in each, and what the command line hands to them.
import { Option } from 'commander';
import type { Command } from 'commander';
import { CONTROLLER_DEFAULTS, WEBHOOK_DEFAULTS } from '../config/defaults.ts';
import { RUNTIMES } from '../nodes/data/wanted.ts';
import { NODES_DEFAULTS } from './nodes/nodes-settings.ts';

/** Collects a flag that may be given several times. */
export type Collect = (
  value: string,
  previous: (readonly string[] & { readonly given?: true }) | undefined,
) => readonly string[];

/** What the command line as a whole brings. */
export interface Wiring {
  readonly setExit: (code: number) => void;
  readonly collect: Collect;
  /** Refuses a command line without these options. */
  readonly require: (command: Command, ...names: readonly string[]) => void;
}

/** How the report is printed. */
export function outputOption(): Option {
  return new Option('-o, --output <format>').choices(['text', 'json', 'yaml']).default('text');
}

/** How to reach the cluster, and which installation it is about. `otherwise`: without a kubeconfig. */
export function withInstallation(command: Command, otherwise: string): Command {
  const defaults = CONTROLLER_DEFAULTS;
  return command
    .option('--kubeconfig <file>', `how to reach the API server (else ${otherwise})`)
    .option('--context <name>', 'which context of the kubeconfig')
    .option('--install-namespace <name>', 'where the release is installed', defaults.installNamespace)
    .option('--fullname <name>', 'what the names of its objects begin with', defaults.fullname);
}

/** The pull secrets of whoever has no cluster. */
export function withDockerConfig(command: Command): Command {
  return command.option(
    '--docker-config <file>',
    "a laptop's docker config.json, for pull secrets that the manifests lack",
  );
}

/** Whose Secrets and ConfigMaps declarations name. */
export function withNamespaceOfDeclared(command: Command): Command {
  return command.option(
    '--install-namespace <name>',
    'where secretRef and configMapRef are looked up',
    WEBHOOK_DEFAULTS.installNamespace,
  );
}

/** Where containerd keeps its files. */
export function withContainerdFolder(command: Command): Command {
  return command.option(
    '--containerd-folder <path>',
    'of containerd, on the node',
    NODES_DEFAULTS.containerdFolder,
  );
}

/** Which runtime a node has, where its files are, and whose. `whose`: what --owner says of them. */
export function withNodeFiles(command: Command, whose: string): Command {
  const defaults = NODES_DEFAULTS;
  command
    .addOption(
      new Option('--runtime <name>', 'auto: the one that runs there')
        .choices(['auto', ...RUNTIMES])
        .default('auto'),
    )
    .option('--owner <id>', whose, defaults.owner)
    .option('--containers-folder <path>', 'of CRI-O and podman, on the node', defaults.containersFolder);
  return withContainerdFolder(command).option(
    '--auth-file <path>',
    "CRI-O's global_auth_file on the node, for NodeAuth (else none)",
  );
}
