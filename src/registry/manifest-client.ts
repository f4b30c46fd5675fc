// Manifest client: asks registries for manifests and says what it came to. The only door of this folder for its callers.
import { LRUCache } from 'lru-cache';
import type { Endpoint, TrustAnchor } from '../domain/endpoint.ts';
import type { Finding } from '../domain/outcome.ts';
import {
  classifyFailure,
  classifyRefusal,
  classifySuccess,
  failingAt,
  finding,
  type Place,
} from './classify.ts';
import { Conversation, type ConversationTools, type Heard } from './conversation.ts';
import { digestOf, digestsDiffer, isDigest, parseDigestHeader } from './digest.ts';
import type { Remembered } from './login.ts';
import type { Description, ManifestQuestion } from '../domain/manifest-question.ts';
import {
  ACCEPT_MANIFESTS,
  isManifestBody,
  isManifestType,
  isSignedSchema1,
  parseManifest,
  printPlatform,
} from './media-types.ts';
import { headerOf, printHost } from '../transport/message.ts';
import { Tokens } from './token.ts';
import { Transport, type TransportOptions } from '../transport/transport.ts';

/** A manifest may be 4 MiB (distribution's own bound); an error's first words are enough. */
const MANIFEST_CAP = { success: 4 * 1024 * 1024, error: 8192 };
const MAX_CHALLENGES = 5000;
const HEAD_REFUSED = new Set([405, 501]);
/** A HEAD has no body: the words for these, and the error code that tells missing from denied, need a GET. */
const WORDS_WANTED = new Set([401, 403, 404]);

export class ManifestClient {
  readonly #tools: ConversationTools;

