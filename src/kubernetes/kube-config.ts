// Kube config: which API server, by the client library's rules for files, environment and pods; what is not safe is refused.
import { KubeConfig } from '@kubernetes/client-node';
import type { Problem } from '../domain/problem.ts';
import { err, ok, type Result } from '../domain/result.ts';

export interface KubeConfigOptions {
  /** A file; when absent KUBECONFIG, then ~/.kube/config, then the pod's own service account. */
  readonly kubeconfig?: string | undefined;
  /** The current one when absent. */
  readonly context?: string | undefined;
}

/** What the library sets when it has found nothing and guesses a server at localhost. */
const GUESSED = 'loaded-context';

function problem(options: KubeConfigOptions, rest: { code: string; message: string; fix: string }): Problem {
  return { path: options.kubeconfig ?? 'kubeconfig', ...rest };
}

/** Where it went wrong, without a word of the file: a YAML error's own message quotes it, tokens and all. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return ` (${error.code})`;
  const mark: unknown = 'mark' in error ? error.mark : undefined;
  const line: unknown = typeof mark === 'object' && mark !== null && 'line' in mark ? mark.line : undefined;
  if (typeof line === 'number') return ` (not YAML, line ${line + 1})`;
  // The library's own complaints name a field of the file, never its value.
  return /^(clusters|users|contexts)\[\d+\][\w.]* is missing$/.test(error.message)
    ? ` (${error.message})`
    : '';
}

function read(options: KubeConfigOptions): Result<KubeConfig, Problem> {
  const config = new KubeConfig();
  try {
    if (options.kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(options.kubeconfig);
  } catch (error) {
    return err(
      problem(options, {
        code: 'KubeconfigUnreadable',
        message: `this kubeconfig cannot be read${placeOf(error)}`,
        fix: 'Give the path of a kubeconfig file that kubectl can use',
      }),
    );
  }
  if (options.context !== undefined) config.setCurrentContext(options.context);
  return ok(config);
}

function problemsOf(config: KubeConfig, options: KubeConfigOptions): Problem[] {
  if (config.getCurrentContext() === GUESSED) {
    const message = 'there is no kubeconfig, and this is not a pod';
    const fix = 'Name a kubeconfig file, or set KUBECONFIG';
    return [problem(options, { code: 'NoCluster', message, fix })];
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const message = `there is no context "${config.getCurrentContext()}" with a cluster`;
    const fix = 'Name one of those that kubectl config get-contexts lists';
    return [problem(options, { code: 'NoSuchContext', message, fix })];
  }
  const problems: Problem[] = [];
  if (!cluster.server.startsWith('https://') || !URL.canParse(cluster.server)) {
    const message = `the API server "${cluster.server}" is not reached over TLS`;
    problems.push(problem(options, { code: 'NotHttps', message, fix: 'Use an https:// address' }));
  }
  if (cluster.skipTLSVerify) {
    const message = `the cluster "${cluster.name}" says insecure-skip-tls-verify, and TLS is always verified here`;
    const fix = 'Take it out, and give the API server’s CA as certificate-authority-data';
    problems.push(problem(options, { code: 'TlsNotVerified', message, fix }));
  }
  if (cluster.proxyUrl !== undefined && cluster.proxyUrl !== null) {
    const message = `the cluster "${cluster.name}" says proxy-url, which is not supported`;
    const fix = 'Use an address of the API server that can be reached directly';
    problems.push(problem(options, { code: 'ProxyUnsupported', message, fix }));
  }
  return problems;
}

/** Reads what the options name. Every reason not to use it comes back at once. */
export function loadKubeConfig(options: KubeConfigOptions): Result<KubeConfig, readonly Problem[]> {
  const config = read(options);
  if (!config.ok) return err([config.error]);
  const problems = problemsOf(config.value, options);
  return problems.length === 0 ? ok(config.value) : err(problems);
}
