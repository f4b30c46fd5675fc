// Secret plan: what is made, changed, kept and removed, and the laws that hold whatever a namespace looks like.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keepSecret } from '../../src/controller/secret-record.ts';
import { isDerivedName } from '../../src/domain/derived-secret.ts';
import { printEndpoint } from '../../src/domain/endpoint.ts';
import type { MirrorSet } from '../../src/domain/mirror-set.ts';
import { podCredentials } from '../../src/domain/pod-credentials.ts';
import type { SecretReading } from '../../src/domain/pod-credentials.ts';
import { isEntryUsed } from '../../src/domain/pod-use.ts';
import type { ParsedPullSecret } from '../../src/domain/pull-secret.ts';
import { err, ok } from '../../src/domain/result.ts';
import { planSecrets } from '../../src/domain/secret-plan.ts';
import type {
  FoundSecret,
  SecretPlan,
  SecretPlanInput,
  SourceSecret,
  WantedSecret,
} from '../../src/domain/secret-plan.ts';
import { printDerivedSecret } from '../../src/domain/secret-plan-object.ts';
import type { DerivedObject } from '../../src/domain/secret-plan-object.ts';
import { sha256Hex } from '../../src/nodes/sha256.ts';
import { makeMirror, makeSecret, makeSet } from '../support/make.ts';

type Pod = { readonly names: readonly string[]; readonly images: readonly string[] };

/** A namespace that plans are carried out in. */
class Namespace {
  sets: MirrorSet[] = [];
  sources: SourceSecret[] = [];
  pods: Pod[] = [];
  isOptedIn = true;
  readonly objects = new Map<string, { readonly uid: string; readonly object: DerivedObject }>();
  #uids = 0;

  source(name: string, entries: Record<string, string>): this {
    const others = this.sources.filter((source) => source.name !== name);
    this.sources = [...others, { name, uid: `uid-${name}`, content: ok(makeSecret(name, entries)) }];
    return this;
  }

  broken(name: string): this {
    const others = this.sources.filter((source) => source.name !== name);
    const problem = { path: '.data', code: 'InvalidPullSecret', message: 'broken', fix: 'mend it' };
    this.sources = [...others, { name, uid: `uid-${name}`, content: err(problem) }];
    return this;
  }

  found(): FoundSecret[] {
    return [...this.objects.values()].flatMap(({ uid, object }) => {
      const record = keepSecret({ ...object, metadata: { ...object.metadata, uid } });
      return record?.kind === 'derived' ? [record.found] : [];
    });
  }

  plan(over: Partial<SecretPlanInput> = {}): SecretPlan {
    return planSecrets({
      namespace: 'shop',
      isOptedIn: this.isOptedIn,
      sets: this.sets,
      sources: this.sources,
      found: this.found(),
      reasonToKeep: (name, entry) =>
        isEntryUsed(
          entry,
          this.pods.filter((pod) => pod.names.includes(name)),
        )
          ? 'in-use'
          : undefined,
      sha256: sha256Hex,
      ...over,
    });
  }

  carryOut(plan: SecretPlan = this.plan()): SecretPlan {
    for (const wanted of plan.apply) {
      const uid = this.objects.get(wanted.name)?.uid ?? `derived-${(this.#uids += 1)}`;
      this.objects.set(wanted.name, { uid, object: printDerivedSecret('shop', wanted) });
    }
    for (const { name, uid } of plan.remove) {
      expect(this.objects.get(name)?.uid).toBe(uid);
      this.objects.delete(name);
    }
    return plan;
  }

  put(name: string, over: Record<string, unknown>): void {
    const object = { ...printDerivedSecret('shop', { name, entries: [], origin: undefined }), ...over };
    this.objects.set(name, { uid: `foreign-${name}`, object });
  }

  /** Secret → key → user. */
  content(): Record<string, Record<string, string>> {
    const found = this.found().map(({ name, entries }) => [
      name,
      Object.fromEntries(entries.map(({ key, credential }) => [key, credential.username])),
    ]);
    return Object.fromEntries(found) as Record<string, Record<string, string>>;
  }
}

const FROM = 'registry-failover-from-regcred';
const SET = 'registry-failover-set-own';

