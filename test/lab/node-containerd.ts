// node2's runtime: containerd with every path in the node's folder, no mirrors, and trust in the registries' CA.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CNI_PLUGINS, writeCni } from './cni.ts';
import type { RuntimeOptions } from './node-crio.ts';
import { asNode } from './nodes.ts';
import type { LabNode } from './nodes.ts';
import { PAUSE_IMAGE } from './pause-image.ts';
import type { ProgramSpec } from './processes.ts';
import { run } from './run.ts';

/** Where Debian's runc is. */
const RUNC = '/usr/sbin/runc';

/** Writes containerd's configuration and answers how it is started. The folder of its binaries must be in the PATH, for the shim. */
export function prepareContainerd({ node, binaries, trustFolder }: RuntimeOptions): ProgramSpec {
  mkdirSync(node.mirrorsFolder, { recursive: true });
  writeFileSync(
    path.join(node.etc, 'containerd/config.toml'),
    configuration(node, writeCni(node.folder, node.network)),
  );
  return {
    name: 'containerd-node2',
    command: asNode(node, [path.join(binaries, 'containerd'), '--config=/etc/containerd/config.toml']),
    environment: {
      SSL_CERT_DIR: trustFolder,
      PATH: `${binaries}:/usr/sbin:/usr/bin:/sbin:/bin`,
      HOME: node.folder,
    },
  };
}

function configuration(node: LabNode, cni: string): string {
  const at = node.folder;
  return `version = 3
root = "${at}/root"
state = "${at}/state"
imports = []
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt"]

[grpc]
address = "${node.socket}"

[ttrpc]
address = "${node.socket}.ttrpc"

[plugins.'io.containerd.image-verifier.v1.bindir']
bin_dir = "${at}/image-verifiers"

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "${PAUSE_IMAGE}"

[plugins.'io.containerd.cri.v1.images'.registry]
config_path = "/etc/containerd/certs.d"

[plugins.'io.containerd.cri.v1.runtime']
disable_apparmor = true
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["${CNI_PLUGINS}"]
conf_dir = "${cni}"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = "${RUNC}"
Root = "${at}/runc"
SystemdCgroup = false
`;
}

/** Puts the pause image into the store of a containerd that runs. */
export async function importPauseIntoContainerd(
  node: LabNode,
  binaries: string,
  archive: string,
): Promise<void> {
  const client = ['--address', node.socket, '--namespace', 'k8s.io'];
  await run(path.join(binaries, 'ctr'), [...client, 'images', 'import', '--no-unpack', archive], {
    timeoutMs: 60_000,
  });
}
