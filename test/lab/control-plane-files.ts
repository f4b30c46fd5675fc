// The files a control plane starts from: certificates, keys, the users' tokens, and where everything listens.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { issueCa, issueServing, validFor } from '../../src/certificates/issue.ts';

/** Someone the API server knows by a token. */
export interface ApiUser {
  readonly name: string;
  readonly groups: readonly string[];
}

/** What does not change while a control plane lives; kept in `<folder>/control-plane.json` (mode 0600: it holds the tokens). */
export interface ControlPlaneFacts {
  /** `https://address:port` */
  readonly server: string;
  readonly address: string;
  readonly port: number;
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
  readonly caPem: string;
  /** By user name. */
  readonly tokens: Readonly<Record<string, string>>;
}

export const ADMIN: ApiUser = { name: 'lab-admin', groups: ['system:masters'] };
export const CONTROLLER_MANAGER: ApiUser = {
  name: 'system:kube-controller-manager',
  groups: ['system:masters'],
};
export const SCHEDULER: ApiUser = { name: 'system:kube-scheduler', groups: [] };

const SERVICE_NAMES = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost'];
const CERTIFICATE_DAYS = 30;

export function pkiFile(folder: string, name: string): string {
  return path.join(folder, 'pki', name);
}

export function kubeconfigFile(folder: string, user: ApiUser): string {
  return path.join(folder, user === ADMIN ? 'kubeconfig' : `${user.name.replaceAll(':', '-')}.kubeconfig`);
}

export function readFacts(folder: string): ControlPlaneFacts | undefined {
  const file = path.join(folder, 'control-plane.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ControlPlaneFacts) : undefined;
}

/** Makes the CA, the API server's certificate, the ServiceAccount key, and a token for each user. */
export async function writeFacts(
  folder: string,
  at: { address: string; ports: readonly number[]; addresses: readonly string[]; users: readonly ApiUser[] },
): Promise<ControlPlaneFacts> {
  mkdirSync(path.join(folder, 'pki'), { recursive: true, mode: 0o700 });
  const validity = validFor(CERTIFICATE_DAYS, new Date());
  const ca = await issueCa({ name: 'registry-failover lab', validity });
  const serving = await issueServing(ca, { names: [...SERVICE_NAMES, ...at.addresses], validity });
  const serviceAccounts = generateKeyPairSync('rsa', {
    modulusLength: 2_048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const tokens = at.users.map((user) => ({ user, token: randomBytes(24).toString('base64url') }));
  const rows = tokens.map(
    ({ user, token }) => `${token},${user.name},${user.name},"${user.groups.join(',')}"`,
  );
  const files = {
    'ca.pem': ca.certificatePem,
    'apiserver.crt': serving.certificatePem,
    'apiserver.key': serving.keyPem,
    'service-account.key': serviceAccounts.privateKey,
    'service-account.pub': serviceAccounts.publicKey,
    'tokens.csv': `${rows.join('\n')}\n`,
  };
  for (const [name, text] of Object.entries(files))
    writeFileSync(pkiFile(folder, name), text, { mode: 0o600 });
  const [port = 0, etcdPort = 0, etcdPeerPort = 0] = at.ports;
  const facts: ControlPlaneFacts = {
    server: `https://${at.address}:${port}`,
    address: at.address,
    port,
    etcdPort,
    etcdPeerPort,
    caPem: ca.certificatePem,
    tokens: Object.fromEntries(tokens.map(({ user, token }) => [user.name, token])),
  };
  writeFileSync(path.join(folder, 'control-plane.json'), JSON.stringify(facts), { mode: 0o600 });
  return facts;
}
