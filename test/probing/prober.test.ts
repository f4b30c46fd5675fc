// The prober: what is asked, what is remembered and for how long, and what becomes evidence. Time is an argument.
import { describe, expect, it } from 'vitest';
import { Credential } from '../../src/domain/credential.ts';
import type { Endpoint } from '../../src/domain/endpoint.ts';
import { Keyring } from '../../src/domain/keyring.ts';
import type { Finding } from '../../src/domain/outcome.ts';
import { indexMirrorSets, planImage } from '../../src/domain/plan.ts';
import { questionFor } from '../../src/domain/question.ts';
import type { Question } from '../../src/domain/question.ts';
import { HealthBook } from '../../src/probing/health-book.ts';
import type { ManifestQuestion } from '../../src/domain/manifest-question.ts';
import { Prober } from '../../src/probing/prober.ts';
import { makeSet } from '../support/make.ts';

const SET = makeSet('fra.ocir.io', ['ams.ocir.io']);
const DIGEST = `sha256:${'a'.repeat(64)}`;
const AVAILABLE: Finding = { outcome: 'available', digest: DIGEST, evidence: 'answered' };

interface Scene {
  readonly prober: Prober;
  readonly health: HealthBook;
  readonly asked: ManifestQuestion[];
  readonly confirmed: Endpoint[];
  readonly rechecked: ManifestQuestion[];
  /** What the registry answers next; a function may hang. */
  answer: (question: ManifestQuestion) => Finding | Promise<Finding>;
  now: number;
}

function makeScene(probeTimeoutMs = 1000): Scene {
  const scene = {
    asked: [] as ManifestQuestion[],
    confirmed: [] as Endpoint[],
    rechecked: [] as ManifestQuestion[],
    answer: (): Finding => AVAILABLE,
    now: 0,
  } as unknown as Scene & { prober: Prober; health: HealthBook };
  const health = new HealthBook(
    () => scene.now,
    () => {},
  );
  const prober = new Prober({
    client: {
      head: async (question) => {
        scene.asked.push(question);
        return await scene.answer(question);
      },
    },
    health,
    settings: { probeTimeoutMs, settleMs: 5000 },
    now: () => scene.now,
    meter: { recalled: () => {}, probed: () => {} },
    suspicion: {
      confirm: (endpoint) => void scene.confirmed.push(endpoint),
      recheck: (question) => void scene.rechecked.push(question),
      served: () => {},
    },
  });
  return Object.assign(scene, { prober, health });
}

function makeQuestion(users: readonly string[] = [], image = 'fra.ocir.io/team/app:1.0'): Question {
  const keyring = new Keyring(
    users.map((username) => ({
      name: `secret-${username}`,
      entries: [{ key: 'fra.ocir.io', credential: new Credential({ username, password: 'x' }) }],
    })),
  );
  const candidate = planImage(image, indexMirrorSets([SET])).candidates[0]!;
  return questionFor(candidate, keyring, (credential) => credential?.username ?? '');
}

