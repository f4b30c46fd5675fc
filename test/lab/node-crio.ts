// node1's runtime: CRI-O with every path in the node's folder, no mirrors, and trust in the registries' CA.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CNI_PLUGINS, writeCni } from './cni.ts';
import { printFlags } from './flags.ts';
import { asNode } from './nodes.ts';
import type { LabNode } from './nodes.ts';
import { PAUSE_IMAGE } from './pause-image.ts';
import { MARK } from './proc.ts';
import type { ProgramSpec } from './processes.ts';
import { run } from './run.ts';

export interface RuntimeOptions {
  readonly node: LabNode;
  /** The lab's folder. */
  readonly lab: string;
  /** The folder of the runtime's binaries. */
  readonly binaries: string;
  /** A folder of CA certificates that this node trusts, beside the machine's. */
  readonly trustFolder: string;
}

/** As the node sees it; credentials of the node itself would be there. */
export const CRIO_AUTH_FILE = '/etc/containers/auth.json';

/** Where Debian's packages put them. */
const RUNC = '/usr/sbin/runc';
const CONMON = '/usr/bin/conmon';

const IMPORT_MS = 60_000;

/** Writes CRI-O's configuration and answers how it is started. */
export function prepareCrio(options: RuntimeOptions): ProgramSpec {
  const { node, binaries, trustFolder } = options;
  const inNode = (name: string): string => path.join(node.folder, name);
  for (const name of ['policies', 'keys', 'hooks']) mkdirSync(inNode(name), { recursive: true });
  mkdirSync(node.mirrorsFolder, { recursive: true });
  writeFileSync(inNode('policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}\n');
  writeFileSync(path.join(node.etc, 'containers/registries.conf'), '# No mirrors: what a new node has.\n');
  writeFileSync(inNode('storage.conf'), storageConfiguration(node));
  const cni = writeCni(node.folder, node.network);
  writeFileSync(inNode('crio.conf'), configuration(options, cni));
  const flags = printFlags({
    config: inNode('crio.conf'),
    'config-dir': inNode('crio.conf.d'),
  });
  return {
    name: 'crio-node1',
    command: asNode(node, [path.join(binaries, 'crio'), ...flags]),
    environment: {
      SSL_CERT_DIR: trustFolder,
      CONTAINERS_STORAGE_CONF: inNode('storage.conf'),
      // Also where a node's own credentials would be looked for; there are none.
      HOME: node.folder,
      XDG_RUNTIME_DIR: inNode('run'),
    },
  };
}

function storageConfiguration(node: LabNode): string {
  return [
    '[storage]',
    'driver = "overlay"',
    `graphroot = "${node.folder}/root"`,
    `runroot = "${node.folder}/runroot"\n`,
  ].join('\n');
}

function configuration({ node, lab, binaries }: RuntimeOptions, cni: string): string {
  const at = node.folder;
  return `[crio]
root = "${at}/root"
runroot = "${at}/runroot"
storage_driver = "overlay"
log_dir = "${at}/pod-logs"
version_file = "${at}/version"
version_file_persist = "${at}/version-persist"
clean_shutdown_file = "${at}/clean.shutdown"

[crio.api]
listen = "${node.socket}"
stream_address = "127.0.0.1"
stream_port = "0"

[crio.runtime]
default_runtime = "runc"
cgroup_manager = "cgroupfs"
conmon_cgroup = "pod"
apparmor_profile = "unconfined"
decryption_keys_path = "${at}/keys"
hooks_dir = ["${at}/hooks"]
container_exits_dir = "${at}/exits"
# Short: the paths of the sockets in it hold a container's id of 64 characters.
container_attach_socket_dir = "${at}/a"
namespaces_dir = "${at}/ns"
pinns_path = "${binaries}/pinns"
irqbalance_config_restore_file = "disable"
enable_criu_support = false
log_level = "info"

[crio.runtime.runtimes.runc]
runtime_path = "${RUNC}"
runtime_type = "oci"
runtime_root = "${at}/runc"
monitor_path = "${CONMON}"
monitor_cgroup = "pod"
# The mark, so that the monitors of containers are found when CRI-O is gone.
monitor_env = ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "${MARK}=${lab}"]

[crio.image]
pause_image = "${PAUSE_IMAGE}"
signature_policy = "${at}/policy.json"
signature_policy_dir = "${at}/policies"
# Not there in a new lab, as on a new node: the path is read at the start, the content at every pull.
global_auth_file = "${CRIO_AUTH_FILE}"

[crio.network]
network_dir = "${cni}"
plugin_dirs = ["${CNI_PLUGINS}"]

[crio.nri]
enable_nri = false
`;
}

/** Puts the pause image into CRI-O's store. Before CRI-O starts: it reads the store once. */
export async function importPauseIntoCrio(node: LabNode, archive: string): Promise<void> {
  const store = `overlay@${node.folder}/root+${node.folder}/runroot`;
  const policy = path.join(node.folder, 'policy.json');
  const [from, to] = [`oci-archive:${archive}`, `containers-storage:[${store}]${PAUSE_IMAGE}`];
  await run('skopeo', ['--policy', policy, 'copy', '--quiet', from, to], {
    timeoutMs: IMPORT_MS,
    environment: { HOME: node.folder },
  });
}
