// What is said of a node with CRI-O, each code from both sides.
import { describe, expect, it } from 'vitest';
import { findingsOf } from '../../src/nodes/findings/findings.ts';
import { printMarker } from '../../src/nodes/marker.ts';
import { DEFAULT_LAYOUT } from '../../src/nodes/node-file.ts';
import type { NodeLayout } from '../../src/nodes/node-file.ts';
import { foundNode, withScene } from './found-node.ts';
import type { Scene } from './found-node.ts';

const MAIN = '/etc/containers/registries.conf';
const ROOT = '/root/.config/containers/registries.conf';
const OURS = `${MAIN}.d/90-registry-failover.conf`;
const AUTH = '/etc/crio/auth.json';

const healthy: Scene = {
  files: {
    [MAIN]: 'unqualified-search-registries = ["docker.io"]\n',
    [OURS]: `${printMarker('a/b')}\n[[registry]]\nprefix = "fra.example/team"\nlocation = "ams.example/team"\n[[registry.mirror]]\nlocation = "fra.example/team"\n`,
    '/etc/crio/crio.conf': '[crio.image]\npause_image = "x"\n',
  },
  processes: { crio: ['/usr/bin/crio'], kubelet: ['kubelet'] },
  programs: { crio: 'crio version 1.34.0\nGitCommit: x' },
};

function findings(scene: Scene, layout: NodeLayout = DEFAULT_LAYOUT, version = '1.34.0') {
  return findingsOf(foundNode(withScene(healthy, scene)), { name: 'crio', version }, layout);
}

function dropIn(name: string, text: string): Scene {
  return { files: { [`${MAIN}.d/${name}`]: text } };
}

function entry(prefix: string, more = ''): string {
  return `[[registry]]\nprefix = "${prefix}"\nlocation = "x.example"\n${more}`;
}

const MIRROR = '[[registry.mirror]]\nlocation = "m.example"\n';
const withAuth = { ...DEFAULT_LAYOUT, authFile: AUTH };

function crioConf(text: string): Scene {
  return { files: { '/etc/crio/crio.conf.d/10-x.conf': text } };
}

