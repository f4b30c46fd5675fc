// Wrk: one run of the load generator against a server, with its figures and a sample of the answers.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { DISTINCT } from './reviews.ts';

const run = promisify(execFile);

export const CONNECTIONS = 16;
/** The API server would give up here. */
const TIMEOUT_S = 3;

export interface LoadOptions {
  /** Folder for the script, the bodies and the sample; one per load. */
  readonly folder: string;
  readonly port: number;
  readonly host: string;
  readonly bodies: readonly string[];
  /** With `DISTINCT` in a body: the first number to put there. */
  readonly firstNumber?: number;
  readonly seconds: number;
  /** Put before the command: `taskset -c 1`. */
  readonly prefix: readonly string[];
  /** One answer in so many is kept; 0 for none, and then wrk does not look at answers at all. */
  readonly sampleEvery: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Answers other than 200, without `"allowed":true`, and requests without an answer in three seconds. */
  readonly refused: number;
  readonly denied: number;
  readonly timeouts: number;
  /** Broken connections. */
  readonly broken: number;
  /** Distinct numbers used up. */
  readonly used: number;
  readonly sample: readonly string[];
}

/** `request` must cost little: wrk has one core, and the server is what is measured. */
function script(options: LoadOptions): string {
  const list = options.bodies.map((_, index) => JSON.stringify(bodyFile(options, index))).join(', ');
  return `
local files = { ${list} }
local mark = ${JSON.stringify(DISTINCT)}
local sampleEvery = ${options.sampleEvery}
local threads = {}
function setup(thread) table.insert(threads, thread) end

function init(args)
  requests, number, turn, answers, denied = {}, ${options.firstNumber ?? 0}, 0, 0, 0
  for _, file in ipairs(files) do
    local handle = io.open(file, "rb")
    local body = handle:read("*a")
    handle:close()
    local headers = { ["Content-Type"] = "application/json", ["User-Agent"] = "kube-apiserver-admission" }
    local whole = wrk.format("POST", "/mutate?timeout=3s", headers, body)
    local pieces, from = {}, 1
    while true do
      local at = string.find(whole, mark, from, true)
      if not at then break end
      table.insert(pieces, string.sub(whole, from, at - 1))
      from = at + #mark
    end
    table.insert(pieces, string.sub(whole, from))
    table.insert(requests, #pieces == 1 and whole or pieces)
  end
  sample = io.open(${JSON.stringify(sampleFile(options))}, "wb")
end

function request()
  turn = turn + 1
  local one = requests[turn % #requests + 1]
  if type(one) == "string" then return one end
  number = number + 1
  return table.concat(one, string.format("%05d", number))
end

${options.sampleEvery === 0 ? '' : RESPONSE}
function done(summary, latency, all)
  local thread = threads[1]
  io.write(string.format(
    '{"requests":%d,"us":%d,"p50":%d,"p99":%d,"max":%d,"status":%d,"timeout":%d,"broken":%d,"denied":%d,"used":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    summary.errors.status, summary.errors.timeout,
    summary.errors.connect + summary.errors.read + summary.errors.write,
    thread:get("denied"), thread:get("number")))
end
`;
}

const RESPONSE = `
function response(status, headers, body)
  if not string.find(body, '"allowed":true', 1, true) then denied = denied + 1 end
  answers = answers + 1
  if answers % sampleEvery == 0 then sample:write(body, "\\n") sample:flush() end
end
`;

function bodyFile({ folder }: LoadOptions, index: number): string {
  return path.join(folder, `body-${index}.json`);
}

function sampleFile({ folder }: LoadOptions): string {
  return path.join(folder, 'sample.jsonl');
}

interface Figures {
  readonly requests: number;
  readonly us: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly status: number;
  readonly timeout: number;
  readonly broken: number;
  readonly denied: number;
  readonly used: number;
}

/** Runs wrk once. Throws when it cannot be run or its script is wrong. */
export async function runWrk(options: LoadOptions): Promise<LoadResult> {
  options.bodies.forEach((body, index) => writeFileSync(bodyFile(options, index), body));
  const file = path.join(options.folder, 'load.lua');
  writeFileSync(file, script(options));
  const flags = ['-t', '1', '-c', String(CONNECTIONS), '-d', `${options.seconds}s`];
  const words = [...options.prefix, 'wrk', ...flags, '--timeout', `${TIMEOUT_S}s`, '-s', file];
  const [program = '', ...rest] = words;
  const { stdout, stderr } = await run(program, [...rest, `https://${options.host}:${options.port}/`], {
    timeout: (options.seconds + 30) * 1_000,
  });
  const line = stdout.split('\n').find((one) => one.startsWith('{'));
  if (line === undefined) throw new Error(`wrk said nothing of use: ${stdout}${stderr}`);
  const figures = JSON.parse(line) as Figures;
  return {
    requests: figures.requests,
    rps: figures.requests / (figures.us / 1e6),
    p50Ms: figures.p50 / 1_000,
    p99Ms: figures.p99 / 1_000,
    maxMs: figures.max / 1_000,
    refused: figures.status,
    denied: figures.denied,
    timeouts: figures.timeout,
    broken: figures.broken,
    used: figures.used,
    sample: readFileSync(sampleFile(options), 'utf8')
      .split('\n')
      .filter((one) => one !== ''),
  };
}