function shared(): Namespace {
  const namespace = new Namespace();
  namespace.sets = [makeSet('fra.test', ['ams.test', 'reg.test/o'], { name: 'both' })];
  return namespace.source('regcred', { 'fra.test': 'fra' });
}

function ownSecret(secret: ParsedPullSecret | undefined): MirrorSet {
  return makeSet('fra.test', [makeMirror('dc1.test', { source: 'Secret', secret })], { name: 'own' });
}

function planned(secrets: readonly WantedSecret[]): string[] {
  return secrets.map(({ name }) => name);
}

const EMPTY = { apply: [], remove: [] };

describe('planSecrets', () => {
  it('makes one secret for each source, with the keys of all mirrors', () => {
    const namespace = shared();
    const plan = namespace.carryOut();
    expect(namespace.content()).toEqual({ [FROM]: { 'ams.test': 'fra', 'reg.test/o': 'fra' } });
    expect(plan.wanted).toEqual([{ name: FROM, sets: ['both'] }]);
    expect(namespace.plan()).toMatchObject({ ...EMPTY, wanted: [{ name: FROM, sets: ['both'] }] });
  });

  it('writes the whole object, with what it is from and why it is there', () => {
    const [wanted] = shared().plan().apply;
    expect(wanted && printDerivedSecret('shop', wanted)).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: FROM,
        namespace: 'shop',
        labels: {
          'app.kubernetes.io/managed-by': 'registry-failover',
          'registry-failover.io/derived': 'true',
        },
        annotations: {
          'registry-failover.io/source': 'regcred',
          'registry-failover.io/source-uid': 'uid-regcred',
          'registry-failover.io/about': expect.stringContaining('change regcred instead') as string,
        },
      },
      type: 'kubernetes.io/dockerconfigjson',
      data: {
        '.dockerconfigjson': btoa(
          '{"auths":{"ams.test":{"auth":"ZnJhOmZyYS1wYXNzd29yZA==","password":"fra-password","username":"fra"},' +
            '"reg.test/o":{"auth":"ZnJhOmZyYS1wYXNzd29yZA==","password":"fra-password","username":"fra"}}}',
        ),
      },
    });
  });

  it('makes one secret for each set with mirrors of its own credential', () => {
    const namespace = new Namespace();
    namespace.sets = [ownSecret(makeSecret('dc1-pull', { 'dc1.test': 'dc1', 'quay.test': 'other' }))];
    namespace.carryOut();
    expect(namespace.content()).toEqual({ [SET]: { 'dc1.test': 'dc1' } });
  });

  it.each<[string, (namespace: Namespace) => void]>([
    ['not opted in', (namespace) => (namespace.isOptedIn = false)],
    [
      'a set that only observes',
      (namespace) => (namespace.sets = namespace.sets.map((set) => ({ ...set, mode: 'Observe' }))),
    ],
    ['no set', (namespace) => (namespace.sets = [])],
    ['no source', (namespace) => (namespace.sources = [])],
    ['a source for another registry', (namespace) => namespace.source('regcred', { 'quay.test': 'q' })],
  ])('makes nothing and removes what was made: %s', (_, change) => {
    const fresh = shared();
    change(fresh);
    expect(fresh.plan()).toMatchObject(EMPTY);
    const used = shared();
    used.carryOut();
    change(used);
    expect(used.carryOut().remove).toHaveLength(1);
    expect(used.content()).toEqual({});
  });

  it('rotates in place', () => {
    const namespace = shared();
    namespace.carryOut();
    const [before] = namespace.found();
    namespace.source('regcred', { 'fra.test': 'new' });
    namespace.carryOut();
    const [after] = namespace.found();
    expect(namespace.content()[FROM]).toEqual({ 'ams.test': 'new', 'reg.test/o': 'new' });
    expect(after?.uid).toBe(before?.uid);
    expect(after?.dataHash).not.toBe(before?.dataHash);
  });

  it('notes the new source when one was deleted and made again', () => {
    const namespace = shared();
    namespace.carryOut();
    namespace.sources = namespace.sources.map((source) => ({ ...source, uid: 'second' }));
    expect(namespace.carryOut().apply).toHaveLength(1);
    expect(namespace.plan()).toMatchObject(EMPTY);
  });

  it.each<[string, Partial<DerivedObject>]>([
    ['the data', { data: { '.dockerconfigjson': btoa('{"auths":{"ams.test":{"username":"evil"}}}') } }],
    ['the data, so that it does not parse', { data: { '.dockerconfigjson': btoa('{{{') } }],
  ])('repairs %s', (_, edit) => {
    const namespace = shared();
    namespace.carryOut();
    const present = namespace.objects.get(FROM);
    if (present === undefined) throw new Error('nothing was made');
    namespace.objects.set(FROM, { ...present, object: { ...present.object, ...edit } });
    expect(planned(namespace.carryOut().apply)).toEqual([FROM]);
    expect(namespace.objects.get(FROM)?.object).toEqual(present.object);
  });

  it('leaves alone what others add to labels and annotations', () => {
    const namespace = shared();
    namespace.carryOut();
    const present = namespace.objects.get(FROM);
    if (present === undefined) throw new Error('nothing was made');
    const { metadata } = present.object;
    const more = { ...metadata, labels: { ...metadata.labels, team: 'a' } };
    namespace.objects.set(FROM, { ...present, object: { ...present.object, metadata: more } });
    expect(namespace.plan()).toMatchObject(EMPTY);
  });

  it.each<[string, Record<string, unknown>]>([
    ['without our label', { metadata: { name: FROM, namespace: 'shop', labels: {}, annotations: {} } }],
    ['of another type', { type: 'Opaque' }],
  ])('never touches a secret of that name %s, and says so', (_, over) => {
    const namespace = shared();
    namespace.put(FROM, over);
    const plan = namespace.plan();
    expect(plan).toMatchObject({ ...EMPTY, wanted: [] });
    expect(plan.problems).toMatchObject([
      { secret: FROM, problem: { code: 'SecretNameTaken' }, sets: ['both'] },
    ]);
    namespace.sets = [];
    expect(namespace.plan()).toMatchObject({ ...EMPTY, problems: [] });
  });

  it('derives nothing from a source that does not parse, and leaves what was derived', () => {
    const namespace = shared();
    namespace.broken('other');
    namespace.carryOut();
    expect(namespace.content()).toEqual({ [FROM]: { 'ams.test': 'fra', 'reg.test/o': 'fra' } });
    namespace.broken('regcred');
    const plan = namespace.plan();
    expect(plan).toMatchObject(EMPTY);
    expect(plan.problems.map(({ secret, sets }) => [secret, sets])).toEqual([
      ['other', ['both']],
      ['regcred', ['both']],
    ]);
  });

  it('does not mind a broken source that no set would take anything from', () => {
    const namespace = new Namespace();
    namespace.sets = [ownSecret(makeSecret('dc1-pull', { 'dc1.test': 'dc1' }))];
    expect(namespace.broken('regcred').plan().problems).toEqual([]);
  });

  it('takes a broken derived secret away when it cannot be made anew: it would block every pull', () => {
    const namespace = shared();
    namespace.carryOut();
    namespace.put(FROM, { data: { '.dockerconfigjson': btoa('{{{') } });
    expect(namespace.broken('regcred').plan().remove).toHaveLength(1);
  });

  it('leaves what was derived while a mirror’s own secret is gone, and takes it away with the mirror', () => {
    const namespace = new Namespace();
    namespace.sets = [ownSecret(makeSecret('dc1-pull', { 'dc1.test': 'dc1' }))];
    namespace.carryOut();
    namespace.sets = [ownSecret(undefined)];
    expect(namespace.plan()).toMatchObject({ ...EMPTY, wanted: [{ name: SET }] });
    namespace.sets = [makeSet('fra.test', [makeMirror('dc2.test', { source: 'Secret' })], { name: 'own' })];
    expect(namespace.plan().remove).toHaveLength(1);
  });

  it('keeps the entries that a living pod uses, and only those', () => {
    const namespace = shared();
    namespace.carryOut();
    namespace.sets = [];
    namespace.pods = [{ names: [FROM], images: ['reg.test/o/app:1'] }];
    expect(namespace.carryOut().kept).toEqual([{ name: FROM, because: 'in-use', keys: ['reg.test/o'] }]);
    expect(namespace.content()).toEqual({ [FROM]: { 'reg.test/o': 'fra' } });
    expect(namespace.plan()).toMatchObject(EMPTY);
    namespace.pods = [];
    namespace.carryOut();
    expect(namespace.content()).toEqual({});
  });

  it.each<[string, Pod]>([
    ['names it and uses other images', { names: [FROM], images: ['fra.test/app:1'] }],
    ['uses the image and does not name it', { names: ['regcred'], images: ['ams.test/app:1'] }],
  ])('keeps nothing for a pod that %s', (_, pod) => {
    const namespace = shared();
    namespace.carryOut();
    namespace.sets = [];
    namespace.pods = [pod];
    expect(namespace.plan().remove).toHaveLength(1);
  });

  it('keeps used entries of a secret that is still wanted', () => {
    const namespace = shared();
    namespace.carryOut();
    namespace.sets = [makeSet('fra.test', ['new.test'], { name: 'both' })];
    namespace.pods = [{ names: [FROM], images: ['ams.test/app:1'] }];
    expect(namespace.carryOut().kept).toEqual([{ name: FROM, because: 'in-use', keys: ['ams.test'] }]);
    expect(namespace.content()[FROM]).toEqual({ 'ams.test': 'fra', 'new.test': 'fra' });
    expect(namespace.plan()).toMatchObject(EMPTY);
  });

  it('keeps entries for the reason that it is told', () => {
    const namespace = shared();
    namespace.carryOut();
    namespace.isOptedIn = false;
    const plan = namespace.plan({ reasonToKeep: () => 'just-undeclared' });
    expect(plan).toMatchObject({ ...EMPTY, kept: [{ name: FROM, because: 'just-undeclared' }] });
  });

  it('cannot be printed with its passwords by accident', () => {
    expect(JSON.stringify(shared().plan())).not.toContain('fra-password');
  });
});

