// Arguments: the agent's command line as settings, or everything that is wrong with it.
import { parseArgs } from 'node:util';
import { LOG_LEVELS, type LogLevel } from '../domain/log-level.ts';
import { NODE_PATH } from '../domain/node-path.ts';
import type { Problem } from '../domain/problem.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { OWNER } from '../nodes/marker.ts';
import { DEFAULT_LAYOUT, type NodeLayout } from '../nodes/node-file.ts';
import { FlagReader } from './flag-reader.ts';

export interface Address {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface AgentSettings {
  /** This node's name, which is its NodeMirrorState's. */
  readonly node: string;
  /** Of the installation: where NodeMirrorStates are. */
  readonly namespace: string;
  /** Whose files are ours: data of another owner is refused. */
  readonly owner: string;
  readonly api: Address;
  /** Holds `token` and `ca.crt`. */
  readonly serviceAccountFolder: string;
  /** Host patterns that data may name; empty: all. */
  readonly allowedEndpoints: readonly string[];
  readonly layout: NodeLayout;
  /** A docker config JSON with the credentials of NodeAuth; it need not exist. */
  readonly nodeAuth: string | undefined;
  readonly ops: Address;
  readonly logLevel: LogLevel;
}

const OPTIONS = {
  node: { type: 'string' },
  namespace: { type: 'string' },
  owner: { type: 'string' },
  'api-host': { type: 'string' },
  'api-port': { type: 'string' },
  'service-account-folder': { type: 'string' },
  'allowed-endpoint': { type: 'string', multiple: true },
  'containers-folder': { type: 'string' },
  'containerd-folder': { type: 'string' },
  'auth-file': { type: 'string' },
  'node-auth': { type: 'string' },
  'ops-listen': { type: 'string' },
  'log-level': { type: 'string' },
} as const;

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** On loopback: with hostNetwork anything else is the node's own network. */
const OPS_LISTEN = '127.0.0.1:9442';

/** RFC 1123: as the API server checks names of nodes, and of namespaces without the dots. */
const SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^(?=.{1,63}$)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const PATTERN = /^[A-Za-z0-9.*:[\]-]{1,300}$/;

function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port <= 65_535 ? port : undefined;
}

function readApi(reader: FlagReader): Address {
  const host = reader.required('api-host', /^[A-Za-z0-9.:[\]-]{1,255}$/, '10.96.0.1');
  const port = parsePort(reader.text('api-port') ?? '443');
  if (port === undefined || port === 0) {
    reader.refuse('api-port', 'it is not a port', 'Write it like 443');
  }
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: port ?? 443 };
}

function readOps(reader: FlagReader): Address {
  const text = reader.text('ops-listen') ?? OPS_LISTEN;
  // The last colon is before the port: a node's address out of a field of its pod is IPv6 without brackets.
  const [, bracketed, host = bracketed, digits = ''] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.:-]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = parsePort(digits);
  if (host !== undefined && port !== undefined) return { host, port };
  reader.refuse('ops-listen', `${JSON.stringify(text)} is not host:port`, `Write it like ${OPS_LISTEN}`);
  return { host: '', port: 0 };
}

function readLogLevel(reader: FlagReader): LogLevel {
  const text = reader.text('log-level') ?? 'info';
  const level = LOG_LEVELS.find((one) => one === text);
  if (level === undefined) {
    reader.refuse(
      'log-level',
      `${JSON.stringify(text)} is no level`,
      `Write one of ${LOG_LEVELS.join(', ')}`,
    );
  }
  return level ?? 'info';
}

function readAllowed(reader: FlagReader): readonly string[] {
  const patterns = reader.list('allowed-endpoint');
  for (const pattern of patterns.filter((one) => !PATTERN.test(one))) {
    reader.refuse(
      'allowed-endpoint',
      `${JSON.stringify(pattern)} is no host pattern`,
      'Write host[:port], with * for characters within a label',
    );
  }
  return patterns;
}

function readSettings(reader: FlagReader): AgentSettings {
  return {
    node: reader.required('node', SUBDOMAIN, 'worker-1'),
    namespace: reader.required('namespace', LABEL, 'registry-failover'),
    owner: reader.required('owner', OWNER, 'registry-failover/registry-failover'),
    api: readApi(reader),
    serviceAccountFolder:
      reader.optional('service-account-folder', NODE_PATH, SERVICE_ACCOUNT) ?? SERVICE_ACCOUNT,
    allowedEndpoints: readAllowed(reader),
    layout: {
      containersFolder:
        reader.optional('containers-folder', NODE_PATH, DEFAULT_LAYOUT.containersFolder) ??
        DEFAULT_LAYOUT.containersFolder,
      containerdFolder:
        reader.optional('containerd-folder', NODE_PATH, DEFAULT_LAYOUT.containerdFolder) ??
        DEFAULT_LAYOUT.containerdFolder,
      authFile: reader.optional('auth-file', NODE_PATH, '/etc/containers/auth.json'),
    },
    nodeAuth: reader.optional('node-auth', NODE_PATH, '/var/run/node-auth/.dockerconfigjson'),
    ops: readOps(reader),
    logLevel: readLogLevel(reader),
  };
}

/** What is on the line that no flag takes: unknown flags, a flag without its value, words that stand alone. */
function refuseStrangers(reader: FlagReader, argv: readonly string[]): void {
  const { tokens } = parseArgs({
    args: [...argv],
    options: OPTIONS,
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  for (const token of tokens) {
    if (token.kind === 'positional') {
      reader.problems.push({
        path: '',
        code: 'InvalidFlag',
        message: `${JSON.stringify(token.value)} stands alone`,
        fix: 'Remove it, or write the flag that it belongs to before it',
      });
    } else if (token.kind === 'option' && !Object.hasOwn(OPTIONS, token.name)) {
      reader.refuse(token.name, 'there is no such flag', 'Remove it, or correct its name');
    } else if (token.kind === 'option' && token.value === undefined) {
      reader.refuse(token.name, 'it has no value', `Write it like --${token.name}=…`);
    }
  }
}

/** Reads the arguments after the program's name. */
export function parseAgentArguments(argv: readonly string[]): Result<AgentSettings, readonly Problem[]> {
  const { values } = parseArgs({
    args: [...argv],
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
  });
  const reader = new FlagReader(values);
  refuseStrangers(reader, argv);
  const settings = readSettings(reader);
  return reader.problems.length === 0 ? ok(settings) : err(reader.problems);
}
