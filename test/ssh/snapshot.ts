// Snapshot: everything in a node's configuration folders, so that two moments can be compared byte for byte.
import type { ParkNode } from './park.ts';

const FOLDERS = ['/etc/containers', '/etc/containerd'];

/** A line for each thing: mode, owner, group, kind, path, and the hash of its bytes. Sorted. */
export async function snapshot(node: ParkNode): Promise<string> {
  return node.sh(String.raw`
for folder in ${FOLDERS.join(' ')}; do
  [ -e "$folder" ] || { echo "$folder is not there"; continue; }
  find "$folder" -type f -exec sha256sum {} + | sort -k 2
  find "$folder" -printf '%m %U %G %y %p\n' | sort -k 5
done`);
}
