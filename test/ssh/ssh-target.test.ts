// Hosts as people write them, and everything that must not get as far as the command line of ssh.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSshTarget, printSshTarget } from '../../src/ssh/ssh-target.ts';

/** What names, options and shells are made of, and some of what looks like it. */
const HOSTILE = Array.from('aZ09-_.:@%[]$(){}`\'"\\;&|<>*?!~# \t\n\r\0\u007F\u00E9\u2013\u202E\u{1F600}');

function codesOf(text: string): readonly string[] {
  const parsed = parseSshTarget(text, '--hosts');
  return parsed.ok ? [] : parsed.error.map(({ code }) => code);
}

describe('parseSshTarget', () => {
  it.each([
    ['worker-1', 'worker-1', undefined, undefined],
    ['opc@10.0.0.7', '10.0.0.7', 'opc', undefined],
    ['opc@worker-1.example.com:2222', 'worker-1.example.com', 'opc', 2222],
    ['::1', '::1', undefined, undefined],
    ['[fe80::1%eth0]:22', 'fe80::1%eth0', undefined, 22],
    ['first.last@jump_host', 'jump_host', 'first.last', undefined],
  ])('reads %s', (text, host, user, port) => {
    expect(parseSshTarget(text, '--hosts')).toEqual({ ok: true, value: { host, user, port } });
  });

  it.each([
    ['an option', '-oProxyCommand=x', ['InvalidHost']],
    ['an option as the user', '-l@worker-1', ['InvalidUser']],
    ['nothing', '', ['InvalidHost']],
    ['a command in the name', 'a$(id)', ['InvalidHost']],
    ['a space', 'a b', ['InvalidHost']],
    ['a line feed', 'a\nb', ['InvalidHost']],
    ['a URL', 'ssh://worker-1', ['InvalidPort']],
    ['a user with a quote', `o'c@worker-1`, ['InvalidUser']],
    ['a port that is none', 'worker-1:0', ['InvalidPort']],
    ['a port that is too large', 'worker-1:65536', ['InvalidPort']],
    ['everything wrong at once', '-l@-o:x', ['InvalidHost', 'InvalidUser', 'InvalidPort']],
    ['two ats', 'a@b@worker-1', ['InvalidUser']],
  ])('refuses %s', (_, text, codes) => {
    expect(codesOf(text)).toEqual(codes);
  });

  it('never lets through what could be read as an option or by a shell, and prints what it reads', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...HOSTILE), maxLength: 20 }),
        fc.constantFrom('', '-', 'a@', '[', 'h:'),
        (text, start) => {
          const parsed = parseSshTarget(start + text, '--hosts');
          if (!parsed.ok) return;
          expect(`${parsed.value.host}${parsed.value.user ?? ''}`).toMatch(/^[A-Za-z0-9._:%-]+$/);
          expect(parsed.value.host).not.toMatch(/^-/);
          expect(parseSshTarget(printSshTarget(parsed.value), '')).toEqual(parsed);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
