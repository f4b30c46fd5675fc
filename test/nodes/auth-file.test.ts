// The operator's auth file: our keys in, our keys out, and everything else as it was.
import { describe, expect, it } from 'vitest';
import { Credential } from '../../src/domain/credential.ts';
import { planAuthFile, type AuthPlan } from '../../src/nodes/writing/auth-file.ts';
import type { AuthMemory, OriginalFile } from '../../src/nodes/writing/node-note.ts';

const PATH = '/etc/crio/auth.json';
const login = new Credential({ username: 'u', password: 'p' });
const rotated = new Credential({ username: 'u', password: 'q' });
const OURS = 'ams.example.com';

function file(text: string): OriginalFile {
  return { text, mode: 0o640, uid: 0, gid: 12 };
}

function plan(
  present: OriginalFile | undefined,
  entries: ReadonlyMap<string, Credential>,
  memory?: AuthMemory,
): AuthPlan {
  const planned = planAuthFile({ path: PATH, present, entries, memory });
  if (!planned.ok) throw new Error(planned.error);
  return planned.value;
}

function asFile({ wanted }: AuthPlan): OriginalFile | undefined {
  if (wanted === undefined) return undefined;
  const { uid, gid } = wanted.owner ?? { uid: 0, gid: 0 };
  return { text: wanted.text, mode: wanted.mode, uid, gid };
}

const LAYOUTS: readonly (readonly [string, string])[] = [
  ['tabs', '{\n\t"auths": {\n\t\t"own.example.com": {\n\t\t\t"auth": "eA=="\n\t\t}\n\t}\n}'],
  [
    'two spaces and a line feed',
    '{\n  "auths": {\n    "own.example.com": {\n      "auth": "eA=="\n    }\n  },\n  "credHelpers": {}\n}\n',
  ],
  ['one line', '{"auths":{"own.example.com":{"auth":"eA=="}}}'],
  ['no auths', '{"credHelpers":{"ecr":"x"}}'],
  ['odd white space, which no printer makes', '{ "auths" :\n {"own.example.com": {"auth":   "eA=="} } }\n\n'],
];

describe('planAuthFile', () => {
  it.each(LAYOUTS)('puts a key in and brings the bytes back: %s', (_name, text) => {
    const applied = plan(file(text), new Map([[OURS, login]]));
    const document = JSON.parse(applied.wanted?.text ?? '') as { auths: Record<string, unknown> };
    expect(document.auths[OURS]).toEqual({ auth: login.basic() });
    expect(applied.wanted).toMatchObject({ mode: 0o640, owner: { uid: 0, gid: 12 } });
    const restored = plan(asFile(applied), new Map(), applied.after);
    expect(restored.wanted?.text).toBe(text);
    expect(restored.after).toBeUndefined();
  });

  it('keeps the layout of the file, so that a diff shows our key alone', () => {
    const text = '{\n  "auths": {\n    "own.example.com": {\n      "auth": "eA=="\n    }\n  }\n}\n';
    const added = plan(file(text), new Map([[OURS, login]])).wanted?.text.split('\n') ?? [];
    expect(added.filter((line) => !text.split('\n').includes(line))).toEqual([
      '    },',
      `    "${OURS}": {`,
      `      "auth": "${login.basic()}"`,
    ]);
  });

  it('makes a file that only root may read where there was none, and takes it away again', () => {
    const applied = plan(undefined, new Map([[OURS, login]]));
    expect(applied.wanted).toMatchObject({ mode: 0o600, owner: undefined });
    expect(plan(asFile(applied), new Map(), applied.after).wanted).toBeUndefined();
  });

  it('gives the same file when it is planned again', () => {
    const applied = plan(file('{}'), new Map([[OURS, login]]));
    const again = plan(asFile(applied), new Map([[OURS, login]]), applied.after);
    expect(again.wanted?.text).toBe(applied.wanted?.text);
    expect(again.after).toEqual(applied.after);
    expect(again.during).toEqual(applied.after);
  });

  it('brings back what the operator had under the same key', () => {
    const text = `{"auths":{"${OURS}":{"auth":"b2xkOm9sZA=="}}}`;
    const applied = plan(file(text), new Map([[OURS, login]]));
    expect(applied.wanted?.text).not.toContain('b2xkOm9sZA==');
    expect(plan(asFile(applied), new Map(), applied.after).wanted?.text).toBe(text);
  });

  it('takes its keys alone out of a file that was changed since', () => {
    const applied = plan(file('{"auths":{}}'), new Map([[OURS, login]]));
    const changed =
      applied.wanted?.text.replace('"auths":{', '"auths":{"later.example.com":{"auth":"bA=="},') ?? '';
    expect(plan(file(changed), new Map(), applied.after).wanted?.text).toBe(
      '{"auths":{"later.example.com":{"auth":"bA=="}}}',
    );
  });

  it('leaves a key that the operator has given another value since', () => {
    const applied = plan(file('{"auths":{}}'), new Map([[OURS, login]]));
    const theirs = `{"auths":{"${OURS}":{"auth":"dGhlaXJz"}}}`;
    expect(plan(file(theirs), new Map(), applied.after).wanted?.text).toBe(theirs);
  });

  it('remembers a rotated credential by both values until the run is over', () => {
    const first = plan(file('{"auths":{}}'), new Map([[OURS, login]]));
    const second = plan(asFile(first), new Map([[OURS, rotated]]), first.after);
    expect(second.during?.written).toHaveLength(2);
    expect(second.after?.written).toHaveLength(1);
    // Killed before the rename, or after it: either text is known to be ours.
    for (const present of [asFile(first), asFile(second)]) {
      expect(plan(present, new Map(), second.during).wanted?.text).toBe('{"auths":{}}');
    }
  });

  it('takes the mode that the operator has set since for his wish', () => {
    const applied = plan(file('{}'), new Map([[OURS, login]]));
    const present = { ...file(applied.wanted?.text ?? ''), mode: 0o600 };
    expect(plan(present, new Map(), applied.after).wanted).toMatchObject({ text: '{}', mode: 0o600 });
  });

  it.each([
    ['no JSON', 'auths'],
    ['a list', '[]'],
    ['auths that are a text', '{"auths":"x"}'],
  ])('refuses %s', (_name, text) => {
    expect(
      planAuthFile({ path: PATH, present: file(text), entries: new Map([[OURS, login]]), memory: undefined })
        .ok,
    ).toBe(false);
  });

  it('keeps a key called __proto__ a key', () => {
    const text = '{"auths":{"__proto__":{"auth":"eA=="}}}';
    expect(plan(file(text), new Map([[OURS, login]])).wanted?.text).toContain('"__proto__":{"auth":"eA=="}');
  });
});
