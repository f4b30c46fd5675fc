// Oracle harms: what the runtimes' own code does with files that we never write: the reasons for what is left out.
import type { RuntimeName } from '../../../src/nodes/data/wanted.ts';
import type { OracleQuestion } from './questions.ts';

export interface Harm {
  readonly name: string;
  readonly runtime: RuntimeName;
  /** A part of each answer: the harm. */
  readonly answer: string;
  readonly question: OracleQuestion;
  /** Only in versions that begin so. */
  readonly versions?: string;
}

function dropIn(prefix: string, mirror: string): Readonly<Record<string, string>> {
  const content = `[[registry]]\nprefix = "${prefix}"\nlocation = "${mirror}"\n[[registry.mirror]]\nlocation = "${prefix}"\n`;
  return { 'etc/containers/registries.conf.d/90.conf': content };
}

function hostsToml(content: string): Readonly<Record<string, string>> {
  return { 'etc/containerd/certs.d/fra.ocir.io/hosts.toml': content };
}

export const HARMS: readonly Harm[] = [
  {
    name: 'Docker Hub without a path as a mirror fails the pull of what is one component below the prefix',
    runtime: 'crio',
    answer: 'error: rewriting reference',
    question: { files: dropIn('fra.ocir.io', 'docker.io'), images: ['fra.ocir.io/app'] },
  },
  {
    name: 'an IPv6 mirror fails every pull of the prefix',
    runtime: 'crio',
    answer: 'error: rewriting reference',
    question: { files: dropIn('fra.ocir.io', '[::1]:5000'), images: ['fra.ocir.io/app'] },
  },
  {
    name: 'a prefix without a port fails pulls from another port of that host, when the mirror has a path',
    runtime: 'crio',
    answer: 'error: rewriting reference',
    question: { files: dropIn('a.example', 'm.example/p'), images: ['a.example:5000/app'] },
  },
  {
    name: 'an IPv6 source makes the whole file pass unread',
    runtime: 'containerd',
    versions: '1.',
    answer: 'https://fra.ocir.io/v2/app',
    question: {
      files: hostsToml(
        'server = "https://ams.ocir.io"\n[host."https://lhr.ocir.io"]\n[host."https://[::1]:5000"]\n',
      ),
      images: ['fra.ocir.io/app'],
    },
  },
  {
    name: 'a certificate file that is missing fails every pull from the host',
    runtime: 'containerd',
    answer: 'error: unable to read CA cert',
    question: {
      files: hostsToml('server = "https://ams.ocir.io"\nca = "missing.pem"\n[host."https://fra.ocir.io"]\n'),
      images: ['fra.ocir.io/app'],
    },
  },
  {
    name: 'a certificate file without a certificate fails every pull from the host',
    runtime: 'containerd',
    answer: 'error: unable to load CA cert',
    question: {
      files: {
        ...hostsToml('server = "https://ams.ocir.io"\nca = "empty.pem"\n[host."https://fra.ocir.io"]\n'),
        'etc/containerd/certs.d/fra.ocir.io/empty.pem':
          '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n',
      },
      images: ['fra.ocir.io/app'],
    },
  },
  {
    name: 'a foreign folder in the other spelling of the port hides ours',
    runtime: 'containerd',
    answer: 'https://b.example/v2/app',
    question: {
      files: {
        'etc/containerd/certs.d/a.example_5000_/hosts.toml':
          'server = "https://b.example"\n[host."https://b.example"]\n',
        'etc/containerd/certs.d/a.example:5000/hosts.toml':
          'server = "https://c.example"\n[host."https://c.example"]\n',
      },
      images: ['a.example:5000/app'],
    },
  },
];

/** The harms that a program is asked about. */
export function harmsOf({
  runtime,
  version,
}: {
  readonly runtime: RuntimeName;
  readonly version: string;
}): readonly Harm[] {
  return HARMS.filter((harm) => harm.runtime === runtime && version.startsWith(harm.versions ?? ''));
}
