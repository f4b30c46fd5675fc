// A small real image for two platforms, built in memory: OCI index, manifests, configs and layers, with their digests.
import { createHash } from 'node:crypto';
import { tarOfOneFile } from './registry-layer.ts';

/** Media types of the OCI image specification 1.1. */
export const MEDIA_TYPE = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
} as const;

const PLATFORMS = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
] as const;

/** Builds are the same bytes on every run, so nothing in them may be a time of day. */
const CREATED = '1970-01-01T00:00:00Z';

/** Bytes that are addressed by their digest. */
export interface Content {
  /** `sha256:` and 64 lower-case hex digits. */
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** One build of the demo's image. */
export interface DemoImage {
  /** What a tag of this build points at. */
  readonly index: Content;
  /** The index and the manifest of each platform, by digest. */
  readonly manifests: ReadonlyMap<string, Content>;
  /** Configs and layers, by digest. */
  readonly blobs: ReadonlyMap<string, Content>;
}

type Platform = (typeof PLATFORMS)[number];
interface PlatformImage {
  readonly platform: Platform;
  readonly manifest: Content;
  readonly config: Content;
  readonly layer: Content;
}

function addressed(mediaType: string, bytes: Buffer): Content {
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, mediaType, bytes };
}

function addressedJson(mediaType: string, value: object): Content {
  return addressed(mediaType, Buffer.from(JSON.stringify(value), 'utf8'));
}

function descriptor(content: Content): object {
  return { mediaType: content.mediaType, digest: content.digest, size: content.bytes.length };
}

function buildPlatform(platform: Platform, text: string): PlatformImage {
  const layer = addressed(MEDIA_TYPE.layer, tarOfOneFile('build.txt', `${text}\n${platform.architecture}\n`));
  const config = addressedJson(MEDIA_TYPE.config, {
    created: CREATED,
    architecture: platform.architecture,
    os: platform.os,
    config: { Labels: { 'org.opencontainers.image.version': text } },
    // The layer is not compressed, so its digest and its diff ID are the same thing.
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
    history: [{ created: CREATED, created_by: 'registry-failover demo' }],
  });
  const manifest = addressedJson(MEDIA_TYPE.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    config: descriptor(config),
    layers: [descriptor(layer)],
  });
  return { platform, manifest, config, layer };
}

function byDigest(contents: readonly Content[]): ReadonlyMap<string, Content> {
  return new Map(contents.map((content) => [content.digest, content]));
}

/** Builds the image. `text` is what the build contains: another text is another build, with other digests throughout. */
export function buildImage({ text }: { readonly text: string }): DemoImage {
  const parts = PLATFORMS.map((platform) => buildPlatform(platform, text));
  const index = addressedJson(MEDIA_TYPE.index, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.index,
    manifests: parts.map(({ manifest, platform }) => ({ ...descriptor(manifest), platform })),
  });
  return {
    index,
    manifests: byDigest([index, ...parts.map((part) => part.manifest)]),
    blobs: byDigest(parts.flatMap((part) => [part.config, part.layer])),
  };
}
