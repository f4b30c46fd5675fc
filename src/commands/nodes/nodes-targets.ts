// Nodes targets: which nodes a command is about: named on the command line, in a file, or all that the API server has.
import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import type { Labels } from '../../domain/label-selector.ts';
import type { Problem } from '../../domain/problem.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';
import { parseSshTarget, printSshTarget } from '../../ssh/ssh-target.ts';
import type { NodeTarget, TargetFlags } from './node-target.ts';

type Targets = Result<readonly NodeTarget[], readonly Problem[]>;

interface Written {
  readonly text: string;
  /** Where it stands. */
  readonly path: string;
}

/** More are no list of nodes. */
const MAX_FILE = 1 << 20;

/** One host a line; from `#` to the end is a comment, and so is what follows the first word. */
function readLines(content: string, file: string): readonly Written[] {
  return content.split(/\r?\n/).flatMap((line, index) => {
    const [text = ''] = line.replace(/#.*$/, '').trim().split(/\s+/, 1);
    return text === '' ? [] : [{ text, path: `${file} line ${index + 1}` }];
  });
}

async function readHostsFile(file: string): Promise<Result<readonly Written[], Problem>> {
  const at = { path: '--hosts-file', code: 'InvalidFlag' };
  try {
    const content = file === '-' ? await readAll(process.stdin) : await readFile(file, 'utf8');
    if (content.length > MAX_FILE)
      return err({ ...at, message: 'the file is too large for a list of hosts', fix: 'Name another file' });
    return ok(readLines(content, file === '-' ? 'standard input' : file));
  } catch (error) {
    const { code = 'unreadable' } = error as NodeJS.ErrnoException;
    const message = `${file} cannot be read (${code})`;
    return err({ ...at, message, fix: 'Name a file with one host a line' });
  }
}

function parseLabels(labels: readonly string[]): Result<Labels | undefined, readonly Problem[]> {
  const pairs = labels.map((label) => /^([A-Za-z0-9][A-Za-z0-9._/-]*)=([A-Za-z0-9._-]*)$/.exec(label));
  const problems = labels.flatMap((label, index): readonly Problem[] =>
    pairs[index] === null
      ? [
          {
            path: '--label',
            code: 'InvalidFlag',
            message: `${JSON.stringify(label)} is no label`,
            fix: 'Write key=value',
          },
        ]
      : [],
  );
  if (problems.length > 0) return err(problems);
  if (labels.length === 0) return ok(undefined);
  return ok(Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', pair?.[2] ?? ''])));
}

function parseWritten(written: readonly Written[], labels: Labels | undefined): Targets {
  const problems: Problem[] = [];
  const targets = new Map<string, NodeTarget>();
  for (const { text, path } of written) {
    const parsed = parseSshTarget(text, path);
    if (!parsed.ok) {
      problems.push(...parsed.error);
      continue;
    }
    const name = printSshTarget(parsed.value);
    if (targets.has(name)) {
      const fix = 'Name each host once';
      problems.push({ path, code: 'DuplicateHost', message: `${name} is named twice`, fix });
    }
    targets.set(name, { name, target: parsed.value, labels, managed: undefined });
  }
  return problems.length > 0 ? err(problems) : ok([...targets.values()]);
}

/** Exactly one way of naming the nodes. */
function findChoice(flags: TargetFlags): readonly Problem[] {
  const given = [flags.hosts !== undefined, flags.hostsFile !== undefined, flags.fromCluster === true];
  const count = given.filter(Boolean).length;
  if (count === 1) return [];
  const message = count === 0 ? 'no nodes are named' : 'the nodes are named in more than one way';
  const fix = 'Give one of --hosts worker-1,worker-2, --hosts-file FILE, --from-cluster';
  return [{ path: '--hosts', code: 'InvalidFlag', message, fix }];
}

async function readFromFile(file: string, labels: Labels | undefined): Promise<Targets> {
  const written = await readHostsFile(file);
  if (!written.ok) return err([written.error]);
  if (written.value.length > 0) return parseWritten(written.value, labels);
  const message = 'no host is named in it';
  return err([{ path: '--hosts-file', code: 'InvalidFlag', message, fix: 'Write one host a line' }]);
}

/** Hosts as somebody has typed them for this flag, and lists of them. */
export function readHosts(lists: readonly string[], flag: string, labels?: Labels): Targets {
  const words = lists.flatMap((list) => list.split(','));
  return parseWritten(
    words.map((text) => ({ text: text.trim(), path: flag })),
    labels,
  );
}

/** The nodes, in the order in which they are named; of a cluster by name. All problems at once. */
export async function readTargets(flags: TargetFlags): Promise<Targets> {
  const labels = parseLabels(flags.label ?? []);
  const problems = [...findChoice(flags), ...(labels.ok ? [] : labels.error)];
  if (problems.length > 0 || !labels.ok) return err(problems);
  if (flags.fromCluster === true) {
    // Who names hosts pays for no Kubernetes client.
    const { readClusterTargets } = await import('./nodes-cluster.ts');
    return readClusterTargets(flags);
  }
  if (flags.hostsFile !== undefined) return readFromFile(flags.hostsFile, labels.value);
  return readHosts(flags.hosts ?? [], '--hosts', labels.value);
}
