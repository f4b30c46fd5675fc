// Alike pods: an admission that remembers what it wrote says the same of every pod as one that has never seen any.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExplainedVerdict } from '../../src/admission/admit.ts';
import type { AdmissionRequest } from '../../src/admission/review.ts';
import type { Answer } from '../../src/domain/answer.ts';
import type { Question } from '../../src/domain/question.ts';
import { TableProber, applied, makeAdmission, makeRequest } from '../support/admission.ts';
import { makeAnswer, makeMirror, makeSecret, makeSet } from '../support/make.ts';

const SETS = [
  makeSet('fra.example', ['ams.example', 'lhr.example/copies']),
  makeSet('hub.example', ['ams.example/hub'], { mode: 'Observe' }),
  makeSet('pub.example', [
    makeMirror('pubcopy.example', {
      source: 'Secret',
      secret: makeSecret('pull', { 'pubcopy.example': 'p' }),
    }),
  ]),
];

/** As memory does: the same object for the same question, until somebody declares another answer. */
class StableProber extends TableProber {
  readonly #told = new Map<string, Answer>();

  override recall(question: Question): Answer {
    const key = `${question.id} ${question.credentials[0]?.secret ?? ''}`;
    const known = this.#told.get(key) ?? {
      ...makeAnswer(question.endpoint.host === 'fra.example' ? 'unreachable' : 'available'),
      fromMemory: true,
    };
    this.#told.set(key, known);
    return known;
  }
}

interface Bench {
  judge(request: AdmissionRequest): ExplainedVerdict;
}

function bench(): Bench {
  const prober = new StableProber();
  const auth = btoa(JSON.stringify({ auths: { 'fra.example': { username: 'u', password: 'p' } } }));
  const made = makeAdmission(SETS, {
    prober,
    secrets: ['own', 'other'].map((name) => ({
      namespace: 'shop',
      name,
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': auth },
    })),
  });
  return {
    judge: (request) => {
      const verdict = made.admission.admit(request, 3000);
      if (verdict instanceof Promise) throw new Error('not from memory');
      expect(made.errors).toEqual([]);
      return verdict;
    },
  };
}

// Few of each: pods have to be alike in all but one thing, again and again. '' is no image, and moves the others on.
const images = fc.constantFrom('fra.example/a:1', 'hub.example/c:1', 'pub.example/d', '');
const pods = fc.record({
  containers: fc.array(fc.record({ name: fc.constantFrom('app', 'side'), image: images }), { maxLength: 2 }),
  secrets: fc.constantFrom(undefined, ['own'], ['other'], 'no list'),
  annotations: fc.constantFrom(undefined, { team: 'x' }, { large: 'x'.repeat(256 * 1024 - 300) }, 'no map'),
});

interface PodShape {
  readonly containers: readonly { readonly name: string; readonly image: string }[];
  readonly secrets: readonly string[] | string | undefined;
  readonly annotations: Readonly<Record<string, string>> | string | undefined;
}

function requestOf(pod: PodShape): AdmissionRequest {
  const { containers, secrets, annotations } = pod;
  const imagePullSecrets = typeof secrets === 'object' ? secrets.map((name) => ({ name })) : secrets;
  return makeRequest({
    metadata: { name: 'a', ...(annotations === undefined ? {} : { annotations }) },
    spec: { containers, ...(secrets === undefined ? {} : { imagePullSecrets }) },
  });
}

describe('an admission that has seen many pods', () => {
  it('writes what one writes that sees its first', () => {
    fc.assert(
      fc.property(fc.array(pods, { minLength: 4, maxLength: 16 }), (sequence) => {
        const seasoned = bench();
        for (const pod of [...sequence, ...sequence]) {
          const first = requestOf(pod);
          const written = seasoned.judge(first);
          // As the API server asks again after another webhook has changed something.
          const again = { ...first, object: applied(first.object, written) };
          const passes = [
            [written, bench().judge(first)],
            [seasoned.judge(again), bench().judge(again)],
          ] as const;
          for (const [{ patch, warnings, added }, fresh] of passes) {
            expect({ patch, warnings, added }).toEqual({
              patch: fresh.patch,
              warnings: fresh.warnings,
              added: fresh.added,
            });
          }
        }
      }),
    );
  });

  const app = { name: 'app', image: 'fra.example/a:1' };
  const none = { name: 'none', image: '' };
  const side = { name: 'side', image: 'fra.example/b:1' };
  const pod = { containers: [app, side], secrets: ['own'], annotations: {} };

  it('gives pods that are alike the very same patch', () => {
    const seasoned = bench();
    seasoned.judge(requestOf(pod));
    const second = seasoned.judge(requestOf(pod)).patch;
    expect(second).not.toEqual([]);
    expect(seasoned.judge(requestOf({ ...pod, annotations: { other: 'x' } })).patch).toBe(second);
  });

  it.each([
    ['another place of the same container', { ...pod, containers: [none, app, side] }],
    ['another second image', { ...pod, containers: [app, { ...side, image: 'fra.example/c:1' }] }],
    ['another name of the second container', { ...pod, containers: [app, { ...side, name: 'other' }] }],
    ['one container less', { ...pod, containers: [app] }],
    ['other pull secrets', { ...pod, secrets: ['other'] }],
  ])('works it out anew for %s', (_name, other) => {
    const seasoned = bench();
    for (const image of [side, { ...side, image: 'fra.example/c:1' }, app])
      seasoned.judge(requestOf({ ...pod, containers: [image] }));
    for (const seen of [pod, pod]) seasoned.judge(requestOf(seen));
    expect(seasoned.judge(requestOf(other)).patch).toEqual(bench().judge(requestOf(other)).patch);
  });
});