describe('findings of a node with CRI-O', () => {
  it.each<[string, Scene, NodeLayout]>([
    ['one that is well', {}, DEFAULT_LAYOUT],
    ['a file that is no *.conf', dropIn('95-x.conf.off', '[[[['), DEFAULT_LAYOUT],
    ['another prefix', dropIn('95-x.conf', entry('fra.example/teamwork', MIRROR)), DEFAULT_LAYOUT],
    [
      'a wider prefix that does nothing',
      dropIn('95-x.conf', '[[registry]]\nlocation = "fra.example"\n'),
      DEFAULT_LAYOUT,
    ],
    [
      'a narrower prefix with mirrors for tags',
      dropIn('95-x.conf', entry('fra.example/team/a', MIRROR)),
      DEFAULT_LAYOUT,
    ],
    [
      'a wildcard without a location',
      dropIn('95-x.conf', '[[registry]]\nprefix = "*.x.example"\nblocked = true\n'),
      DEFAULT_LAYOUT,
    ],
    ['an unknown key', dropIn('95-x.conf', entry('a.example', 'mirors = 3\n')), DEFAULT_LAYOUT],
    ['the auth file that CRI-O reads', crioConf(`[crio.image]\nglobal_auth_file = "${AUTH}"`), withAuth],
    [
      'an auth file on the command line',
      { processes: { crio: ['crio', `--global-auth-file=${AUTH}`] } },
      withAuth,
    ],
    [
      'an auth file where nothing is to go',
      crioConf('[crio.image]\nglobal_auth_file = "/x"'),
      DEFAULT_LAYOUT,
    ],
    ['the agent, which cannot see CRI-O’s own files', { ...crioConf('[['), wholeHost: false }, withAuth],
    ['a root’s file that it cannot see', { wholeHost: false }, DEFAULT_LAYOUT],
    [
      'auto_reload_registries turned off later',
      {
        files: {
          '/etc/crio/crio.conf.d/10-x.conf': '[crio.image]\nauto_reload_registries = true',
          '/etc/crio/crio.conf.d/20-x.conf': '[crio.image]\nauto_reload_registries = false',
        },
      },
      DEFAULT_LAYOUT,
    ],
    [
      'a configuration elsewhere',
      { ...crioConf('[['), processes: { crio: ['crio', '--config', '/opt/crio.conf'] } },
      withAuth,
    ],
    [
      'a second entry of a prefix in one file, which does not exist',
      dropIn(
        '95-x.conf',
        entry('fra.example/team/a', MIRROR) +
          entry('fra.example/team/a', `mirror-by-digest-only = true\n${MIRROR}`),
      ),
      DEFAULT_LAYOUT,
    ],
    [
      'certificates in Docker’s folder for another host',
      {
        files: {
          '/etc/docker/certs.d/b/ca.crt': 'x',
          '/etc/containers/certs.d/a/registry-failover.crt': printMarker('a/b'),
        },
      },
      DEFAULT_LAYOUT,
    ],
    [
      'certificates that others’ had hidden before',
      {
        files: {
          '/etc/docker/certs.d/a/ca.crt': 'x',
          '/etc/containers/certs.d/a/registry-failover.crt': printMarker('a/b'),
          '/etc/containers/certs.d/a/ca.crt': 'x',
        },
      },
      DEFAULT_LAYOUT,
    ],
    [
      'old syntax without an entry',
      { files: { [MAIN]: '[registries.search]\nregistries = []\n' } },
      DEFAULT_LAYOUT,
    ],
  ])('has nothing to say of %s', (_, scene, layout) => {
    expect(findings(scene, layout)).toEqual([]);
  });

  it.each<[string, Scene, NodeLayout, string, string]>([
    ['root’s own file', { files: { [ROOT]: '' } }, DEFAULT_LAYOUT, 'CrioRootRegistriesConf', 'error'],
    [
      'the old syntax in the main file',
      { files: { [MAIN]: '[registries.search]\nregistries = ["a"]\n' } },
      DEFAULT_LAYOUT,
      'CrioVersionOneFile',
      'warning',
    ],
    [
      'both syntaxes in the main file',
      {
        files: { [MAIN]: 'unqualified-search-registries = ["b"]\n[registries.search]\nregistries = ["a"]\n' },
      },
      DEFAULT_LAYOUT,
      'CrioRegistriesBroken',
      'error',
    ],
    [
      'the old syntax in a drop-in',
      dropIn('10-x.conf', '[registries.block]\nregistries = ["a"]\n'),
      DEFAULT_LAYOUT,
      'CrioRegistriesBroken',
      'error',
    ],
    [
      'a drop-in that is no TOML',
      dropIn('10-x.conf', 'x = [\n'),
      DEFAULT_LAYOUT,
      'CrioRegistriesBroken',
      'error',
    ],
    [
      'a main file that is no TOML',
      { files: { [MAIN]: 'x = [\n' } },
      DEFAULT_LAYOUT,
      'CrioRegistriesBroken',
      'error',
    ],
    [
      'a later drop-in with our prefix',
      dropIn('95-x.conf', entry('fra.example/team/', MIRROR)),
      DEFAULT_LAYOUT,
      'CrioEntryOverridden',
      'error',
    ],
    [
      'a later drop-in with our prefix as location',
      dropIn('95-x.conf', '[[registry]]\nlocation = "fra.example/team"\n'),
      DEFAULT_LAYOUT,
      'CrioEntryOverridden',
      'error',
    ],
    [
      'an earlier drop-in with our prefix',
      dropIn('10-x.conf', entry('fra.example/team', MIRROR)),
      DEFAULT_LAYOUT,
      'CrioEntryReplaced',
      'warning',
    ],
    [
      'the main file with our prefix',
      { files: { [MAIN]: entry('fra.example/team', 'blocked = true\n') } },
      DEFAULT_LAYOUT,
      'CrioEntryReplaced',
      'warning',
    ],
    [
      'a wider prefix with mirrors, of which ours is the longer',
      { files: { [MAIN]: `[[registry]]\nlocation = "fra.example"\n${MIRROR}` } },
      DEFAULT_LAYOUT,
      'CrioEntryReplaced',
      'warning',
    ],
    [
      'a blocked wildcard that ours is longer than',
      dropIn('95-x.conf', '[[registry]]\nprefix = "*.example"\nblocked = true\n'),
      DEFAULT_LAYOUT,
      'CrioEntryReplaced',
      'warning',
    ],
    [
      'digests only below our prefix',
      dropIn('95-x.conf', entry('fra.example/team/a', `mirror-by-digest-only = true\n${MIRROR}`)),
      DEFAULT_LAYOUT,
      'CrioDigestOnlyMirrors',
      'info',
    ],
    [
      'pulls in processes of their own',
      crioConf('[crio.runtime]\nseparate_pull_cgroup = "pod"'),
      DEFAULT_LAYOUT,
      'CrioSeparatePull',
      'info',
    ],
    [
      'a reload by itself',
      crioConf('[crio.image]\nauto_reload_registries = true'),
      DEFAULT_LAYOUT,
      'CrioAutoReload',
      'info',
    ],
    ['an auth file that is not read', {}, withAuth, 'CrioAuthFileNotRead', 'error'],
    [
      'another auth file that is read',
      crioConf('[crio.image]\nglobal_auth_file = "/x"'),
      withAuth,
      'CrioAuthFileNotRead',
      'error',
    ],
    [
      'another auth file on the command line',
      {
        ...crioConf(`[crio.image]\nglobal_auth_file = "${AUTH}"`),
        processes: { crio: ['crio', '--global-auth-file', '/x'] },
      },
      withAuth,
      'CrioAuthFileNotRead',
      'error',
    ],
    [
      'certificates that ours hide',
      {
        files: {
          '/etc/docker/certs.d/a/ca.crt': 'x',
          '/etc/containers/certs.d/a/registry-failover.crt': printMarker('a/b'),
        },
      },
      DEFAULT_LAYOUT,
      'CrioCertsHidden',
      'warning',
    ],
    ['a broken crio.conf', crioConf('[crio\n'), withAuth, 'CrioConfigBroken', 'error'],
  ])('tells of %s', (_, scene, layout, code, severity) => {
    expect(findings(scene, layout).map((each) => [each.code, each.severity])).toEqual([[code, severity]]);
  });

  // containers/image v5.35.0, postProcessRegistries and loadConfigFile: each of these is an error there.
  it.each<[string, string]>([
    ['no location', '[[registry]]\nprefix = "a.example"\n'],
    ['neither prefix nor location', '[[registry]]\nblocked = true\n'],
    ['a scheme', entry('a.example').replace('"x.example"', '"https://x.example"')],
    ['a scheme in a mirror', entry('a.example', '[[registry.mirror]]\nlocation = "http://m"\n')],
    ['a mirror without location', entry('a.example', '[[registry.mirror]]\ninsecure = true\n')],
    ['pull-from-mirror on a registry', entry('a.example', 'pull-from-mirror = "all"\n')],
    ['an unknown pull-from-mirror', entry('a.example', `${MIRROR}pull-from-mirror = "some"\n`)],
    [
      'both ways of digests only',
      entry('a.example', `mirror-by-digest-only = true\n${MIRROR}pull-from-mirror = "tag-only"\n`),
    ],
    ['a text for a flag', entry('a.example', 'blocked = "true"\n')],
    ['a number for a text', '[[registry]]\nlocation = 5\n'],
    ['one table instead of a list', '[registry]\nlocation = "a.example"\n'],
    ['a wildcard with a path', '[[registry]]\nprefix = "*.a.example/b"\nlocation = "c"\n'],
    [
      'insecure and not',
      `[[registry]]\nlocation = "a"\ninsecure = true\n[[registry]]\nprefix = "b"\nlocation = "a"\n`,
    ],
  ])('knows that CRI-O refuses %s', (_, text) => {
    expect(findings(dropIn('10-x.conf', text)).map(({ code }) => code)).toEqual(['CrioRegistriesBroken']);
  });

  it('says of a broken crio.conf that no reload has an effect, ours included', () => {
    const [told] = findings(crioConf('[crio\n'));
    expect(told?.message).toMatch(/no reload has an effect any more, and its next start fails$/);
    expect(told?.fix).toMatch(/systemctl reload crio$/);
  });

  it('names every broken file', () => {
    const told = findings({ files: { [`${MAIN}.d/1.conf`]: '[', [`${MAIN}.d/2.conf`]: '[' } });
    expect(told.map(({ message }) => message.slice(0, message.indexOf(' is')))).toEqual([
      `${MAIN}.d/1.conf`,
      `${MAIN}.d/2.conf`,
    ]);
  });

  it('says what is lost with an entry that ours replaces', () => {
    const [lost] = findings(
      dropIn('10-x.conf', entry('fra.example/team', `insecure = true\n${MIRROR}${MIRROR}`)),
    );
    expect(lost?.message).toContain('its 2 mirrors and insecure = true no longer counts');
  });

  it('gives a fix that can be typed', () => {
    const [one] = findings(dropIn('95-x.conf', entry('fra.example/team')));
    expect(one?.fix).toContain(`mv ${MAIN}.d/95-x.conf ${MAIN}.d/10-95-x.conf; then: systemctl reload crio`);
    const [two] = findings({ files: { [ROOT]: '' } });
    expect(two?.fix).toContain(`mv ${ROOT} ${ROOT}.off && systemctl reload crio`);
  });

  it('finds our own file by its marker, not by its name', () => {
    const foreign = {
      files: { [OURS]: entry('fra.example/team'), [`${MAIN}.d/95-x.conf`]: entry('fra.example/team') },
    };
    expect(findings(foreign)).toEqual([]);
  });

  it('names the version that is too old, and nothing beside', () => {
    expect(findings({ files: { [ROOT]: '' } }, DEFAULT_LAYOUT, '1.27.5').map(({ code }) => code)).toEqual([
      'RuntimeUnsupported',
    ]);
  });
});
