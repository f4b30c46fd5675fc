// What is said of a node with containerd, each code from both sides.
import { describe, expect, it } from 'vitest';
import { configPathInForce } from '../../src/nodes/looking/containerd-config.ts';
import { findingsOf } from '../../src/nodes/findings/findings.ts';
import { printMarker } from '../../src/nodes/marker.ts';
import { DEFAULT_LAYOUT } from '../../src/nodes/node-file.ts';
import { foundNode, withScene } from './found-node.ts';
import type { Scene } from './found-node.ts';

const CONFIG = '/etc/containerd/config.toml';
const CERTS = '/etc/containerd/certs.d';
const OURS = `${printMarker('registry-failover/registry-failover')}\nserver = "https://a.example"\n`;

const V2 = '[plugins."io.containerd.grpc.v1.cri".registry]';
const V3 = '[plugins."io.containerd.cri.v1.images".registry]';

function v3(text: string): string {
  return `version = 3\n${text}\n`;
}

const healthy: Scene = {
  files: { [CONFIG]: v3(`${V3}\nconfig_path = "${CERTS}"`), [`${CERTS}/a.example:5000/hosts.toml`]: OURS },
  processes: { containerd: ['/usr/bin/containerd'], kubelet: ['kubelet'] },
  programs: { containerd: 'containerd github.com/containerd/containerd/v2 v2.1.9 7537db4' },
};

function findings(version: string, scene: Scene, base: Scene = healthy) {
  const found = foundNode(withScene(base, scene));
  return findingsOf(found, { name: 'containerd', version }, DEFAULT_LAYOUT);
}

function codes(version: string, scene: Scene): readonly string[] {
  return findings(version, scene).map(({ code }) => code);
}

function config(text: string): Scene {
  return { files: { [CONFIG]: text } };
}

const LIST = '/etc/containerd/certs.d:/etc/docker/certs.d';
const MIRRORS = `${V3.slice(0, -1)}.mirrors."docker.io"]\nendpoint = ["https://m"]`;

