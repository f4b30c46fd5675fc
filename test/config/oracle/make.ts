// node test/config/oracle/make.ts: asks the API server's own Go code about the CRDs and the examples, and writes its verdicts.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { format } from 'prettier';
import { oracleDigest, SUBJECT_NAMES, SUBJECTS } from './verdicts.ts';

const here = import.meta.dirname;
const folder = mkdtempSync(path.join(tmpdir(), 'crd-oracle-'));
try {
  for (const file of ['main.go', 'go.mod']) cpSync(path.join(here, `${file}.txt`), path.join(folder, file));
  const env = { ...process.env, GOFLAGS: '-mod=mod' };
  execFileSync('go', ['mod', 'tidy'], { cwd: folder, env, stdio: 'ignore' });
  for (const subject of SUBJECT_NAMES) {
    const { file, crd, RIGHT, WRONG } = SUBJECTS[subject];
    const wrong = Object.fromEntries(Object.entries(WRONG).map(([name, { object }]) => [name, object]));
    const input = JSON.stringify({ crd, objects: { ...RIGHT, ...wrong } });
    const output: unknown = JSON.parse(
      execFileSync('go', ['run', '.'], { cwd: folder, env, input, encoding: 'utf8' }),
    );
    const madeWith = 'k8s.io/apiextensions-apiserver v0.35.4, by test/config/oracle/make.ts';
    const verdicts = { madeWith, digest: oracleDigest(subject), ...(output as object) };
    writeFileSync(
      path.join(here, file),
      await format(JSON.stringify(verdicts), { parser: 'json', printWidth: 110 }),
    );
  }
} finally {
  rmSync(folder, { recursive: true });
}
