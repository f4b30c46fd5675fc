// The images that the lab's pods run: a static busybox and a file that says which build it is, in one layer of unique bytes.
// Not shared with the demo's (src/demo/image.ts) for the reasons that tar.ts gives.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { writeTar } from './tar.ts';

const MEDIA_TYPE = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const;

const BUSYBOX = '/bin/busybox';
/** Without wget: that of Debian's static busybox ends by a segmentation fault. */
const APPLETS =
  'cat cp date echo env false hostname id kill ls mkdir mount nc nslookup printenv ps pwd rm sh sleep tail test touch true'.split(
    ' ',
  );

/** Runs until it is told to stop. Process 1 has no default for SIGTERM: without the trap a pod takes its whole grace time. */
const WAITS = ['/bin/sh', '-c', "trap 'exit 0' TERM INT; sleep 2147483647 & wait"];
/** Says which build it is, and ends well. */
const ENDS = ['/bin/cat', '/content'];

/** Bytes that are addressed by their digest (`sha256:` and 64 hex digits). */
export interface Content {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface LabImage {
  readonly manifest: Content;
  /** Config and layer. */
  readonly blobs: readonly Content[];
}

export interface LabImageRequest {
  /** What the file `/content` holds. Another text is another image with no blob in common. */
  readonly content: string;
  /** What its container does when the pod names no command: wait for SIGTERM (the default), or print the content and end. */
  readonly ends?: boolean;
}

/** The images that a new lab's registries hold, beside tags `v2` of the tests' own. */
export const TEAM_IMAGES = [
  { repository: 'team/app', tag: 'v1', ends: false },
  { repository: 'team/side', tag: 'v1', ends: false },
  { repository: 'team/init', tag: 'v1', ends: true },
  { repository: 'team/job', tag: 'v1', ends: true },
] as const;

function addressed(mediaType: string, bytes: Buffer): Content {
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, mediaType, bytes };
}

function addressedJson(mediaType: string, value: object): Content {
  return addressed(mediaType, Buffer.from(JSON.stringify(value), 'utf8'));
}

function describeContent(content: Content): object {
  return { mediaType: content.mediaType, digest: content.digest, size: content.bytes.length };
}

/** The bytes of the static busybox. Throws naming the Debian package when it is missing or needs a loader. */
export function readBusybox(): Buffer {
  if (!existsSync(BUSYBOX))
    throw new Error(`${BUSYBOX} is missing: install the Debian package busybox-static`);
  const bytes = readFileSync(BUSYBOX);
  if (bytes.includes('/ld-linux'))
    throw new Error(
      `${BUSYBOX} is not static and would not run in an empty image: install the Debian package busybox-static`,
    );
  return bytes;
}

/** Builds an image. The same content and busybox give the same digests, whichever registry they go to. */
export function buildLabImage(busybox: Buffer, { content, ends = false }: LabImageRequest): LabImage {
  const layer = addressed(
    MEDIA_TYPE.layer,
    writeTar([
      { kind: 'file', path: 'content', mode: 0o644, bytes: Buffer.from(`${content}\n`, 'utf8') },
      ...['bin', 'etc', 'tmp'].map((path) => ({ kind: 'folder', path: `${path}/` }) as const),
      { kind: 'file', path: 'bin/busybox', mode: 0o755, bytes: busybox },
      ...APPLETS.map((name) => ({ kind: 'link', path: `bin/${name}`, target: 'busybox' }) as const),
    ]),
  );
  const config = addressedJson(MEDIA_TYPE.config, {
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Entrypoint: ends ? ENDS : WAITS, Env: ['PATH=/bin'], WorkingDir: '/' },
    // The layer is not compressed, so its digest and its diff ID are the same thing.
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  });
  const manifest = addressedJson(MEDIA_TYPE.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: describeContent(config),
    layers: [describeContent(layer)],
  });
  return { manifest, blobs: [config, layer] };
}
