// Wanted parse: a NodeMirrorState's data checked by whoever is about to act on it. All problems at once; no zod, so that the agent stays small.
import { parseCaBundle } from '../../domain/ca-bundle.ts';
import { hostMatchesPattern, parseEndpoint } from '../../domain/endpoint.ts';
import { asArray } from '../../domain/json.ts';
import { WANTED_BOUNDS } from '../../domain/node-bounds.ts';
import type { Problem } from '../../domain/problem.ts';
import { quote } from '../../domain/reference-grammar.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';
import { WANTED_FAULTS } from '../../domain/wanted-faults.ts';
import { FieldReader, ProblemList } from './field-reader.ts';
import { OWNER, PLACE, REVISION, RUNTIME_VERSION } from './wanted-forms.ts';
import { RUNTIMES, WANTED_VERSION } from './wanted.ts';
import type { NodeWanted, Runtime, WantedHost, WantedSource } from './wanted.ts';

export interface WantedOptions {
  /** Host patterns of the operator of this node; empty allows all. */
  readonly allowedEndpoints: readonly string[];
  /**
   * Can a certificate of this PEM be read? The runtimes are stricter than our own look at its bytes, and containerd pulls
   * nothing through a host one of whose CA files has no certificate that it can read. Default: all can.
   */
  readonly readsCertificates?: (pem: string) => boolean;
}

function caFault(pem: string, options: WantedOptions): string | undefined {
  if (pem === '') return undefined;
  if (pem.length > WANTED_BOUNDS.caPem) return `has more than ${WANTED_BOUNDS.caPem} characters`;
  const bundle = parseCaBundle(pem);
  if (!bundle.ok) return bundle.error;
  const { readsCertificates } = options;
  return readsCertificates === undefined || readsCertificates(bundle.value)
    ? undefined
    : 'holds something that is not a certificate';
}

function readCa(fields: FieldReader, options: WantedOptions): string | undefined {
  const value = fields.raw('caPem');
  const fault = typeof value === 'string' ? caFault(value, options) : 'is not a text';
  if (fault === undefined) return value as string;
  const fix = 'Write PEM certificates, or an empty text for none';
  fields.note('caPem', { code: 'InvalidCaBundle', message: `it ${fault}`, fix });
  return undefined;
}

function checkAllowed(fields: FieldReader, text: string | undefined, options: WantedOptions): void {
  const { allowedEndpoints } = options;
  const endpoint = text === undefined ? undefined : parseEndpoint(text);
  if (endpoint?.ok !== true || allowedEndpoints.length === 0) return;
  if (allowedEndpoints.some((pattern) => hostMatchesPattern(pattern, endpoint.value))) return;
  fields.note('endpoint', {
    code: 'EndpointNotAllowed',
    message: `${quote(endpoint.value.host)} matches none of the endpoints that this node allows: ${allowedEndpoints.join(', ')}`,
    fix: 'Add a pattern for it to allowedEndpoints of the installation, or take it out of the mirror set',
  });
}

function readSource(fields: FieldReader, options: WantedOptions): WantedSource | undefined {
  fields.only(['endpoint', 'role', 'auth', 'caPem']);
  const endpoint = fields.text('endpoint', PLACE);
  checkAllowed(fields, endpoint, options);
  const role = fields.choice('role', ['Upstream', 'Mirror']);
  const auth = fields.choice('auth', ['None', 'Node']);
  const caPem = readCa(fields, options);
  if (endpoint === undefined || role === undefined || auth === undefined || caPem === undefined)
    return undefined;
  return { endpoint, role, auth, caPem };
}

/** Notes what is wrong between the parts of one host; each part is right by itself. */
function checkSources(fields: FieldReader, { prefix, sources, order }: WantedHost): void {
  const endpoints = sources.map(({ endpoint }) => endpoint);
  const upstreams = sources.filter(({ role }) => role === 'Upstream');
  if (upstreams.length !== 1 || upstreams[0]?.endpoint !== prefix) {
    fields.note('sources', WANTED_FAULTS.upstream);
  }
  if (new Set(endpoints).size !== endpoints.length) {
    fields.note('sources', WANTED_FAULTS.source);
  }
  // Never fewer sources than there are: whoever writes the order cannot take the upstream away.
  if (order.length !== endpoints.length || endpoints.some((endpoint) => !order.includes(endpoint))) {
    fields.note('order', WANTED_FAULTS.order);
  }
}

