// The lab's binaries: each group built once from its Go module, and kept in the user's cache by the hash of all that goes in.
import { createHash } from 'node:crypto';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { goVersion, run } from './run.ts';

/** A call of a compiler; `OUT` in an argument is the folder that the results go to. */
interface BuildStep {
  readonly program: 'go' | 'gcc';
  readonly args: readonly string[];
  /** Further arguments that only a look can tell: the C files of a Go module. */
  readonly sourcesOf?: { readonly module: string; readonly pattern: string };
}

/** The sources of a group are in the folder of its name under test/lab/go. */
interface GroupPlan {
  readonly cgo: '0' | '1';
  readonly steps: readonly BuildStep[];
  /** What a cold build took on two cores, so that nobody thinks it hangs. */
  readonly coldBuild: string;
}

export type BinaryGroup = 'kubernetes' | 'containerd' | 'crio' | 'pause' | 'witness-registry';

/** Whatever it takes, a build that is not done by then hangs. */
const BUILD_MS = 30 * 60_000;

interface GoBuild {
  /** A file or, with a slash at the end, a folder. */
  readonly out: string;
  readonly packages: readonly string[];
  readonly tags?: string;
  /** For the linker, beside leaving out what only a debugger reads. */
  readonly linker?: string;
}

function goBuild({ out, packages, tags = '', linker = '' }: GoBuild): BuildStep {
  const flags = ['-trimpath', '-mod=readonly', '-tags', tags, '-ldflags', `-s -w ${linker}`];
  return { program: 'go', args: ['build', ...flags, '-o', out, ...packages] };
}

/** The version a component tells of itself: a plain `go build` says v0.0.0, which the kubelet's and API server's skew rules refuse. */
const KUBERNETES_VERSION = ['gitVersion=v1.35.4', 'gitMajor=1', 'gitMinor=35']
  .map((setting) => `-X k8s.io/component-base/version.${setting}`)
  .join(' ');

const CONTAINERD = 'github.com/containerd/containerd/v2';

const PLANS: Readonly<Record<BinaryGroup, GroupPlan>> = {
  kubernetes: {
    cgo: '0',
    coldBuild: '5 min',
    steps: [goBuild({ out: 'OUT/lab-kubernetes', packages: ['.'], linker: KUBERNETES_VERSION })],
  },
  containerd: {
    cgo: '0',
    coldBuild: '1 min',
    steps: [
      goBuild({
        out: 'OUT/',
        packages: ['containerd', 'containerd-shim-runc-v2', 'ctr'].map((name) => `${CONTAINERD}/cmd/${name}`),
        tags: 'no_btrfs no_devmapper no_zfs no_aufs',
        linker: `-X ${CONTAINERD}/version.Version=v2.3.7`,
      }),
    ],
  },
  crio: {
    cgo: '1',
    coldBuild: '2 min 30 s',
    steps: [
      goBuild({
        out: 'OUT/crio',
        packages: ['github.com/cri-o/cri-o/cmd/crio'],
        tags: 'containers_image_openpgp containers_image_ostree_stub exclude_graphdriver_btrfs seccomp',
      }),
      {
        program: 'gcc',
        args: ['-std=c99', '-Os', '-static', '-o', 'OUT/pinns'],
        sourcesOf: { module: 'github.com/cri-o/cri-o', pattern: 'pinns/src/*.c' },
      },
    ],
  },
  pause: {
    cgo: '0',
    coldBuild: '1 s',
    steps: [{ program: 'gcc', args: ['-std=gnu99', '-Os', '-static', '-s', '-o', 'OUT/pause', 'pause.c'] }],
  },
  'witness-registry': {
    cgo: '0',
    coldBuild: '20 s',
    steps: [goBuild({ out: 'OUT/witness-registry', packages: ['.'] })],
  },
};

/** The order in which they are built: the one that takes longest, and that most wait for, first. */
export const BINARY_GROUPS = Object.keys(PLANS) as readonly BinaryGroup[];

/** The cache of this project on this machine, outside every working tree. */
export function labCache(): string {
  const base = process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache');
  return path.join(base, 'registry-failover', 'lab');
}

/**
 * The folder with a group's binaries, built first when this machine has not built them from these sources, flags and compiler.
 * Throws with the end of what the compiler said.
 */
export async function ensureBinaries(group: BinaryGroup, say: (line: string) => void): Promise<string> {
  const plan = PLANS[group];
  const source = path.join(import.meta.dirname, 'go', group);
  const target = path.join(labCache(), `${group}-${await inputHash(source, plan)}`);
  if (existsSync(target)) {
    const now = new Date();
    utimesSync(target, now, now);
    return target;
  }
  say(`building ${group} (once; ${plan.coldBuild} on two cores with a cold Go cache)`);
  const began = performance.now();
  mkdirSync(labCache(), { recursive: true });
  const beside = mkdtempSync(path.join(labCache(), `.building-${group}-`));
  try {
    for (const step of plan.steps) await build(step, { source, out: beside, cgo: plan.cgo });
    putInPlace(beside, target);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
  removeUnused();
  say(`built ${group} in ${((performance.now() - began) / 1_000).toFixed(1)} s: ${target}`);
  return target;
}

/** By rename, so that a folder of this name is a whole one. Another process may have been faster: then its folder stays. */
function putInPlace(beside: string, target: string): void {
  try {
    renameSync(beside, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
  }
}

const UNUSED_MS = 30 * 86_400_000;

/** Binaries that nobody has used for a month, and what a build that was killed has left. */
function removeUnused(): void {
  const names = [...BINARY_GROUPS, '.building'].join('|');
  const own = new RegExp(`^(?:${names})-`, 'u');
  for (const name of readdirSync(labCache()).filter((it) => own.test(it))) {
    const folder = path.join(labCache(), name);
    if (Date.now() - statSync(folder).mtimeMs > UNUSED_MS) rmSync(folder, { recursive: true, force: true });
  }
}

async function build(step: BuildStep, where: { source: string; out: string; cgo: string }): Promise<void> {
  const args = step.args.map((arg) => arg.replace(/^OUT\//u, `${where.out}/`));
  const sources = step.sourcesOf === undefined ? [] : await moduleSources(step.sourcesOf, where.source);
  await run(step.program, [...args, ...sources], {
    cwd: where.source,
    timeoutMs: BUILD_MS,
    environment: { CGO_ENABLED: where.cgo, GOTOOLCHAIN: 'local', GOFLAGS: '-buildvcs=false' },
  });
}

async function moduleSources(
  of: { module: string; pattern: string },
  cwd: string,
): Promise<readonly string[]> {
  const folder = (
    await run('go', ['list', '-m', '-f', '{{.Dir}}', of.module], { cwd, timeoutMs: 60_000 })
  ).trim();
  return globSync(path.join(folder, of.pattern)).sort();
}

async function inputHash(source: string, plan: GroupPlan): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(plan.steps));
  if (plan.steps.some((step) => step.program === 'go')) hash.update(await goVersion());
  for (const file of globSync('*.{go,mod,sum,c}', { cwd: source }).sort())
    hash.update(`\0${file}\0`).update(readFileSync(path.join(source, file)));
  return hash.digest('hex').slice(0, 16);
}
