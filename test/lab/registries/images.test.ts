import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { buildLabImage } from './images.ts';

const busybox = Buffer.from('stands for busybox');

describe('buildLabImage', () => {
  it('shares no blob between two contents, so that a node never has one already', () => {
    const [first, second] = ['one', 'two'].map((content) => buildLabImage(busybox, { content }));
    const digests = [first, second].flatMap((image) =>
      [image!.manifest, ...image!.blobs].map(({ digest }) => digest),
    );
    expect(new Set(digests).size).toBe(6);
  });

  it('gives the same digest for the same content', () => {
    const digest = (): string => buildLabImage(busybox, { content: 'one', ends: true }).manifest.digest;
    expect(digest()).toBe(digest());
  });

  it('makes a layer that tar reads, with programs that can be run', () => {
    const layer = buildLabImage(busybox, { content: 'one' }).blobs[1]!.bytes;
    const listed = execFileSync('tar', ['-tvf', '-'], { input: layer, encoding: 'utf8' });
    expect(listed).toMatch(/^-rwxr-xr-x 0\/0 +18 \S+ \S+ bin\/busybox$/mu);
    expect(listed).toMatch(/^lrwxrwxrwx 0\/0 +0 \S+ \S+ bin\/sh -> busybox$/mu);
    expect(execFileSync('tar', ['-xOf', '-', 'content'], { input: layer, encoding: 'utf8' })).toBe('one\n');
  });
});
