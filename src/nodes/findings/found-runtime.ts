// Found runtime: which container runtime the kubelet of a node uses, and which version, from what was gathered. Pure.
import { isSupportedRuntime, SUPPORTED_RUNTIMES } from '../../domain/managed-node.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';
import { finding } from './finding.ts';
import type { Finding } from './finding.ts';
import type { Found } from '../looking/found.ts';
import { flagOf, processOf, versionOf } from '../looking/found-process.ts';
import { RUNTIME_TITLES, RUNTIMES } from '../data/wanted.ts';
import type { Runtime, RuntimeName } from '../data/wanted.ts';

/** The runtime whose socket the kubelet was told of on its command line. */
function toldToKubelet({ processes }: Found): RuntimeName | undefined {
  const kubelet = processes.find(({ comm }) => comm === 'kubelet');
  const socket = kubelet === undefined ? undefined : flagOf(kubelet.cmdline, '--container-runtime-endpoint');
  return RUNTIMES.find((name) => socket?.includes(`/${name}`) === true);
}

function withVersion(found: Found, name: RuntimeName): Result<Runtime, Finding> {
  const version = versionOf(found, name);
  if (version === undefined) {
    const message = `${RUNTIME_TITLES[name]} runs here, and its version cannot be learned, because ${name} --version says nothing to root's shell`;
    const fix = `Put the program where root finds it: ln -s "$(readlink /proc/$(pgrep -xo ${name})/exe)" /usr/bin/${name}`;
    return err(finding('RuntimeVersionUnknown', 'error', message, fix));
  }
  const runtime = { name, version };
  return isSupportedRuntime(runtime) ? ok(runtime) : err(unsupported(runtime));
}

/** What is said of a version that is too old. */
export function unsupported({ name, version }: Runtime): Finding {
  const message = `${RUNTIME_TITLES[name]} ${version} is too old: ${SUPPORTED_RUNTIMES} are supported`;
  const fix = `Update ${RUNTIME_TITLES[name]} on this node; until then its pods are served by rewriting alone`;
  return finding('RuntimeUnsupported', 'error', message, fix);
}

/** What is said of a node on which nothing runs. */
export function absent(name: RuntimeName | undefined): Finding {
  const what =
    name === undefined
      ? 'neither CRI-O nor containerd runs here'
      : `${RUNTIME_TITLES[name]} does not run here`;
  const start = name === undefined ? 'systemctl start crio (or containerd)' : `systemctl start ${name}`;
  return finding(
    'NoRuntime',
    'error',
    `${what}, so no runtime reads mirror configuration`,
    `Start it: ${start}; look at: systemctl status ${name ?? 'crio containerd'}`,
  );
}

const TWO = 'both CRI-O and containerd run here, and the kubelet’s command line does not say which it uses';

/**
 * The runtime of a node; otherwise why it cannot be said, as a finding of severity `error`.
 * @param wanted The one that is meant, where somebody has said so: only its version is looked for.
 */
export function runtimeOn(found: Found, wanted?: RuntimeName): Result<Runtime, Finding> {
  const running = RUNTIMES.filter((name) => processOf(found, name) !== undefined);
  if (wanted !== undefined)
    return running.includes(wanted) ? withVersion(found, wanted) : err(absent(wanted));
  const told = toldToKubelet(found);
  if (told !== undefined && running.includes(told)) return withVersion(found, told);
  const [only, second] = running;
  if (only === undefined) return err(absent(undefined));
  if (second === undefined) return withVersion(found, only);
  const fix = 'Say which is meant: --runtime crio or --runtime containerd; see: kubectl get nodes -o wide';
  return err(finding('TwoRuntimes', 'error', TWO, fix));
}