const hang = (): Promise<Finding> => new Promise(() => {});
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('Prober', () => {
  it('knows nothing at first, and what it was told for 30 seconds', async () => {
    const scene = makeScene();
    const question = makeQuestion();
    expect(scene.prober.recall(question)).toBeUndefined();
    expect(await scene.prober.ask(question)).toMatchObject({
      outcome: 'available',
      fromMemory: false,
      digest: DIGEST,
    });
    scene.now = 29_999;
    expect(scene.prober.recall(question)).toMatchObject({
      outcome: 'available',
      fromMemory: true,
      digest: DIGEST,
    });
    expect(scene.asked).toHaveLength(1);
  });

  it('serves a stale fact while one refresh runs, to five minutes', async () => {
    const scene = makeScene();
    const question = makeQuestion();
    await scene.prober.ask(question);
    scene.answer = hang;
    scene.now = 31_000;
    expect(scene.prober.recall(question)?.outcome).toBe('available');
    expect(scene.prober.recall(question)?.outcome).toBe('available');
    expect(scene.asked).toHaveLength(2);
    scene.now = 300_001;
    expect(scene.prober.recall(question)).toBeUndefined();
  });

  it('keeps a stale fact when the refresh came to nothing because of us', async () => {
    const scene = makeScene();
    const question = makeQuestion();
    await scene.prober.ask(question);
    scene.answer = () => ({ outcome: 'slow', evidence: 'none', isVoid: true });
    scene.now = 31_000;
    expect(scene.prober.recall(question)?.outcome).toBe('available');
    await settled();
    expect(scene.prober.recall(question)?.outcome).toBe('available');
  });

  it('forgets a stale fact as soon as the refresh comes to something else', async () => {
    const scene = makeScene();
    const question = makeQuestion();
    await scene.prober.ask(question);
    scene.answer = () => ({ outcome: 'failing', evidence: 'manifest-failed' });
    scene.now = 31_000;
    scene.prober.recall(question);
    await settled();
    expect(scene.prober.recall(question)).toBeUndefined();
  });

  it.each(['missing', 'denied'] as const)('remembers %s for five seconds', async (outcome) => {
    const scene = makeScene();
    scene.answer = () => ({ outcome, evidence: 'answered' });
    const question = makeQuestion();
    await scene.prober.ask(question);
    scene.now = 5_000;
    expect(scene.prober.recall(question)?.outcome).toBe(outcome);
    scene.now = 5_001;
    expect(scene.prober.recall(question)).toBeUndefined();
  });

  it('asks one question once, however many pods wait for it', async () => {
    const scene = makeScene();
    await Promise.all(Array.from({ length: 20 }, () => scene.prober.ask(makeQuestion())));
    expect(scene.asked).toHaveLength(1);
  });

  it('keeps the answers to different credentials apart', async () => {
    const scene = makeScene();
    scene.answer = (question) =>
      question.fingerprint === 'alice' ? AVAILABLE : { outcome: 'denied', evidence: 'answered' };
    expect((await scene.prober.ask(makeQuestion(['alice']))).outcome).toBe('available');
    expect(scene.prober.recall(makeQuestion(['bob']))).toBeUndefined();
    expect((await scene.prober.ask(makeQuestion(['bob']))).outcome).toBe('denied');
    expect(scene.prober.recall(makeQuestion([]))).toBeUndefined();
  });

  it('tries the credentials in order until one is served, and says whose it was', async () => {
    const scene = makeScene();
    scene.answer = (question) =>
      question.fingerprint === 'bob' ? AVAILABLE : { outcome: 'denied', evidence: 'answered' };
    const answer = await scene.prober.ask(makeQuestion(['alice', 'bob', 'carol']));
    expect(answer).toMatchObject({ outcome: 'available', secret: 'secret-bob' });
    expect(scene.asked.map((question) => question.fingerprint)).toEqual(['alice', 'bob']);
  });

  it('does not try the next credential at an endpoint that cannot be reached', async () => {
    const scene = makeScene();
    scene.answer = () => ({ outcome: 'unreachable', detail: 'refused', evidence: 'connection-failed' });
    await scene.prober.ask(makeQuestion(['alice', 'bob']));
    expect(scene.asked).toHaveLength(1);
    expect(scene.confirmed).toHaveLength(1);
  });

  it('answers from the failure itself until the ping has confirmed or refuted it', async () => {
    const scene = makeScene();
    scene.answer = () => ({ outcome: 'unreachable', detail: 'refused', evidence: 'connection-failed' });
    const question = makeQuestion();
    await scene.prober.ask(question);
    expect(scene.prober.recall(question)).toMatchObject({
      outcome: 'unreachable',
      fromMemory: true,
      detail: 'refused',
    });
    scene.health.observe(question.endpoint, { kind: 'ping-ok' });
    expect(scene.prober.recall(question)).toBeUndefined();
  });

  it('never asks an endpoint that is down', async () => {
    const scene = makeScene();
    const question = makeQuestion();
    await scene.prober.ask(question);
    scene.health.observe(question.endpoint, { kind: 'connection-failed', detail: 'refused' });
    scene.health.observe(question.endpoint, { kind: 'ping-failed', detail: 'refused', cause: 'unreachable' });
    expect(scene.prober.recall(question)).toMatchObject({
      outcome: 'unreachable',
      endpointWide: true,
      fromMemory: true,
    });
  });

  it('voids what it knew of images when the endpoint has been down in between', async () => {
    const scene = makeScene();
    const question = makeQuestion();
    await scene.prober.ask(question);
    for (const kind of ['connection-failed', 'ping-failed'] as const) {
      scene.health.observe(question.endpoint, { kind, detail: 'x', cause: 'unreachable' });
    }
    scene.health.observe(question.endpoint, { kind: 'ping-ok' });
    expect(scene.prober.recall(question)).toBeUndefined();
  });

  it('remembers a rate limit per endpoint and credential, and never asks before its end', async () => {
    const scene = makeScene();
    scene.answer = () => ({ outcome: 'throttled', retryAfterMs: 60_000, evidence: 'answered' });
    await scene.prober.ask(makeQuestion(['alice']));
    expect(scene.prober.recall(makeQuestion(['alice'], 'fra.ocir.io/team/other:2'))?.outcome).toBe(
      'throttled',
    );
    expect(scene.prober.recall(makeQuestion(['bob']))).toBeUndefined();
    scene.now = 60_001;
    expect(scene.prober.recall(makeQuestion(['alice']))).toBeUndefined();
  });

  it('answers slow at the time-out, records one silence, and settles the question in the background', async () => {
    const scene = makeScene(30);
    let finish: (finding: Finding) => void = () => {};
    scene.answer = () => new Promise((resolve) => (finish = resolve));
    const question = makeQuestion();
    const clock = setInterval(() => (scene.now += 10), 10);
    const answers = await Promise.all([scene.prober.ask(question), scene.prober.ask(question)]);
    clearInterval(clock);
    expect(answers.map((answer) => answer.outcome)).toEqual(['slow', 'slow']);
    expect(scene.health.get(question.endpoint).silences).toBe(1);
    expect(scene.prober.recall(question)).toMatchObject({ outcome: 'slow', fromMemory: true });
    finish(AVAILABLE);
    await settled();
    expect(scene.prober.recall(question)?.outcome).toBe('available');
  });

  it('voids an answer whose own timer ran late', async () => {
    const scene = makeScene(20);
    scene.answer = hang;
    const question = makeQuestion();
    const pending = scene.prober.ask(question);
    scene.now = 20 + 30 + 51;
    expect(await pending).toMatchObject({ outcome: 'slow', detail: expect.stringContaining('late') });
    expect(scene.health.get(question.endpoint).silences).toBe(0);
  });

  it('wants a ping after the second silence in a row', async () => {
    const scene = makeScene(10);
    scene.answer = hang;
    const clock = setInterval(() => (scene.now += 5), 5);
    await scene.prober.ask(makeQuestion([], 'fra.ocir.io/a:1'));
    expect(scene.confirmed).toHaveLength(0);
    await scene.prober.ask(makeQuestion([], 'fra.ocir.io/b:1'));
    clearInterval(clock);
    expect(scene.confirmed).toHaveLength(1);
  });

  it('keeps a question that was answered with 5xx for the background to ask again', async () => {
    const scene = makeScene();
    scene.answer = () => ({ outcome: 'failing', detail: '500', evidence: 'manifest-failed' });
    await scene.prober.ask(makeQuestion());
    expect(scene.rechecked).toHaveLength(1);
    expect(scene.health.get(makeQuestion().endpoint).status).toBe('unknown');
    await scene.prober.ask(makeQuestion([], 'fra.ocir.io/team/other:1'));
    scene.health.observe(makeQuestion().endpoint, { kind: 'repositories-failed' });
    expect(scene.health.get(makeQuestion().endpoint)).toMatchObject({ status: 'down', cause: 'failing' });
  });

  it('remembers the digest last seen for a tag through an outage', async () => {
    const scene = makeScene();
    const question = makeQuestion();
    await scene.prober.ask(question);
    for (const kind of ['connection-failed', 'ping-failed'] as const) {
      scene.health.observe(question.endpoint, { kind, detail: 'x', cause: 'unreachable' });
    }
    expect(scene.prober.lastDigest(question)).toBe(DIGEST);
  });
});
