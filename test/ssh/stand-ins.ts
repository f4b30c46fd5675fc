// Stand-ins: what runs on a node of the park in place of a container runtime.
import { copyFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { ensureBinaries } from '../lab/binaries.ts';
import { PAUSE_IMAGE, writePauseArchive } from '../lab/pause-image.ts';
import type { ParkNode } from './park.ts';

/** Where a stand-in for CRI-O counts its SIGHUPs, a line each. */
const HUPS = '/run/hups';

export interface CrioOptions {
  /** What it does at SIGHUP. `Dies`: as a runtime that cannot live with what it reads. */
  readonly atHangup?: 'Counts' | 'Dies';
  readonly version?: string;
  /** At SIGHUP it copies the first file to the second, which is empty where there is none. */
  readonly reads?: readonly [file: string, copy: string];
}

/** A process by the name of crio that does what the installer can see of it: it says its version, and it hears SIGHUP. */
export async function startCrio(node: ParkNode, options: CrioOptions = {}): Promise<void> {
  const { atHangup = 'Counts', version = '1.34.0', reads } = options;
  const read = reads === undefined ? ':' : `cp ${reads[0]} ${reads[1]} 2>/dev/null || : > ${reads[1]}`;
  const trap = `echo hup >> ${HUPS}; ${atHangup === 'Counts' ? read : 'exit 1'}`;
  await node.sh(`
[ ! -e /run/crio.pid ] || kill -KILL "$(cat /run/crio.pid)" 2>/dev/null || :
cat > /usr/local/bin/crio <<'END'
#!/bin/sh
[ "\${1:-}" != --version ] || { echo 'crio version ${version}'; exit 0; }
trap '${trap}' HUP
while :; do sleep 600 & wait $!; done
END
chmod 755 /usr/local/bin/crio
setsid /usr/local/bin/crio </dev/null >/dev/null 2>&1 &
echo $! > /run/crio.pid
until [ "$(cat /proc/$!/comm)" = crio ]; do sleep 0.02; done`);
}

/** How many SIGHUPs it has heard. */
export async function countHangups(node: ParkNode): Promise<number> {
  return Number(await node.sh(`[ -e ${HUPS} ] && wc -l < ${HUPS} || echo 0`));
}

/** systemctl as far as it is asked about containerd, of which it restarts the one process, as its unit says (KillMode=process). */
const SYSTEMCTL = String.raw`#!/bin/sh
echo "$*" >> /run/systemctl.log
start() { setsid containerd </dev/null >>/run/containerd.log 2>&1 & echo $! > /run/containerd.pid; }
alive() { [ -e /run/containerd.pid ] && [ -d "/proc/$(cat /run/containerd.pid)" ]; }
stop() { alive || return 0; kill "$(cat /run/containerd.pid)"; while alive; do sleep 0.05; done; }
case "$1" in
  is-active) alive;;
  restart) stop; [ ! -e /run/lose-containers ] || { rm /run/lose-containers; pkill -KILL -x pause; }; start;;
  *) echo "not played here: $*" >&2; exit 1;;
esac
`;

/** containerd's own state stays within the node, and what it cannot have in a namespace is off. */
export const CONTAINERD_CONFIG = `version = 3 # of this node
root = "/run/containerd-root"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt"]

[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = "" # nobody has set it

[plugins.'io.containerd.cri.v1.runtime']
  disable_apparmor = true
  restrict_oom_score_adj = true
`;

const CTR = 'ctr --namespace k8s.io';

/** The lab's real containerd in a node, with one container running; systemctl is a stand-in that really restarts it. */
export async function startContainerd(node: ParkNode, folder: string): Promise<void> {
  const say = (line: string): void => console.log(line);
  const [binaries, pause] = await Promise.all([
    ensureBinaries('containerd', say),
    ensureBinaries('pause', say),
  ]);
  const place = path.join(node.root, 'usr/local/bin');
  for (const name of readdirSync(binaries)) copyFileSync(path.join(binaries, name), path.join(place, name));
  copyFileSync(writePauseArchive(folder, path.join(pause, 'pause')), path.join(node.root, 'run/pause.tar'));
  await node.sh(`
cat > /usr/local/bin/systemctl <<'END'
${SYSTEMCTL}END
chmod 755 /usr/local/bin/*
mkdir -p /etc/containerd
cat > /etc/containerd/config.toml <<'END'
${CONTAINERD_CONFIG}END
chmod 640 /etc/containerd/config.toml
systemctl restart containerd
until ctr plugins ls 2>/dev/null | grep -Eq 'grpc.v1 +cri .* ok'; do sleep 0.1; done
${CTR} images import /run/pause.tar >/dev/null
${CTR} run --detach ${PAUSE_IMAGE} first`);
}

/** Ends what would outlive the node's namespaces: cgroups. */
export async function stopContainerd(node: ParkNode): Promise<void> {
  await node.sh(`
for id in $(${CTR} tasks ls -q); do ${CTR} tasks kill -s KILL "$id" || :; done
for id in $(${CTR} containers ls -q); do ${CTR} tasks rm -f "$id" >/dev/null 2>&1 || :; ${CTR} containers rm "$id" || :; done
kill "$(cat /run/containerd.pid)"
find /sys/fs/cgroup -depth -type d -name k8s.io -exec rmdir {} + 2>/dev/null || :`);
}