const HOSTS = ['a.test', 'b.test', 'c.test:5000', 'c.test:5000/o', 'c.test:5000/o/p'] as const;
const KEYS = ['fra.test', 'fra.test/team', '*.test', 'quay.test', ...HOSTS] as const;

const entries = fc.dictionary(fc.constantFrom(...KEYS), fc.constantFrom('u', 'v', 'w'), { maxKeys: 4 });
const mirror = fc
  .record({
    host: fc.constantFrom(...HOSTS),
    source: fc.constantFrom('SameAsUpstream', 'Secret', 'None', 'Node'),
    secret: fc.option(entries, { nil: undefined }),
  })
  .map(({ host, source, secret }) =>
    makeMirror(host, {
      source,
      secret:
        source === 'Secret' && secret !== undefined
          ? makeSecret('own', secret as Record<string, string>)
          : undefined,
    }),
  );
const set = fc
  .record({
    prefix: fc.constantFrom('fra.test', 'fra.test/team', 'docker.io'),
    mirrors: fc.uniqueArray(mirror, { selector: ({ endpoint }) => printEndpoint(endpoint), minLength: 1 }),
    mode: fc.constantFrom('Rewrite', 'CredentialsOnly', 'Observe'),
  })
  .map(({ prefix, mirrors, mode }) => makeSet(prefix, mirrors, { mode }));