describe('findings of a node with containerd', () => {
  it.each<[string, string, Scene]>([
    ['one path', '2.1.9', {}],
    ['one path with a slash at its end', '2.1.9', config(v3(`${V3}\nconfig_path = "${CERTS}/"`))],
    ['one path in the old section, on 1.7', '1.7.28', config(`version = 2\n${V2}\nconfig_path = "${CERTS}"`)],
    ['one path in the old section, on 2.x', '2.1.9', config(`version = 2\n${V2}\nconfig_path = "${CERTS}"`)],
    ['one path in the oldest section', '1.7.28', config(`[plugins.cri.registry]\nconfig_path = "${CERTS}"`)],
    [
      'a list with ours in it, before the transfer service',
      '2.0.5',
      config(v3(`${V3}\nconfig_path = "${LIST}"`)),
    ],
    [
      'a list with ours in it, pulled by the CRI plugin itself',
      '2.3.7',
      config(
        v3(
          `[plugins."io.containerd.cri.v1.images"]\nuse_local_image_pull = true\n${V3}\nconfig_path = "${LIST}"`,
        ),
      ),
    ],
    [
      'a list, and a setting that the transfer service lacks',
      '2.3.7',
      config(
        v3(
          `[plugins."io.containerd.cri.v1.images"]\ndiscard_unpacked_layers = true\n${V3}\nconfig_path = "${LIST}"`,
        ),
      ),
    ],
    [
      'a path in an import',
      '2.1.9',
      {
        files: {
          [CONFIG]: v3('imports = ["conf.d/*.toml"]'),
          '/etc/containerd/conf.d/10.toml': v3(`${V3}\nconfig_path = "${CERTS}"`),
        },
      },
    ],
    [
      'a file that the dump corrects',
      '2.1.9',
      { ...config(v3('')), dump: v3(`${V3}\nconfig_path = '${CERTS}'`) },
    ],
    [
      'a configuration at a place that is not looked at',
      '2.1.9',
      { processes: { containerd: ['containerd', '--config', '/opt/c.toml'] } },
    ],
    [
      'a configuration that cannot be seen from the agent',
      '2.1.9',
      { processes: { containerd: ['containerd', '--config', '/opt/c.toml'] }, wholeHost: false },
    ],
    [
      'no registry.mirrors but an empty table',
      '2.1.9',
      config(v3(`${V3}\nconfig_path = "${CERTS}"\nmirrors = {}`)),
    ],
    [
      'a folder with an underscore of somebody else',
      '2.1.9',
      { files: { [`${CERTS}/b_5000_/ca.crt`]: 'x' } },
    ],
    [
      'two folders of one host that are others’',
      '2.1.9',
      { files: { [`${CERTS}/c:5000/ca.crt`]: 'x', [`${CERTS}/c_5000_/ca.crt`]: 'x' } },
    ],
    [
      'certificates that name no type, beside ours',
      '2.1.9',
      { files: { [`${CERTS}/a.example:5000/abc.pem`]: 'x' } },
    ],
    ['a _default without hosts.toml', '2.1.9', { files: { [`${CERTS}/_default/ca.crt`]: 'x' } }],
    [
      'a sound hosts.toml of somebody else',
      '2.1.9',
      { files: { [`${CERTS}/c/hosts.toml`]: 'server = "x"' } },
    ],
  ])('has nothing to say of %s', (_, version, scene) => {
    expect(findings(version, scene)).toEqual([]);
  });

  it.each<[string, string, Scene, string]>([
    ['an empty config_path', '2.1.9', config(v3(`${V3}\nconfig_path = ""`)), 'ContainerdConfigPathEmpty'],
    ['no config_path', '1.7.28', config('version = 2\n'), 'ContainerdConfigPathEmpty'],
    [
      'a config_path of the CRI plugin that is not about images',
      '2.1.9',
      config(v3('[plugins."io.containerd.nri.v1.nri"]\nconfig_path = "/etc/containerd/certs.d"')),
      'ContainerdConfigPathEmpty',
    ],
    [
      'a list, which 2.1 pulls with the transfer service',
      '2.1.9',
      config(v3(`${V3}\nconfig_path = "${LIST}"`)),
      'ContainerdConfigPathList',
    ],
    ['the default of 2.2', '2.2.0', config(v3('')), 'ContainerdConfigPathList'],
    [
      'an empty path, for which 2.2 takes its default',
      '2.3.7',
      config(v3(`${V3}\nconfig_path = ""`)),
      'ContainerdConfigPathList',
    ],
    [
      'another folder',
      '2.1.9',
      config(v3(`${V3}\nconfig_path = "/etc/docker/certs.d"`)),
      'ContainerdConfigPathElsewhere',
    ],
    [
      'a list without ours, before the transfer service',
      '1.7.28',
      config(`version = 2\n${V2}\nconfig_path = "/a:/b"`),
      'ContainerdConfigPathElsewhere',
    ],
    ['old mirrors', '2.1.9', config(v3(MIRRORS)), 'ContainerdOldMirrors'],
    ['old mirrors, which 2.2 takes no default beside', '2.2.0', config(v3(MIRRORS)), 'ContainerdOldMirrors'],
    [
      'old mirrors beside a config_path',
      '2.1.9',
      config(v3(`${V3}\nconfig_path = "${CERTS}"\n${MIRRORS}`)),
      'ContainerdOldMirrors',
    ],
    ['a configuration that is no TOML', '2.1.9', config('version = 3\n[plugins\n'), 'ContainerdConfigBroken'],
    [
      'a folder that comes before ours',
      '2.1.9',
      { files: { [`${CERTS}/a.example_5000_/ca.crt`]: 'x' } },
      'ContainerdFolderHidesOurs',
    ],
    [
      'a _default that ours hides',
      '2.1.9',
      { files: { [`${CERTS}/_default/hosts.toml`]: 'server = "x"' } },
      'ContainerdDefaultHidden',
    ],
    [
      'a client certificate beside ours',
      '2.1.9',
      { files: { [`${CERTS}/a.example:5000/client.cert`]: 'x' } },
      'ContainerdCertsNotRead',
    ],
    [
      'a broken hosts.toml of somebody else',
      '2.1.9',
      { files: { [`${CERTS}/c/hosts.toml`]: '[host\nx' } },
      'ContainerdHostsTomlBroken',
    ],
  ])('tells of %s', (_, version, scene, code) => {
    expect(codes(version, scene)).toEqual([code]);
  });

  it('tells of a node without a configuration', () => {
    const bare = { ...healthy, files: {} };
    expect(findings('2.1.9', {}, bare).map(({ code }) => code)).toEqual(['ContainerdConfigPathEmpty']);
    expect(findings('2.1.9', {}, bare)[0]?.fix).toContain('version = 3 on its first line and config_path');
    expect(findings('1.7.28', {}, bare)[0]?.fix).toContain('version = 2 on its first line and config_path');
  });

  it.each([
    ['1', '', '[plugins."cri".registry]'],
    ['2', 'version = 2\n', V2],
    ['3', 'version = 3\n', V3],
    ['4', 'version = 4\n', V3],
  ])('gives the fix in the words of format %s', (_, text, section) => {
    const [only] = findings('2.1.9', config(text));
    expect(only?.fix).toContain(`config_path = "${CERTS}" under ${section} in ${CONFIG}`);
    expect(only?.fix).not.toContain('first line');
    expect(only?.fix).toContain('systemctl restart containerd');
  });

  it('offers to do it only where nobody else’s files would stop being read', () => {
    const offer = (text: string): boolean =>
      findings('2.1.9', config(text))[0]?.fix.includes('--set-config-path') === true;
    expect(offer(v3(''))).toBe(true);
    expect(offer('version = 2\n')).toBe(true);
    expect(offer('')).toBe(false);
    expect(offer(v3(`${V3}\nconfig_path = "/x"`))).toBe(false);
    expect(offer(v3(MIRRORS))).toBe(false);
  });

  it('says that the plugin will not load only where both are set', () => {
    const both = findings('2.1.9', config(v3(`${V3}\nconfig_path = "${CERTS}"\n${MIRRORS}`)));
    expect(both[0]?.message).toContain('does not load at the next start');
    expect(findings('2.1.9', config(v3(MIRRORS)))[0]?.message).toContain('are not read');
  });

  it('follows the command line to another configuration', () => {
    const scene = {
      files: { '/etc/containerd/other.toml': v3(`${V3}\nconfig_path = "/x"`) },
      processes: { containerd: ['containerd', '--config=/etc/containerd/other.toml'] },
      dump: v3(`${V3}\nconfig_path = "${CERTS}"`),
    };
    expect(codes('2.1.9', scene)).toEqual(['ContainerdConfigPathElsewhere']);
  });

  it('names the version that is too old, and nothing beside', () => {
    const told = findings('1.6.38', config(''));
    expect(told.map(({ code }) => code)).toEqual(['RuntimeUnsupported']);
    expect(told[0]?.message).toContain('containerd 1.6.38 is too old');
  });

  it('puts no line break of a file name into a text, and cuts it', () => {
    const name = `c\n${'x'.repeat(3000)}`;
    const [only] = findings('2.1.9', { files: { [`${CERTS}/${name}/hosts.toml`]: '[' } });
    expect(only?.message).not.toContain('\n');
    expect(only?.message.length).toBe(512);
  });
});

describe('configPathInForce', () => {
  it.each([
    ['2.2.0', undefined, false, LIST],
    ['2.2.0', '', false, LIST],
    ['2.2.0', '', true, ''],
    ['2.1.9', '', false, ''],
    ['2.2.0', '/x', false, '/x'],
  ] as const)('on %s with %j and mirrors %s is %j', (version, configPath, hasMirrors, path) => {
    expect(configPathInForce({ configPath, hasMirrors, pullsLocally: false }, version)).toBe(path);
  });
});
