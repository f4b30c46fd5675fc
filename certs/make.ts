// npm run certs: makes a development CA and a serving certificate for the webhook, and prints the caBundle to use.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { issueCa, issueServing, validFor } from '../src/certificates/issue.ts';

const usage = `npm run certs -- [--out DIR] [--namespace NS] [--dns NAME]... [--days N]

  --out DIR         folder for ca.crt, tls.crt and tls.key (default: certs)
  --namespace NS    namespace of the webhook's Service
                    (default: registry-failover)
  --dns NAME        a further DNS name or IP address to serve, may be repeated
  --days N          days of validity, 1 to 825 (default: 90)
  -h, --help        this text
`;

interface Wanted {
  readonly out: string;
  readonly names: readonly string[];
  readonly days: number;
}

/** Command line → what to make, `help`, or a sentence that says what is wrong with it. */
function read(args: readonly string[]): Wanted | string {
  const { values } = parseArgs({
    args: [...args],
    options: {
      out: { type: 'string', default: import.meta.dirname },
      namespace: { type: 'string', default: 'registry-failover' },
      dns: { type: 'string', multiple: true, default: [] },
      days: { type: 'string', default: '90' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  const days = Number(values.days);
  // 825 days is the most that some clients take from a private CA.
  if (!Number.isInteger(days) || days < 1 || days > 825) return '--days must be a whole number from 1 to 825';
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(values.namespace)) {
    return '--namespace must be the name of a namespace';
  }
  const odd = values.dns.find((name) => name === '' || /[\s/]/.test(name));
  if (odd !== undefined) return `--dns must be a name or an address, not "${odd}"`;
  const service = `registry-failover-webhook.${values.namespace}.svc`;
  const names = ['localhost', '127.0.0.1', '::1', service, `${service}.cluster.local`, ...values.dns];
  return { out: values.out, names: [...new Set(names)], days };
}

/** From the working directory where that is shorter: lines have to fit a terminal, and be copied. */
function shortPath(file: string): string {
  const relative = path.relative('', file);
  return relative.length < file.length ? relative : file;
}

/** Quoted for a shell where it has to be. */
function shellWord(text: string): string {
  return /^[\w./+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** In place by rename, so that a webhook that watches these files never reads half of one. */
function write(file: string, text: string, mode: number): void {
  const beside = `${file}.${process.pid}.tmp`;
  writeFileSync(beside, text, { mode, flag: 'wx' });
  renameSync(beside, file);
  console.log(shortPath(file));
}

async function make(wanted: Wanted): Promise<void> {
  const validity = validFor(wanted.days, new Date());
  // The CA's key is not kept: nobody else can ever sign under this CA, and renewing means making both anew.
  const ca = await issueCa({ name: 'registry-failover development CA', validity });
  const serving = await issueServing(ca, { names: wanted.names, validity });
  mkdirSync(wanted.out, { recursive: true });
  const bundle = path.join(wanted.out, 'ca.crt');
  write(bundle, ca.certificatePem, 0o644);
  write(path.join(wanted.out, 'tls.key'), serving.keyPem, 0o600);
  write(path.join(wanted.out, 'tls.crt'), serving.certificatePem, 0o644);
  console.log(`\nvalid until ${validity.notAfter.toISOString().slice(0, 10)} for`);
  for (const name of wanted.names) console.log(`  ${name}`);
  console.log(`\nfor helm:\n  --set tls.caBundle="$(base64 -w0 <${shellWord(shortPath(bundle))})"`);
}

/** parseArgs throws on an unknown option; its message is what to print. */
function readOrSay(args: readonly string[]): ReturnType<typeof read> {
  try {
    return read(args);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const wanted = readOrSay(process.argv.slice(2));
if (wanted === 'help') {
  process.stdout.write(usage);
} else if (typeof wanted === 'string') {
  process.stderr.write(`${wanted}\n\n${usage}`);
  process.exitCode = 2;
} else {
  await make(wanted);
}