  constructor(options: TransportOptions = {}) {
    const transport = new Transport(options);
    this.#tools = {
      transport,
      tokens: new Tokens(transport),
      challenges: new LRUCache<string, Remembered>({ max: MAX_CHALLENGES }),
    };
  }

  /** Does it serve this manifest? Never rejects; settles within `budgetMs`. */
  head(question: ManifestQuestion, budgetMs: number): Promise<Finding> {
    return this.#safely(() => this.#head(question, budgetMs));
  }

  /** Does it answer at all? Any answer below 500 is a sign of life. Never rejects; settles within `budgetMs`. */
  ping(endpoint: Endpoint, budgetMs: number): Promise<Finding> {
    return this.#safely(() => this.#ping(endpoint, budgetMs));
  }

  /** The manifest's digest, media type and platforms. A GET, which Docker Hub counts as a pull: for people who ask. */
  describe(question: ManifestQuestion, budgetMs: number): Promise<Description> {
    return this.#safely(() => this.#describe(question, budgetMs));
  }

  /** Parses the CAs of declared endpoints ahead of time, so that the first question at each does not pay for it. */
  prepare(anchors: readonly TrustAnchor[]): Promise<void> {
    return this.#tools.transport.prepare(anchors);
  }

  /** Closes idle connections at once and the others when their question ends. */
  close(): Promise<void> {
    this.#tools.transport.close();
    return Promise.resolve();
  }

  /** A bug here must not stop an admission: it says nothing about the registry. */
  async #safely<T extends Finding>(ask: () => Promise<T>): Promise<T | Finding> {
    try {
      return await ask();
    } catch (error) {
      return finding(
        'slow',
        'none',
        `internal error: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  async #head(question: ManifestQuestion, budgetMs: number): Promise<Finding> {
    const conversation = new Conversation(this.#tools, question, budgetMs);
    const heard = await conversation.ask({ method: 'HEAD', ...manifestInquiry(question) });
    if (!heard.ok) return heard.error;
    const { status, headers } = heard.value.reply;
    if (HEAD_REFUSED.has(status)) return this.#get(conversation, question);
    if (status >= 300) return this.#refused(conversation, question, heard.value);
    const digest = parseDigestHeader(headerOf(headers, 'docker-content-digest'));
    // A digest asked for needs no repeating, but a page that is shown for whatever is asked is no answer to it.
    const isAnswer = isDigest(question.reference) && isManifestType(headerOf(headers, 'content-type'));
    if (digest === undefined && !isAnswer) return this.#get(conversation, question);
    return judgeDigest(question, heard.value, digest);
  }

  async #refused(
    conversation: Conversation,
    question: ManifestQuestion,
    { reply, answer }: Heard,
  ): Promise<Finding> {
    if (!WORDS_WANTED.has(reply.status)) return classifyRefusal(answer);
    if (reply.status !== 401 || !conversation.showsPassword) return this.#get(conversation, question);
    // Accounts are locked after some failed logins: a refused password is not shown again for the sake of the words.
    const words = await conversation.ask({ method: 'GET', bare: true, ...manifestInquiry(question) });
    return classifyRefusal(words.ok && words.value.reply.status === 401 ? words.value.answer : answer);
  }

  async #get(conversation: Conversation, question: ManifestQuestion): Promise<Finding> {
    const heard = await conversation.ask({ method: 'GET', ...manifestInquiry(question) });
    return heard.ok ? judgeManifest(question, heard.value) : heard.error;
  }

  async #ping(endpoint: Endpoint, budgetMs: number): Promise<Finding> {
    const place: Place = { role: 'registry', host: printHost(endpoint), heard: false };
    const now = performance.now();
    const result = await this.#tools.transport.exchange(
      { hostname: endpoint.hostname, port: endpoint.port, trust: endpoint.trust, guard: undefined },
      {
        request: {
          method: 'GET',
          path: '/v2/',
          headers: { 'user-agent': 'registry-failover' },
          cap: MANIFEST_CAP,
        },
        questionAt: now,
        deadlineAt: now + budgetMs,
        urgent: true,
      },
    );
    if (!result.ok) return classifyFailure(result.error, place);
    if (result.value.status >= 500) return failingAt(place, `answered ${result.value.status}`);
    return { outcome: 'available', evidence: 'answered' };
  }

  async #describe(question: ManifestQuestion, budgetMs: number): Promise<Description> {
    const conversation = new Conversation(this.#tools, question, budgetMs);
    const heard = await conversation.ask({ method: 'GET', ...manifestInquiry(question) });
    if (!heard.ok) return heard.error;
    const found = judgeManifest(question, heard.value);
    if (found.outcome !== 'available' && found.outcome !== 'throttled') return found;
    const { reply } = heard.value;
    const content = parseManifest(reply.body.toString('utf8'), headerOf(reply.headers, 'content-type'));
    const platforms =
      content.platforms ?? (await this.#platformOf(conversation, question, content.configDigest));
    return {
      ...found,
      ...(content.mediaType === undefined ? {} : { mediaType: content.mediaType }),
      ...(platforms === undefined ? {} : { platforms }),
    };
  }

  /** A single image names its platform in its configuration; undefined when that cannot be had. */
  async #platformOf(
    conversation: Conversation,
    question: ManifestQuestion,
    configDigest: string | undefined,
  ): Promise<readonly string[] | undefined> {
    if (configDigest === undefined || parseDigestHeader(configDigest) === undefined) return undefined;
    const heard = await conversation.ask({
      method: 'GET',
      path: `/v2/${question.repository}/blobs/${configDigest}`,
      accept: '*/*',
      cap: MANIFEST_CAP,
    });
    if (!heard.ok || heard.value.reply.status !== 200) return undefined;
    const { body } = heard.value.reply;
    if (digestOf(body, configDigest) !== configDigest) return undefined;
    try {
      const platform = printPlatform(JSON.parse(body.toString('utf8')));
      return platform === undefined ? undefined : [platform];
    } catch {
      return undefined;
    }
  }
}

function manifestInquiry({ repository, reference }: ManifestQuestion): {
  path: string;
  accept: string;
  cap: typeof MANIFEST_CAP;
} {
  return { path: `/v2/${repository}/manifests/${reference}`, accept: ACCEPT_MANIFESTS, cap: MANIFEST_CAP };
}

/** A registry that answers with other content than it was asked for, or than it says, is no source for a pod. */
function judgeDigest(question: ManifestQuestion, { answer }: Heard, digest: string | undefined): Finding {
  if (!isDigest(question.reference)) return classifySuccess(answer, digest);
  if (digest !== undefined && digestsDiffer(digest, question.reference)) {
    return failingAt(
      answer.place,
      `lies: asked for ${question.reference.slice(0, 19)}… it answers ${digest.slice(0, 19)}…`,
    );
  }
  return classifySuccess(answer, question.reference);
}

/** The answer to a GET: the bytes themselves are the proof. */
function judgeManifest(question: ManifestQuestion, heard: Heard): Finding {
  const { reply, answer } = heard;
  if (reply.status >= 300) return classifyRefusal(answer);
  if (reply.cut) return failingAt(answer.place, 'answered with a manifest of more than 4 MiB');
  const type = headerOf(reply.headers, 'content-type');
  if (!isManifestType(type) && !isManifestBody(reply.body.toString('utf8'))) {
    return failingAt(answer.place, 'answered with something that is no manifest');
  }
  const said = parseDigestHeader(headerOf(reply.headers, 'docker-content-digest'));
  if (isSignedSchema1(type)) return judgeDigest(question, heard, said);
  const asked = isDigest(question.reference) ? question.reference : undefined;
  const real = digestOf(reply.body, said ?? asked);
  if (said !== undefined && said !== real) {
    return failingAt(answer.place, `lies: it says ${said.slice(0, 19)}… and sends ${real.slice(0, 19)}…`);
  }
  return judgeDigest(question, heard, real);
}
