// Stand-ins: what runs on a node of the park in place of a container runtime.
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
