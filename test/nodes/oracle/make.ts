// node test/nodes/oracle/make.ts: asks the runtimes' own Go code where it would go with our files, and writes down its answers.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { format } from 'prettier';
import { ORACLES, oracleDigest, questionsOf } from './questions.ts';
import type { OracleProgram } from './questions.ts';

const here = import.meta.dirname;
const folder = mkdtempSync(path.join(tmpdir(), 'node-oracle-'));

function ask(program: OracleProgram): Record<string, unknown> {
  const place = path.join(folder, `${program.runtime}-${program.version}`);
  mkdirSync(place);
  const source = readFileSync(path.join(here, program.source), 'utf8').replaceAll(
    /CONTAINERD|IMAGE/g,
    program.root,
  );
  writeFileSync(path.join(place, 'main.go'), source);
  const module = `module oracle\n\ngo 1.25.0\n\nrequire ${program.module} ${program.moduleVersion}\n`;
  writeFileSync(path.join(place, 'go.mod'), module);
  const options = { cwd: place, env: { ...process.env, GOFLAGS: '-mod=mod' } };
  execFileSync('go', ['mod', 'tidy'], { ...options, stdio: 'ignore' });
  const questions = questionsOf(program);
  const input = JSON.stringify(questions.map(({ question }) => question));
  const output = execFileSync('go', ['run', '-tags', 'containers_image_openpgp', '.'], {
    ...options,
    input,
    encoding: 'utf8',
  });
  const answers = JSON.parse(output) as readonly unknown[];
  return Object.fromEntries(questions.map(({ name }, index) => [name, answers[index]]));
}

try {
  const answers = ORACLES.map((program) => [`${program.runtime} ${program.version}`, ask(program)] as const);
  const verdicts = { digest: oracleDigest(), answers: Object.fromEntries(answers) };
  const text = await format(JSON.stringify(verdicts), { parser: 'json', printWidth: 110 });
  writeFileSync(path.join(here, 'answers.json'), text);
} finally {
  rmSync(folder, { recursive: true });
}
