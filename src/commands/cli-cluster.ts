// Cli cluster: the command lines of the sub-commands that run in the cluster beside the webhook.
import { hostname } from 'node:os';
import { Command, Option } from 'commander';
import { CLEANUP_DEFAULTS, CONTROLLER_DEFAULTS } from '../config/defaults.ts';
import { withInstallation } from './cli-options.ts';
import type { Collect } from './cli-options.ts';

const IN_A_POD = 'KUBECONFIG, or as a pod of it';

export function controllerCommand(setExit: (code: number) => void, collect: Collect): Command {
  const defaults = CONTROLLER_DEFAULTS;
  return withInstallation(new Command('controller'), IN_A_POD)
    .description(
      'keep credentials, rights, certificates and status in place (runs in the cluster; one replica leads)',
    )
    .option('--ops-listen <host:port>', 'where /livez, /readyz and /metrics are served', defaults.opsListen)
    .option('--cluster-name <name>', 'name of this cluster in records')
    .option(
      '--identity <name>',
      'of this replica among the others (default: the host name, in a pod its name)',
    )
    .option('--allowed-endpoint <pattern>', 'hosts that sets may name (else all); repeatable', collect)
    .addOption(
      new Option(
        '--certificates <yes>',
        "make and renew the webhook's certificates; false: somebody else does",
      )
        .choices(['true', 'false'])
        .default('true'),
    )
    .option('--probe-interval <duration>', 'between two health probes of an endpoint', defaults.probeInterval)
    .option('--probe-timeout <duration>', 'for one question to a registry', defaults.probeTimeout)
    .option('--nodes', 'give nodes the mirror configuration that sets declare (agents are installed)')
    .option(
      '--nodes-max-unavailable <nodes>',
      'how many nodes are changed at once, a number or a share',
      defaults.nodesMaxUnavailable,
    )
    .option(
      '--nodes-gate <duration>',
      'how long the first node has to be well before others follow',
      defaults.nodesGate,
    )
    .option('--log-level <level>', 'debug, info, warn or error', defaults.logLevel)
    .action(async (flags: { readonly certificates: string }) => {
      const { runController } = await import('./controller.ts');
      const certificates = flags.certificates === 'true';
      setExit(await runController({ ...defaults, identity: hostname(), ...flags, certificates }));
    });
}

export function cleanupCommand(setExit: (code: number) => void): Command {
  const defaults = { ...CONTROLLER_DEFAULTS, ...CLEANUP_DEFAULTS };
  return withInstallation(new Command('cleanup'), IN_A_POD)
    .description(
      'before an uninstall: stop the controller, and take back its secrets and rights in every namespace',
    )
    .option('--timeout <duration>', 'for all of it', defaults.timeout)
    .option('--nodes', 'have the agents restore their nodes as well', defaults.nodes)
    .option('--nodes-timeout <duration>', 'how long agents are waited for', defaults.nodesTimeout)
    .option('--containers-folder <path>', "CRI-O's and podman's on the nodes", defaults.containersFolder)
    .option('--containerd-folder <path>', "containerd's on the nodes", defaults.containerdFolder)
    .option('--auth-file <path>', "CRI-O's global_auth_file on the nodes")
    .action(async (flags: object) => {
      const { runCleanup } = await import('./cleanup.ts');
      setExit(await runCleanup({ ...defaults, ...flags }));
    });
}
