// The demo's image: a real multi-platform image whose every digest is right, and builds that differ.
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { buildImage, MEDIA_TYPE } from '../../src/demo/image.ts';
import { sha256 } from '../support/demo-registry.ts';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
}
interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

function parse(bytes: Buffer | undefined): unknown {
  return JSON.parse(bytes!.toString());
}

function parseManifest(bytes: Buffer | undefined): Manifest {
  return parse(bytes) as Manifest;
}

describe('buildImage', () => {
  const image = buildImage({ text: 'build 1' });
  const { manifests: platforms } = parse(image.index.bytes) as { manifests: readonly Descriptor[] };

  it('addresses every content by the SHA-256 of its bytes', () => {
    const contents = [...image.manifests, ...image.blobs];
    expect(contents).toHaveLength(3 + 4);
    for (const [digest, content] of contents) {
      expect(content.digest).toBe(digest);
      expect(sha256(content.bytes)).toBe(digest);
    }
  });

  it('has an index of linux/amd64 and linux/arm64', () => {
    expect(image.manifests.get(image.index.digest)).toBe(image.index);
    expect(platforms.map(({ platform }) => platform)).toEqual([
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ]);
  });

  it.each(platforms)(
    'describes $platform.architecture down to its layer with right sizes and types',
    (entry) => {
      const manifestContent = image.manifests.get(entry.digest);
      const manifest = parseManifest(manifestContent?.bytes);
      const [layer] = manifest.layers;
      const found = [
        { entry, content: manifestContent, mediaType: MEDIA_TYPE.manifest },
        {
          entry: manifest.config,
          content: image.blobs.get(manifest.config.digest),
          mediaType: MEDIA_TYPE.config,
        },
        { entry: layer!, content: image.blobs.get(layer!.digest), mediaType: MEDIA_TYPE.layer },
      ];
      for (const { entry: described, content, mediaType } of found) {
        expect(described.mediaType).toBe(mediaType);
        expect(content?.mediaType).toBe(mediaType);
        expect(described.size).toBe(content?.bytes.length);
      }
    },
  );

  it.each(platforms)('has a config of $platform.architecture that names platform and layer', (entry) => {
    const manifest = parseManifest(image.manifests.get(entry.digest)?.bytes);
    expect(parse(image.blobs.get(manifest.config.digest)?.bytes)).toMatchObject({
      ...entry.platform,
      rootfs: { type: 'layers', diff_ids: manifest.layers.map((layer) => layer.digest) },
    });
  });

  it('has layers that tar can read', () => {
    const { layers } = parseManifest(image.manifests.get(platforms[0]!.digest)?.bytes);
    const input = image.blobs.get(layers[0]!.digest)!.bytes;
    expect(execFileSync('tar', ['-tf', '-'], { input }).toString()).toBe('build.txt\n');
    expect(execFileSync('tar', ['-xOf', '-'], { input }).toString()).toBe('build 1\namd64\n');
  });

  it('builds the same bytes on every run and machine', () => {
    expect(buildImage({ text: 'build 1' })).toEqual(image);
    expect(image.index.digest).toMatchInlineSnapshot(
      `"sha256:437dc4df9ccc7d73731aaa29b74d1a56813e9840e19d1be822f078145ab2afba"`,
    );
  });

  it('shares no content between two builds', () => {
    const other = buildImage({ text: 'build 2' });
    const digests = [...other.manifests.keys(), ...other.blobs.keys()];
    expect(digests.filter((digest) => image.manifests.has(digest) || image.blobs.has(digest))).toEqual([]);
  });
});
