// The serving certificate: read with a clear error, swapped when the files change, kept when they turn bad.
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CertificateWatch, readCertificate } from '../../src/http/certificate.ts';
import { parseCertificate } from '../../src/http/certificate-pair.ts';
import type { Certificate } from '../../src/http/certificate-pair.ts';
import { testCa } from '../support/tls.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'certificate-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function writePair(directory: string): Promise<{ certPath: string; keyPath: string }> {
  const pair = await (await testCa()).issue({ names: ['localhost'] });
  const files = { certPath: join(directory, 'tls.crt'), keyPath: join(directory, 'tls.key') };
  await writeFile(files.certPath, pair.certPem);
  await writeFile(files.keyPath, pair.keyPem);
  return files;
}

describe('readCertificate', () => {
  it('reads a pair and when it expires', async () => {
    expect((await readCertificate(await writePair(folder))).expires.getTime()).toBeGreaterThan(Date.now());
  });

  it('refuses a key that belongs to another certificate, naming the files', async () => {
    const files = await writePair(folder);
    const other = await mkdtemp(join(tmpdir(), 'certificate-'));
    const { keyPath } = await writePair(other);
    await expect(readCertificate({ ...files, keyPath })).rejects.toThrow(
      /^--tls-cert, --tls-key: .*tls\.crt and .*tls\.key are no usable certificate and key: the key belongs to another certificate\. Give/,
    );
    await rm(other, { recursive: true });
  });
});

describe('readCertificate, of files that are not there', () => {
  it.each(['cert', 'key'])('names the flag and the file of the %s, and what to do', async (which) => {
    const files = await writePair(folder);
    const path = join(folder, 'other.pem');
    await expect(readCertificate({ ...files, [`${which}Path`]: path })).rejects.toThrow(
      `--tls-${which}: there is no file ${path}. Give one, or make one: npm run certs`,
    );
  });

  it('says why one cannot be read', async () => {
    const files = await writePair(folder);
    await expect(readCertificate({ ...files, certPath: folder })).rejects.toThrow(
      `--tls-cert: ${folder} cannot be read (EISDIR).`,
    );
  });
});

describe('CertificateWatch', () => {
  it('tells of a new pair, also when a whole directory is swapped behind a symlink as the kubelet does', async () => {
    const first = join(folder, '..first');
    const second = join(folder, '..second');
    for (const directory of [first, second]) await (await import('node:fs/promises')).mkdir(directory);
    await writePair(first);
    await writePair(second);
    await symlink('..first', join(folder, '..data'));
    await symlink('..data/tls.crt', join(folder, 'tls.crt'));
    await symlink('..data/tls.key', join(folder, 'tls.key'));
    const files = { certPath: join(folder, 'tls.crt'), keyPath: join(folder, 'tls.key') };
    const changes: Certificate[] = [];
    const watch = new CertificateWatch(files, await readCertificate(files), {
      onChange: (changed) => void changes.push(changed),
      onProblem: () => {},
    });
    await symlink('..second', join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    await expect.poll(() => changes.length).toBe(1);
    watch.close();
  });

  it('keeps quiet about good files and says once that bad ones are unusable', async () => {
    const files = await writePair(folder);
    const problems: string[] = [];
    const watch = new CertificateWatch(files, await readCertificate(files), {
      onChange: () => problems.push('changed'),
      onProblem: (message) => problems.push(message),
    });
    await watch.check();
    expect(problems).toEqual([]);
    await writeFile(files.certPath, 'half');
    await watch.check();
    await watch.check();
    expect(problems).toHaveLength(1);
    watch.close();
  });
});

describe('parseCertificate', () => {
  it.each(['cert', 'key'] as const)('refuses an empty %s, which Node would take for none', async (which) => {
    const { certPem, keyPem } = await (await testCa()).issue({ names: ['localhost'] });
    const pair = { cert: certPem, key: keyPem, [which]: '\n' };
    expect(parseCertificate(pair.cert, pair.key)).toMatchObject({ ok: false });
  });
});