const state = fc.record({
  sets: fc.uniqueArray(set, { selector: ({ name }) => name, maxLength: 3 }),
  sources: fc.uniqueArray(
    fc.record({ name: fc.constantFrom('r', 's', 't'), entries, isBroken: fc.nat(4).map((n) => n === 0) }),
    { selector: ({ name }) => name, maxLength: 3 },
  ),
  pods: fc.array(
    fc.record({
      names: fc.uniqueArray(
        fc.constantFrom(
          'r',
          'registry-failover-from-r',
          'registry-failover-from-s',
          'registry-failover-set-fra-test',
        ),
        { maxLength: 3 },
      ),
      images: fc.array(fc.constantFrom(...HOSTS.map((host) => `${host}/team/app:1`), 'fra.test/team/app'), {
        maxLength: 2,
      }),
    }),
    { maxLength: 3 },
  ),
  isOptedIn: fc.nat(5).map((n) => n > 0),
});
type State = typeof state extends fc.Arbitrary<infer T> ? T : never;

function become(namespace: Namespace, { sets, sources, pods, isOptedIn }: State): Namespace {
  namespace.sets = sets;
  namespace.sources = [];
  for (const source of sources) {
    if (source.isBroken) namespace.broken(source.name);
    else namespace.source(source.name, source.entries);
  }
  namespace.pods = pods;
  namespace.isOptedIn = isOptedIn;
  return namespace;
}

