// The distribution API of one registry, as far as the lab pushes, tags, deletes and looks: every call bounded in time.
import { Agent, request } from 'undici';
import type { Content, LabImage } from './images.ts';
import type { Account } from './records.ts';

export interface DistributionOptions {
  readonly host: string;
  /** Dialled instead of the name, so that the lab's own work does not hang on names. */
  readonly address: string;
  readonly caPem: string;
  readonly account?: Account;
}

interface Question {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly accept?: string;
  readonly content?: Content | { readonly mediaType: string; readonly bytes: Buffer };
}

interface Answer {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly bytes: Buffer;
}

const DIAL_MS = 3_000;
const ANSWER_MS = 15_000;

const MANIFESTS = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

/** Throws with method, path, status and the registry's own words whenever it does not do what it was asked. */
export class Distribution {
  readonly #options: DistributionOptions;
  readonly #agent: Agent;

  constructor(options: DistributionOptions) {
    this.#options = options;
    this.#agent = new Agent({
      connect: { ca: options.caPem, servername: options.host, timeout: DIAL_MS },
      headersTimeout: ANSWER_MS,
      bodyTimeout: ANSWER_MS,
      // A connection a question: registries are stopped, started and cut off between two of them. Over HTTP/2 one connection
      // is shared all the same, and a dozen uploads at once on it came to stand still.
      pipelining: 0,
      allowH2: false,
    });
  }

  /** Whether it lets our account in. */
  async ping(): Promise<void> {
    await this.#expect({ method: 'GET', path: '/v2/' }, [200]);
  }

  /** The digest that a tag or digest stands for; undefined when it holds no such manifest. */
  async digestOf(repository: string, reference: string): Promise<string | undefined> {
    const path = `/v2/${repository}/manifests/${reference}`;
    const answer = await this.#expect({ method: 'HEAD', path, accept: MANIFESTS }, [200, 404]);
    return answer.status === 404 ? undefined : answer.header('docker-content-digest');
  }

  /** Pushes what is not there yet and answers the manifest's digest. */
  async push(repository: string, tag: string, image: LabImage): Promise<string> {
    for (const blob of image.blobs) await this.#pushBlob(repository, blob);
    await this.#putManifest(repository, tag, image.manifest);
    return image.manifest.digest;
  }

  /** Lets a second tag stand for what the first one does. */
  async retag(repository: string, from: string, to: string): Promise<void> {
    const path = `/v2/${repository}/manifests/${from}`;
    const answer = await this.#expect({ method: 'GET', path, accept: MANIFESTS }, [200]);
    const mediaType = answer.header('content-type') ?? '';
    await this.#putManifest(repository, to, { mediaType, bytes: answer.bytes });
  }

  /** Deletes the manifest that a tag or digest stands for, and with it every tag of it. Answers its digest. */
  async deleteManifest(repository: string, reference: string): Promise<string> {
    const digest = await this.digestOf(repository, reference);
    if (digest === undefined) throw new Error(`${this.#options.host}/${repository} has no ${reference}`);
    // By digest: docker-registry refuses to delete a tag, and drops those of a digest. The witness keeps its tags: by name, then.
    await this.#expect({ method: 'DELETE', path: `/v2/${repository}/manifests/${digest}` }, [202]);
    for (const tag of await this.#tagsOf(repository)) {
      if ((await this.digestOf(repository, tag)) === digest)
        await this.#expect({ method: 'DELETE', path: `/v2/${repository}/manifests/${tag}` }, [202]);
    }
    return digest;
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #tagsOf(repository: string): Promise<readonly string[]> {
    const answer = await this.#expect({ method: 'GET', path: `/v2/${repository}/tags/list` }, [200, 404]);
    if (answer.status === 404) return [];
    // A repository without tags says null.
    return (JSON.parse(answer.bytes.toString('utf8')) as { tags: readonly string[] | null }).tags ?? [];
  }

  async #pushBlob(repository: string, blob: Content): Promise<void> {
    const path = `/v2/${repository}/blobs/${blob.digest}`;
    if ((await this.#expect({ method: 'HEAD', path }, [200, 404])).status === 200) return;
    const begun = await this.#expect({ method: 'POST', path: `/v2/${repository}/blobs/uploads/` }, [202]);
    const url = new URL(begun.header('location') ?? '', `https://${this.#options.host}`);
    url.searchParams.set('digest', blob.digest);
    const content = { mediaType: 'application/octet-stream', bytes: blob.bytes };
    await this.#expect({ method: 'PUT', path: `${url.pathname}${url.search}`, content }, [201]);
  }

  async #putManifest(
    repository: string,
    reference: string,
    content: { readonly mediaType: string; readonly bytes: Buffer },
  ): Promise<void> {
    await this.#expect({ method: 'PUT', path: `/v2/${repository}/manifests/${reference}`, content }, [201]);
  }

  async #expect(question: Question, statuses: readonly number[]): Promise<Answer> {
    const answer = await this.#ask(question);
    if (statuses.includes(answer.status)) return answer;
    const { method, path } = question;
    throw new Error(
      `${method} https://${this.#options.host}${path}: ${answer.status} ${answer.bytes.toString('utf8').slice(0, 300)}`,
    );
  }

  async #ask({ method, path, accept, content }: Question): Promise<Answer> {
    const { host, address, account } = this.#options;
    const basic = account && Buffer.from(`${account.user}:${account.password}`).toString('base64');
    const { statusCode, headers, body } = await request(`https://${address}${path}`, {
      dispatcher: this.#agent,
      method,
      headers: {
        host,
        ...(basic === undefined ? {} : { authorization: `Basic ${basic}` }),
        ...(accept === undefined ? {} : { accept }),
        ...(content === undefined ? {} : { 'content-type': content.mediaType }),
      },
      ...(content === undefined ? {} : { body: content.bytes }),
    });
    const bytes = Buffer.from(await body.arrayBuffer());
    const header = (name: string): string | undefined => [headers[name]].flat()[0];
    return { status: statusCode, header, bytes };
  }
}
