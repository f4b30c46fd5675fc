// Foreign files: what an operator has on a node of the park before us, and wants to find again.
import type { ParkNode } from './park.ts';

export async function giveForeignFiles(node: ParkNode): Promise<void> {
  await node.sh(`
mkdir -p /etc/containers/registries.conf.d
echo 'unqualified-search-registries = ["docker.io"]' > /etc/containers/registries.conf
printf '[[registry]]\\nprefix = "other.example"\\nlocation = "other.example"\\n' > /etc/containers/registries.conf.d/10-own.conf
chmod 640 /etc/containers/registries.conf.d/10-own.conf; chown 7:8 /etc/containers/registries.conf.d/10-own.conf
echo '{"default":[{"type":"insecureAcceptAnything"}]}' > /etc/containers/policy.json`);
}