describe('whatever a namespace looks like, a plan', () => {
  const history = fc.array(state, { minLength: 1, maxLength: 4 });

  it('leaves nothing to do once it is carried out', () => {
    fc.assert(
      fc.property(history, (states) => {
        const namespace = new Namespace();
        for (const each of states) {
          become(namespace, each).carryOut();
          expect(namespace.plan()).toMatchObject(EMPTY);
        }
      }),
    );
  });

  it('does not depend on the order of anything', () => {
    fc.assert(
      fc.property(history, (states) => {
        const namespace = new Namespace();
        for (const each of states.slice(0, -1)) become(namespace, each).carryOut();
        for (const each of states.slice(-1)) become(namespace, each);
        const objects = (plan: SecretPlan): unknown => ({
          ...plan,
          apply: plan.apply.map((wanted) => printDerivedSecret('shop', wanted)),
        });
        const turned = namespace.plan({
          sets: [...namespace.sets].toReversed(),
          sources: [...namespace.sources].toReversed(),
          found: namespace.found().toReversed(),
        });
        expect(objects(turned)).toEqual(objects(namespace.plan()));
      }),
    );
  });

  it('never takes away what a living pod uses', () => {
    fc.assert(
      fc.property(history, (states) => {
        const namespace = new Namespace();
        for (const each of states) {
          become(namespace, each);
          const before = namespace.found();
          namespace.carryOut();
          const after = new Map(namespace.found().map(({ name, entries }) => [name, entries]));
          for (const { name, entries: present } of before) {
            const users = namespace.pods.filter(({ names }) => names.includes(name));
            const used = present.filter((entry) => isEntryUsed(entry, users)).map(({ key }) => key);
            const left = (after.get(name) ?? []).map(({ key }) => key);
            expect(left).toEqual(expect.arrayContaining(used));
          }
        }
      }),
    );
  });

  it('writes keys of mirrors only, under our own names, and never for those who only observe', () => {
    fc.assert(
      fc.property(history, (states) => {
        const namespace = new Namespace();
        const declared = new Set<string>();
        for (const each of states) {
          const active = each.sets.filter(({ mode }) => each.isOptedIn && mode !== 'Observe');
          const mirrors = active.flatMap((set) => set.mirrors.map(({ endpoint }) => printEndpoint(endpoint)));
          for (const at of mirrors) declared.add(at);
          const { apply } = become(namespace, each).carryOut();
          const keys = apply.flatMap(({ entries: written }) => written.map(({ key }) => key));
          expect(apply.filter(({ name }) => !isDerivedName(name))).toEqual([]);
          const places = [...declared];
          expect(keys.filter((key) => !places.some((at) => key === at || key.startsWith(`${at}/`)))).toEqual(
            [],
          );
        }
      }),
    );
  });

  it('makes everything that the webhook names', () => {
    fc.assert(
      fc.property(state, (each) => {
        const namespace = become(new Namespace(), { ...each, isOptedIn: true });
        namespace.carryOut();
        const readings = namespace.sources.map(({ name, content }): SecretReading => {
          if (!content.ok) return { name, state: 'broken', problem: content.error };
          return { name, state: 'parsed', secret: content.value };
        });
        const relevant = namespace.sets.filter(({ mode }) => mode !== 'Observe');
        const { added } = podCredentials(readings, { relevant, all: namespace.sets, mayAdd: true });
        expect([...namespace.objects.keys()].sort()).toEqual([...added].sort());
      }),
    );
  });
});
