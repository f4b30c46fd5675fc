// Our reading of registries.conf against containers/image itself, as podman has it: each must refuse what the other refuses.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRegistriesConf } from '../../../src/nodes/looking/registries-conf.ts';
import { CAN_ASK_PODMAN, makePodmanFolder } from './podman-folder.ts';

const ENTRY = '[[registry]]\nprefix = "a.example"\nlocation = "b.example"\n';
const MIRROR = '[[registry.mirror]]\nlocation = "m.example"\n';
const OLD = '[registries.search]\nregistries = ["a.example"]\n';

/** With what a drop-in holds, and whether it is refused. */
const DROP_INS: readonly (readonly [string, string, boolean])[] = [
  ['nothing', '', false],
  ['an entry with a mirror', ENTRY + MIRROR, false],
  ['an unknown key', `${ENTRY}mirors = 3\n`, false],
  ['an unknown table', `${ENTRY}[nobody.knows]\nx = 1\n`, false],
  ['a wildcard without a location', '[[registry]]\nprefix = "*.x.example"\nblocked = true\n', false],
  ['a prefix twice', ENTRY + ENTRY, false],
  ['a location without a prefix', '[[registry]]\nlocation = "a.example/b"\n', false],
  ['a mirror for digests only', `${ENTRY}${MIRROR}pull-from-mirror = "digest-only"\n`, false],
  ['old tables that are empty', '[registries.search]\nregistries = []\n', false],
  ['no TOML', 'x = [\n', true],
  ['the old syntax', OLD, true],
  ['no location', '[[registry]]\nprefix = "a.example"\n', true],
  ['neither prefix nor location', '[[registry]]\nblocked = true\n', true],
  ['a scheme', '[[registry]]\nlocation = "https://a.example"\n', true],
  ['a scheme in a mirror', `${ENTRY}[[registry.mirror]]\nlocation = "http://m"\n`, true],
  ['a mirror without location', `${ENTRY}[[registry.mirror]]\ninsecure = true\n`, true],
  ['pull-from-mirror on a registry', `${ENTRY}pull-from-mirror = "all"\n`, true],
  ['an unknown pull-from-mirror', `${ENTRY}${MIRROR}pull-from-mirror = "some"\n`, true],
  [
    'both ways of digests only',
    `${ENTRY}mirror-by-digest-only = true\n${MIRROR}pull-from-mirror = "all"\n`,
    true,
  ],
  ['a text for a flag', `${ENTRY}blocked = "true"\n`, true],
  ['a number for a text', '[[registry]]\nlocation = 5\n', true],
  ['one table instead of a list', '[registry]\nlocation = "a.example"\n', true],
  ['a wildcard with a path', '[[registry]]\nprefix = "*.a.example/b"\nlocation = "c"\n', true],
  [
    'insecure and not',
    '[[registry]]\nlocation = "a"\ninsecure = true\n[[registry]]\nprefix = "b"\nlocation = "a"\n',
    true,
  ],
];

const MAIN_FILES: readonly (readonly [string, string, boolean])[] = [
  ['the old syntax', OLD, false],
  ['both syntaxes', `unqualified-search-registries = ["b.example"]\n${OLD}`, true],
  ['both syntaxes, the new one as a registry', `${OLD}${ENTRY}`, true],
];

describe.skipIf(!CAN_ASK_PODMAN)(
  `registries.conf${CAN_ASK_PODMAN ? '' : ' (skipped, for want of root or podman)'}`,
  () => {
    let folder: string;

    beforeAll(() => {
      folder = makePodmanFolder();
    });
    afterAll(() => {
      rmSync(folder, { recursive: true, force: true });
    });

    /** Does podman refuse to work with these files? */
    function refuses(main: string, dropIn: string): boolean {
      writeFileSync(path.join(folder, 'containers/registries.conf'), main);
      writeFileSync(path.join(folder, 'containers/registries.conf.d/50-x.conf'), dropIn);
      const script =
        'mount --bind "$0/containers" /etc/containers && exec podman info --format "{{.Registries}}"';
      try {
        execFileSync('unshare', ['--mount', 'sh', '-c', script, folder], {
          env: { ...process.env, CONTAINERS_STORAGE_CONF: path.join(folder, 'storage.conf') },
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        return false;
      } catch {
        return true;
      }
    }

    it.each(DROP_INS)('a drop-in with %s', (_, text, isRefused) => {
      expect({ podman: refuses('', text), us: !readRegistriesConf(text, false).ok }).toEqual({
        podman: isRefused,
        us: isRefused,
      });
    });

    it.each(MAIN_FILES)('a main file with %s', (_, text, isRefused) => {
      expect({ podman: refuses(text, ''), us: !readRegistriesConf(text, true).ok }).toEqual({
        podman: isRefused,
        us: isRefused,
      });
    });
  },
);
