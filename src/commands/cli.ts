// Cli: the command line of every sub-command; each is imported only when it runs.
import { Command, CommanderError } from 'commander';
import { WEBHOOK_DEFAULTS } from '../config/defaults.ts';
import { cleanupCommand, controllerCommand } from './cli-cluster.ts';
import { outputOption, withDockerConfig, withNamespaceOfDeclared } from './cli-options.ts';
import type { Collect } from './cli-options.ts';
import { doctorCommand, drillCommand } from './doctor/cli-doctor.ts';
import { nodesCommand } from './nodes/cli-nodes.ts';
import { renderCommand } from './render/cli-render.ts';
import type { CheckFlags } from './check.ts';
import { EXIT } from './exit.ts';
import { fitStderr } from './error-lines.ts';
import { VERSION } from './version.ts';
import type { ExplainFlags } from './explain.ts';

/** Told after a mistake on the command line. */
const WAY_OUT = '(--help shows what there is)';

/** The default list is replaced, not extended, by the first one. */
const collect: Collect = (value, previous) => {
  const list = previous?.given ? [...previous, value] : [value];
  return Object.assign(list, { given: true as const });
};

function webhookCommand(setExit: (code: number) => void): Command {
  const defaults = WEBHOOK_DEFAULTS;
  const command = new Command('webhook')
    .description('answer AdmissionReviews (runs in the cluster, behind the MutatingWebhookConfiguration)')
    .option('-m, --manifests <path>', 'declarations: a file or directory of manifests; repeatable', collect);
  withDockerConfig(command)
    .option('--from-cluster', 'declarations and pull secrets from the API server, instead of -m')
    .option('--kubeconfig <file>', 'how to reach it (else KUBECONFIG, or as a pod of it)')
    .option('--context <name>', 'which context of the kubeconfig')
    .option('--listen <host:port>', 'where AdmissionReviews are answered, over TLS', defaults.listen)
    .option('--ops-listen <host:port>', 'where /livez, /readyz and /metrics are served', defaults.opsListen)
    .option('--tls-cert <file>', 'serving certificate, PEM; swapped when the file changes', defaults.tlsCert)
    .option('--tls-key <file>', 'its private key, PEM', defaults.tlsKey)
    .option(
      '--tls-secret <name>',
      'with --from-cluster: a Secret of the install namespace instead of the two files',
    );
  return withNamespaceOfDeclared(command)
    .option('--cluster-name <name>', 'name of this cluster in audit records')
    .option('--allowed-endpoint <pattern>', 'hosts that sets may name (else all); repeatable', collect)
    .option(
      '--excluded-owner <group>',
      'API groups of owners that keep their images; repeatable',
      collect,
      defaults.excludedOwner,
    )
    .option('--probe-interval <duration>', 'between two health probes of an endpoint', defaults.probeInterval)
    .option('--probe-timeout <duration>', 'for one question to a registry', defaults.probeTimeout)
    .option('--hedge <duration>', 'silence of the upstream after which mirrors are asked too', defaults.hedge)
    .option('--budget <duration>', 'for all questions of one pod', defaults.budget)
    .option('--drain <duration>', 'how long to go on serving after SIGTERM', defaults.drain)
    .option('--grace <duration>', 'how long open requests may take after that', defaults.grace)
    .option('--log-level <level>', 'debug, info, warn or error', defaults.logLevel)
    .action(async (flags: object) => {
      const { runWebhook } = await import('./webhook.ts');
      setExit(await runWebhook({ ...defaults, manifests: [], ...flags }));
    });
}

function demoCommand(setExit: (code: number) => void): Command {
  return new Command('demo')
    .description(
      'see outages survived: three registries and the webhook in eight situations; no cluster needed',
    )
    .option('--once', 'end after the walk-through instead of staying at a prompt')
    .option('--json', 'print what each step observed as JSON lines')
    .action(async ({ once = false, json = false }: { readonly once?: boolean; readonly json?: boolean }) => {
      const { runDemo } = await import('./demo.ts');
      setExit(await runDemo({ once, json }));
    });
}

