// The pod network of one node: one bridge, addresses by host-local, no masquerading.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { LabNetwork } from './network.ts';

/** Where Debian's containernetworking-plugins puts them. */
export const CNI_PLUGINS = '/usr/lib/cni';

/** Writes the node's network configuration and answers its folder. Address leases are kept in the node's folder too. */
export function writeCni(nodeFolder: string, network: LabNetwork): string {
  const folder = path.join(nodeFolder, 'cni');
  mkdirSync(folder, { recursive: true });
  const list = {
    cniVersion: '1.0.0',
    name: network.bridge,
    plugins: [
      {
        type: 'bridge',
        bridge: network.bridge,
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: path.join(nodeFolder, 'leases'),
          ranges: [[{ subnet: network.subnet, gateway: network.gateway }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  };
  writeFileSync(path.join(folder, '10-lab.conflist'), JSON.stringify(list, null, 2));
  return folder;
}
