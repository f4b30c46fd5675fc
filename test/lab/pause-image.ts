// The image of the pod sandbox: one static program, as an OCI archive that both runtimes can import.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { writeTar } from './registries/tar.ts';

/** Its name on the nodes. No registry answers to it: were it ever missing, no sandbox would start and say so. */
export const PAUSE_IMAGE = 'pause.lab.invalid/pause:1';

interface Blob {
  readonly digest: string;
  readonly bytes: Buffer;
}

function blob(content: Buffer | object): Blob {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  return { digest: createHash('sha256').update(bytes).digest('hex'), bytes };
}

function descriptor(mediaType: string, { digest, bytes }: Blob): object {
  return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
}

/** Writes the archive for the built `pause` program and answers its path. */
export function writePauseArchive(folder: string, program: string): string {
  const layer = blob(writeTar([{ kind: 'file', path: 'pause', mode: 0o755, bytes: readFileSync(program) }]));
  const config = blob({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Entrypoint: ['/pause'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer.digest}`] },
  });
  const manifest = blob({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
  });
  const annotations = {
    'org.opencontainers.image.ref.name': PAUSE_IMAGE,
    'io.containerd.image.name': PAUSE_IMAGE,
  };
  const index = {
    schemaVersion: 2,
    manifests: [{ ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest), annotations }],
  };
  const file = (name: string, bytes: Buffer) => ({ kind: 'file', path: name, mode: 0o644, bytes }) as const;
  const archive = path.join(folder, 'pause.tar');
  writeFileSync(
    archive,
    writeTar([
      file('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')),
      file('index.json', Buffer.from(JSON.stringify(index))),
      ...[layer, config, manifest].map(({ digest, bytes }) => file(`blobs/sha256/${digest}`, bytes)),
    ]),
  );
  return archive;
}
