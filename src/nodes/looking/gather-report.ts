// Gather report: the lines that the gather script prints, as a Found. They come from a host, so that nothing is taken on trust.
import { decodeBase64, decodeUtf8 } from '../../domain/base64.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import {
  FoundText,
  type Found,
  type FoundEntry,
  type FoundKind,
  type FoundProcess,
  type FoundProgram,
  type Unread,
} from './found.ts';

const KINDS: readonly FoundKind[] = ['file', 'directory', 'symlink', 'other'];
const UNREAD: readonly Unread[] = ['TooLarge', 'TooMuch', 'Unreadable'];

/** What is being put together; it becomes a Found when the last line has come. */
interface Draft {
  wholeHost: boolean;
  euid: number | undefined;
  clock: number | undefined;
  osRelease: string | undefined;
  containerdDump: FoundText | undefined;
  isWhole: boolean;
  isCut: boolean;
  readonly entries: FoundEntry[];
  readonly traces: string[];
  readonly processes: FoundProcess[];
  readonly programs: FoundProgram[];
  readonly errors: string[];
}

function decodeText(field: string | undefined): string | undefined {
  if (field === undefined) return undefined;
  const bytes = decodeBase64(field, 'padded');
  return bytes === undefined ? undefined : decodeUtf8(bytes);
}

/** `=raw` or `+base64`. */
function readName(field: string | undefined): string | undefined {
  if (field === undefined) return undefined;
  return field.startsWith('+') ? decodeText(field.slice(1)) : field.slice(1);
}

function readText(field: string | undefined): string | undefined {
  return field?.startsWith('=') === true ? decodeText(field.slice(1)) : undefined;
}

function readNumber(field: string | undefined, radix = 10): number | undefined {
  const pattern = radix === 8 ? /^[0-7]{1,5}$/ : /^\d{1,15}$/;
  return field !== undefined && pattern.test(field) ? Number.parseInt(field, radix) : undefined;
}

function unreadOf(field: string | undefined): Unread | undefined {
  return UNREAD.find((reason) => field === `!${reason}`);
}

/** kind mode uid gid size hash content name */
function readEntry(fields: readonly string[]): FoundEntry | undefined {
  const kind = KINDS.find((name) => name === fields[0]);
  const mode = readNumber(fields[1], 8);
  const [uid, gid, size] = [readNumber(fields[2]), readNumber(fields[3]), readNumber(fields[4])];
  const path = readName(fields[7]);
  if (kind === undefined || mode === undefined || path === undefined) return undefined;
  if (uid === undefined || gid === undefined || size === undefined) return undefined;
  const text = readText(fields[6]);
  const sha256 = fields[5];
  return {
    path,
    kind,
    mode,
    uid,
    gid,
    size,
    sha256: sha256 !== undefined && /^[0-9a-f]{64}$/.test(sha256) ? sha256 : undefined,
    content: text === undefined ? undefined : new FoundText(text),
    unread: unreadOf(fields[6]),
  };
}

/** pid start comm cmdline */
function readProcess(fields: readonly string[]): FoundProcess | undefined {
  const pid = readNumber(fields[0]);
  const [, startTime, comm] = fields;
  const cmdline = readText(fields[3]);
  if (pid === undefined || startTime === undefined || !/^\d+$/.test(startTime)) return undefined;
  if (comm === undefined || cmdline === undefined) return undefined;
  return { pid, startTime, comm, cmdline: cmdline.replace(/\0$/, '').split('\0') };
}

function push<T>(list: T[], value: T | undefined): boolean {
  if (value !== undefined) list.push(value);
  return value !== undefined;
}

/** One line a kind; false when the line is not as the script prints it. */
const READERS: Readonly<Record<string, (draft: Draft, fields: readonly string[]) => boolean>> = {
  'registry-failover': (draft, fields) => {
    draft.euid = readNumber(fields[1]);
    draft.clock = readNumber(fields[2]);
    return fields[0] === '1' && draft.euid !== undefined && draft.clock !== undefined;
  },
  entry: (draft, fields) => push(draft.entries, readEntry(fields)),
  process: (draft, fields) => push(draft.processes, readProcess(fields)),
  program: (draft, fields) => {
    const [name, version] = [fields[0], readText(fields[1])];
    return push(draft.programs, name === undefined || version === undefined ? undefined : { name, version });
  },
  trace: (draft, fields) => push(draft.traces, fields[0]),
  error: (draft, fields) => push(draft.errors, readName(fields[0])),
  cut: (draft) => (draft.isCut = true),
  host: (draft) => (draft.wholeHost = true),
  'os-release': (draft, fields) => (draft.osRelease = readText(fields[0])) !== undefined,
  'containerd-dump': (draft, fields) => {
    const text = readText(fields[0]);
    draft.containerdDump = text === undefined || text === '' ? undefined : new FoundText(text);
    return text !== undefined;
  },
  end: (draft) => (draft.isWhole = true),
};

/** A Found, or one sentence that says why what was printed is none. */
export function parseGatherReport(stdout: string): Result<Found, string> {
  const draft: Draft = {
    wholeHost: false,
    euid: undefined,
    clock: undefined,
    osRelease: undefined,
    containerdDump: undefined,
    isWhole: false,
    isCut: false,
    entries: [],
    traces: [],
    processes: [],
    programs: [],
    errors: [],
  };
  for (const [index, line] of stdout.split('\n').entries()) {
    const [kind = '', ...fields] = line.split(' ');
    const read = Object.hasOwn(READERS, kind) ? READERS[kind] : undefined;
    // What a login shell prints before us is not ours to judge; a damaged line of ours is.
    if (read?.(draft, fields) === false) return err(`line ${index + 1} of what the node printed is damaged`);
  }
  return finish(draft);
}

function finish(draft: Draft): Result<Found, string> {
  const { euid, clock, isWhole, entries, ...rest } = draft;
  if (euid === undefined || clock === undefined || !isWhole) {
    return err('the node did not print all that was asked: the script was cut short');
  }
  const sorted = entries.toSorted((one, other) => (one.path < other.path ? -1 : 1));
  return ok({ ...rest, euid, clock, entries: new Map(sorted.map((entry) => [entry.path, entry])) });
}
