// A path on a node: what goes into scripts and into files of the runtimes, and what does not.
import { describe, expect, it } from 'vitest';
import { NODE_PATH, parseNodePath } from '../../src/domain/node-path.ts';

describe('parseNodePath', () => {
  it.each([
    ['/etc/containers', '/etc/containers'],
    ['/etc/containers/', '/etc/containers'],
    ['/var/lib/x-1_2.d/..a/...', '/var/lib/x-1_2.d/..a/...'],
    [`/${'a'.repeat(254)}`, `/${'a'.repeat(254)}`],
  ])('reads %s', (text, path) => {
    expect(parseNodePath('--flag', text)).toEqual({ ok: true, value: path });
  });

  it.each([
    ['nothing', ''],
    ['the root', '/'],
    ['no slash in front', 'etc'],
    ['two dots', '/etc/../x'],
    ['two dots at the end', '/etc/..'],
    ['a dot', '/etc/./x'],
    ['a dot at the end', '/etc/.'],
    ['nothing between slashes', '/etc//x'],
    ['nothing in front', '//etc'],
    ['a space', '/etc/a b'],
    ['a quote', "/etc/a'b"],
    ['a line feed', '/etc/a\n'],
    ['a $', '/etc/$x'],
    ['too many characters', `/${'a'.repeat(255)}`],
  ])('refuses %s', (_, text) => {
    expect(NODE_PATH.test(text)).toBe(false);
    expect(parseNodePath('--flag', text)).toMatchObject({
      ok: false,
      error: { path: '--flag', code: 'InvalidFlag', fix: 'Write for example --flag /etc/containers' },
    });
  });

  it.each([
    ['/', /is no plain path.*, something between any two/],
    ['etc', /^"etc" is not an absolute path$/],
  ])('says of %s what is wrong', (text, message) => {
    const path = parseNodePath('--flag', text);
    expect(path.ok ? '' : path.error.message).toMatch(message);
  });
});
