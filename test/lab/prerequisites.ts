// Whether this machine can run the lab, and if not, everything that is missing at once and what to do about it.
import { accessSync, constants, existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { kubeChains } from './iptables.ts';
import { NODE1_NETWORK, NODE2_NETWORK, PARK_NETWORK } from './network.ts';
import { goVersion, run } from './run.ts';

/** Programs (looked for in PATH) and files, by the Debian package that brings them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'apache2-utils': ['htpasswd'],
  'busybox-static': ['busybox'],
  conmon: ['conmon'],
  'containernetworking-plugins': ['/usr/lib/cni/bridge', '/usr/lib/cni/host-local'],
  'dnsmasq-base': ['dnsmasq'],
  'docker-registry': ['docker-registry'],
  gcc: ['gcc'],
  iproute2: ['ip'],
  iptables: ['iptables', 'iptables-save', 'ip6tables-restore'],
  'libc6-dev': ['/usr/include/stdio.h'],
  'libseccomp-dev': ['/usr/include/seccomp.h'],
  'pkg-config': ['pkg-config'],
  runc: ['/usr/sbin/runc'],
  skopeo: ['skopeo'],
  'util-linux': ['setpriv', 'unshare'],
};

/** What the product's image is built with, on top. */
const IMAGE_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  debootstrap: ['debootstrap'],
  podman: ['podman'],
};

/** Bits of CapEff in /proc/self/status: capability.h. A root in a container often has neither. */
const CAPABILITIES = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n };

/** Why the lab cannot run here, one line each; empty when it can. */
export async function whyNoLab(options: { readonly withImage: boolean }): Promise<readonly string[]> {
  if (process.platform !== 'linux') return [`the lab needs Linux, and this is ${process.platform}`];
  if (process.getuid?.() !== 0)
    return ['the lab needs root: it makes network namespaces, mounts and cgroups'];
  const missing = missingPackages(options.withImage ? { ...PACKAGES, ...IMAGE_PACKAGES } : PACKAGES);
  return [
    ...missingRights(),
    ...(missing.length === 0
      ? []
      : [`missing: apt-get install --no-install-recommends ${missing.join(' ')}`]),
    ...(await wrongGo()),
  ];
}

/** Why it cannot be started now, on a machine that could: something else is in its place. */
export async function whyNotNow(): Promise<readonly string[]> {
  const chains = await kubeChains();
  return [
    ...(chains.length === 0
      ? []
      : [`this machine has Kubernetes' iptables chains already, e.g. ${chains[0] ?? ''}`]),
    ...(await takenNetworks()),
  ];
}

function missingPackages(packages: Readonly<Record<string, readonly string[]>>): readonly string[] {
  return Object.entries(packages)
    .filter(([, things]) => !things.every(isThere))
    .map(([name]) => name);
}

function isThere(thing: string): boolean {
  if (thing.startsWith('/')) return existsSync(thing);
  return (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .some((folder) => isExecutable(path.join(folder, thing)));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function missingRights(): readonly string[] {
  const line = /^CapEff:\s*([0-9a-f]+)$/mu.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  const effective = BigInt(`0x${line}`);
  const rights = Object.entries(CAPABILITIES)
    .filter(([, bit]) => (effective & (1n << bit)) === 0n)
    .map(([name]) => `this root lacks ${name}: run on a machine, or in a privileged container`);
  const filesystems = readFileSync('/proc/filesystems', 'utf8');
  return /\toverlay$/mu.test(filesystems) ? rights : [...rights, 'the kernel has no overlay file system'];
}

async function wrongGo(): Promise<readonly string[]> {
  const oldest = oldestGo();
  const wanted = `Go ${oldest.join('.')} or newer on PATH (https://go.dev/dl)`;
  if (!isThere('go')) return [`missing: ${wanted}`];
  const found = await goVersion();
  const own = /go(\d+(?:\.\d+)*)/u.exec(found)?.[1] ?? '0';
  return compareVersions(parseVersion(own), oldest) < 0 ? [`${found} is too old: ${wanted}`] : [];
}

type Version = readonly number[];

/** What the most demanding of our Go modules asks for. No other toolchain is fetched in its place. */
function oldestGo(): Version {
  const wanted = globSync('go/*/go.mod', { cwd: import.meta.dirname }).map((file) => {
    const text = readFileSync(path.join(import.meta.dirname, file), 'utf8');
    return parseVersion(/^go (\S+)$/mu.exec(text)?.[1] ?? '0');
  });
  return wanted.sort(compareVersions).at(-1) ?? [];
}

function parseVersion(text: string): Version {
  return text.split('.').map(Number);
}

function compareVersions(left: Version, right: Version): number {
  const parts = Array.from({ length: Math.max(left.length, right.length) }, (_, index) => index);
  const at = parts.find((index) => (left[index] ?? 0) !== (right[index] ?? 0)) ?? 0;
  return (left[at] ?? 0) - (right[at] ?? 0);
}

/** Routes of this machine into networks that the lab would make. */
async function takenNetworks(): Promise<readonly string[]> {
  const prefixes = [PARK_NETWORK, NODE1_NETWORK, NODE2_NETWORK].map(({ subnet }) =>
    subnet.replace(/\.0\/24$/u, '.'),
  );
  const routes = (await run('ip', ['-4', 'route', 'show', 'table', 'all'])).split('\n');
  const taken = routes.filter((route) => [...prefixes, '10.96.'].some((prefix) => route.includes(prefix)));
  return taken.slice(0, 1).map((route) => `a network of the lab is taken on this machine: ${route.trim()}`);
}
