// Cli: the command line of every sub-command; each is imported only when it runs.
import { Command, CommanderError, Option } from 'commander';
import { WEBHOOK_DEFAULTS } from '../config/defaults.ts';
import type { CheckFlags } from './check.ts';
import { EXIT } from './exit.ts';
import { VERSION } from './version.ts';
import type { ExplainFlags } from './explain.ts';

/** Collects a flag that may be given several times. The default list is replaced, not extended, by the first one. */
function collect(value: string, previous: readonly string[] & { readonly given?: true }): readonly string[] {
  const list = previous.given ? [...previous, value] : [value];
  return Object.assign(list, { given: true as const });
}

function webhookCommand(setExit: (code: number) => void): Command {
  const defaults = WEBHOOK_DEFAULTS;
  return new Command('webhook')
    .description('answer AdmissionReviews (runs in the cluster, behind the MutatingWebhookConfiguration)')
    .option(
      '-m, --manifests <path>',
      'declarations: a file or directory of manifests; repeatable',
      collect,
      [],
    )
    .option(
      '--docker-config <file>',
      "a laptop's docker config.json, for pull secrets that the manifests lack",
    )
    .option('--listen <host:port>', 'where AdmissionReviews are answered, over TLS', defaults.listen)
    .option('--ops-listen <host:port>', 'where /livez, /readyz and /metrics are served', defaults.opsListen)
    .option('--tls-cert <file>', 'serving certificate, PEM; swapped when the file changes', defaults.tlsCert)
    .option('--tls-key <file>', 'its private key, PEM', defaults.tlsKey)
    .option(
      '--install-namespace <name>',
      'where secretRef and configMapRef are looked up',
      defaults.installNamespace,
    )
    .option('--cluster-name <name>', 'name of this cluster in audit records', defaults.clusterName)
    .option(
      '--allowed-endpoint <pattern>',
      'hosts that sets may name; repeatable',
      collect,
      defaults.allowedEndpoint,
    )
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
    .action(async (flags: unknown) => {
      const { runWebhook } = await import('./webhook.ts');
      setExit(await runWebhook(flags));
    });
}

function demoCommand(setExit: (code: number) => void): Command {
  return new Command('demo')
    .description(
      'see outages survived: three registries and the webhook in eight situations; no cluster needed',
    )
    .option('--once', 'end after the walk-through instead of staying at a prompt', false)
    .option('--json', 'print what each step observed as JSON lines', false)
    .action(async (flags: { readonly once: boolean; readonly json: boolean }) => {
      const { runDemo } = await import('./demo.ts');
      setExit(await runDemo(flags));
    });
}

/** Flags of the commands for people that ask registries once. */
function withDeclarations(command: Command): Command {
  return command
    .addOption(
      new Option('-m, --manifests <path>', 'declarations: a file or directory; repeatable')
        .argParser((value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value])
        .makeOptionMandatory(),
    )
    .option(
      '--docker-config <file>',
      "a laptop's docker config.json, for pull secrets that the manifests lack",
    )
    .option(
      '--install-namespace <name>',
      'where secretRef and configMapRef are looked up',
      WEBHOOK_DEFAULTS.installNamespace,
    )
    .addOption(new Option('-o, --output <format>').choices(['text', 'json', 'yaml']).default('text'))
    .showHelpAfterError('(--help shows what there is)');
}

function explainCommand(setExit: (code: number) => void): Command {
  const command = new Command('explain')
    .description('what would happen to this pod, and why')
    .requiredOption(
      '-f, --file <file>',
      'a Pod, Deployment, StatefulSet, DaemonSet, Job or CronJob; - for standard input',
    )
    .option('-n, --namespace <name>', 'namespace of the pod when the file does not say');
  return withDeclarations(command)
    .addHelpText(
      'after',
      `
Exit codes: 0 every image would be served, 1 an image can be had from nobody,
2 bad input, 3 could not tell (a registry could not be asked).

Example: kubectl get deployment web -o yaml | registry-failover explain -f - -m mirrors/`,
    )
    .action(async (flags: ExplainFlags) => {
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

Example: registry-failover check fra.ocir.io/shop/app:1.4 -n shop -m mirrors/`,
    )
    .action(async (images: readonly string[], flags: CheckFlags) => {
      const { runCheck } = await import('./check.ts');
      setExit(await runCheck(images, flags));
    });
}

/** Runs one command line. Resolves with the exit code; usage errors are 2. */
export async function runCli(argv: readonly string[]): Promise<number> {
  let code: number = EXIT.yes;
  const setExit = (value: number): void => {
    code = value;
  };
  const program = new Command('registry-failover')
    .description('Pods keep starting when their image registry is down.')
    .version(VERSION)
    .exitOverride()
    .showSuggestionAfterError();
  for (const command of [webhookCommand, demoCommand, explainCommand, checkCommand]) {
    program.addCommand(command(setExit).exitOverride());
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.yes : EXIT.badInput;
    throw error;
  }
}