function readHost(fields: FieldReader, problems: ProblemList, options: WantedOptions): WantedHost[] {
  fields.only(['prefix', 'sources', 'order']);
  const prefix = fields.text('prefix', PLACE);
  const bounds = { min: 2, max: WANTED_BOUNDS.sources };
  const listed = fields.list('sources', bounds);
  const sources = listed.flatMap((value, index) => {
    const path = `${fields.at('sources')}[${index}]`;
    return readSource(new FieldReader(value, path, problems), options) ?? [];
  });
  const order = fields.list('order', bounds).filter((endpoint) => typeof endpoint === 'string');
  if (prefix === undefined || listed.length === 0 || sources.length !== listed.length) return [];
  const host: WantedHost = { prefix, sources, order };
  checkSources(fields, host);
  return [host];
}

function checkPrefixes(fields: FieldReader, hosts: readonly WantedHost[]): void {
  const prefixes = hosts.map(({ prefix }) => prefix);
  for (const prefix of new Set(prefixes.filter((one, index) => prefixes.indexOf(one) !== index))) {
    fields.note('hosts', { ...WANTED_FAULTS.prefix, message: `${quote(prefix)} is the prefix of two hosts` });
  }
}

function readHosts(fields: FieldReader, problems: ProblemList, options: WantedOptions): WantedHost[] {
  const listed = fields.list('hosts', { min: 0, max: WANTED_BOUNDS.hosts });
  const hosts = listed.flatMap((value, index) => {
    const path = `${fields.at('hosts')}[${index}]`;
    return readHost(new FieldReader(value, path, problems), problems, options);
  });
  checkPrefixes(fields, hosts);
  if (fields.raw('action') === 'Restore' && asArray(fields.raw('hosts')).length > 0) {
    fields.note('hosts', WANTED_FAULTS.restore);
  }
  return hosts;
}

function readRuntime(fields: FieldReader): Runtime | undefined {
  fields.only(['name', 'version']);
  const name = fields.choice('name', RUNTIMES);
  const version = fields.text('version', RUNTIME_VERSION);
  return name === undefined || version === undefined ? undefined : { name, version };
}

function otherVersion(version: unknown): Problem {
  return {
    path: 'version',
    code: 'UnknownVersion',
    message: `this program reads version ${WANTED_VERSION} of the data, and this is ${typeof version === 'number' ? version : 'another'}`,
    fix: 'Bring the programs of one installation to one version; the node keeps what it has',
  };
}

/**
 * Parses `spec.wanted`. What comes back is safe to render: every text has a grammar without quotes, line breaks and ways
 * out of a folder, and the upstream is in every order.
 */
export function parseNodeWanted(value: unknown, options: WantedOptions): Result<NodeWanted, Problem[]> {
  const problems = new ProblemList();
  const fields = new FieldReader(value, '', problems);
  const version = fields.raw('version');
  // Of no object, and of data with other fields, nothing more can be said.
  if (problems.all().length > 0) return err([...problems.all()]);
  if (version !== WANTED_VERSION) return err([otherVersion(version)]);
  fields.only(['version', 'revision', 'owner', 'runtime', 'action', 'hosts']);
  const revision = fields.text('revision', REVISION);
  const owner = fields.text('owner', OWNER);
  const runtime = readRuntime(new FieldReader(fields.raw('runtime'), 'runtime', problems));
  const action = fields.choice('action', ['Apply', 'Restore']);
  const hosts = readHosts(fields, problems, options);
  const isWhole =
    revision !== undefined && owner !== undefined && runtime !== undefined && action !== undefined;
  if (!isWhole || problems.all().length > 0) return err([...problems.all()]);
  return ok({ version: WANTED_VERSION, revision, owner, runtime, action, hosts });
}