/** Flags of the commands for people that ask registries once. */
function withDeclarations(command: Command): Command {
  command.option(
    '-m, --manifests <path>',
    'declarations (required): a file or directory; repeatable',
    collect,
  );
  return withNamespaceOfDeclared(withDockerConfig(command)).addOption(outputOption());
}

/**
 * Refuses a command line without these. Commander's own check would come before that for unknown options, and say of
 * `--manifest x` only that -m is missing.
 */
function requireOptions(command: Command, ...names: readonly string[]): void {
  const missing = command.options.find(
    (option) =>
      names.includes(option.attributeName()) && command.getOptionValue(option.attributeName()) === undefined,
  );
  if (missing === undefined) return;
  command.error(`error: required option '${missing.flags}' not specified`, { exitCode: EXIT.badInput });
}

function explainCommand(setExit: (code: number) => void): Command {
  const command = new Command('explain')
    .description('what would happen to this pod, and why')
    .option(
      '-f, --file <file>',
      'the pod (required): a Pod, Deployment, StatefulSet, DaemonSet, Job or CronJob; - for standard input',
    )
    .option('-n, --namespace <name>', 'namespace of the pod when the file does not say');
  return withDeclarations(command)
    .addHelpText(
      'after',
      `
Exit codes: 0 every image would be served, 1 an image can be had from nobody,
2 bad input, 3 could not tell (a registry could not be asked).

Examples, in a clone and where it is installed:
  npm run -s cli -- explain -f examples/deployment.yaml -m examples/manifests
  kubectl get deployment web -o yaml | registry-failover explain -f - -m DIR`,
    )
    .action(async (flags: ExplainFlags) => {
      requireOptions(command, 'file', 'manifests');
      const { runExplain } = await import('./explain.ts');
      setExit(await runExplain(flags));
    });
}

function checkCommand(setExit: (code: number) => void): Command {
  const command = new Command('check')
    .description('is this image served by every endpoint, with the same digest and platforms?')
    .argument('<image...>', 'image references as pods name them')
    .option('-n, --namespace <name>', 'whose pull secrets to use', 'default');
  return withDeclarations(command)
    .addHelpText(
      'after',
      `
Exit codes: 0 the same everywhere, 1 different or not to be had somewhere, 2 bad
input, 3 an endpoint could not be asked.

Examples, in a clone and where it is installed:
  npm run -s cli -- check fra.ocir.io/shop/web:1.4 -n shop -m examples/manifests
  registry-failover check fra.ocir.io/shop/web:1.4 -n shop -m DIR`,
    )
    .action(async (images: readonly string[], flags: CheckFlags) => {
      requireOptions(command, 'manifests');
      const { runCheck } = await import('./check.ts');
      setExit(await runCheck(images, flags));
    });
}

/** What every command has: no exit of its own, and errors that fit a terminal and show a way out. */
function withManners(command: Command): Command {
  return command
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError(WAY_OUT)
    .configureOutput({ outputError: (text, write) => write(fitStderr(text)) });
}

/** Runs one command line. Resolves with the exit code; usage errors are 2. */
export async function runCli(argv: readonly string[]): Promise<number> {
  let code: number = EXIT.yes;
  const setExit = (value: number): void => {
    code = value;
  };
  const program = withManners(new Command('registry-failover'))
    .description('Pods keep starting when their image registry is down.')
    .version(VERSION);
  const controller = (exit: (code: number) => void): Command => controllerCommand(exit, collect);
  const commands = [webhookCommand, controller, cleanupCommand, demoCommand, explainCommand, checkCommand];
  for (const command of commands) program.addCommand(withManners(command(setExit)));
  const nodes = nodesCommand({ setExit, collect, require: requireOptions }, withManners);
  program.addCommand(withManners(nodes));
  program.addCommand(withManners(renderCommand({ setExit, collect, require: requireOptions })));
  program.addCommand(withManners(doctorCommand({ setExit, collect })));
  program.addCommand(withManners(drillCommand({ setExit, collect, require: requireOptions })));
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.yes : EXIT.badInput;
    throw error;
  }
}
