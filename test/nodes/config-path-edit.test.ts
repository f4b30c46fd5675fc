// config.toml with one value more: read back it is the old one and that value, and nobody's comment is lost.
import fc from 'fast-check';
import { parse, stringify } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { editConfigPath } from '../../src/nodes/writing/config-path-edit.ts';

const PATH = '/etc/containerd/certs.d';
const V2 = '[plugins."io.containerd.grpc.v1.cri".registry]';
const V3 = "[plugins.'io.containerd.cri.v1.images'.registry]";

function edit(text: string, newFormat: 2 | 3 = 3): string {
  const edited = editConfigPath({ text, newFormat, path: PATH });
  return edited.ok ? edited.value : `refused: ${edited.error}`;
}

describe('editConfigPath', () => {
  it.each([
    [
      'makes a file where there is none',
      '',
      `version = 3\n\n[plugins."io.containerd.cri.v1.images".registry]\n  config_path = "${PATH}"\n`,
    ],
    [
      'keeps a file of comments',
      '# ours\n',
      `version = 3\n# ours\n\n[plugins."io.containerd.cri.v1.images".registry]\n  config_path = "${PATH}"\n`,
    ],
    [
      'adds the table',
      'version = 2\nroot = "/r"',
      `version = 2\nroot = "/r"\n\n${V2}\n  config_path = "${PATH}"\n`,
    ],
    [
      'fills an empty value',
      `version = 3\n${V3}\n  config_path = "" # none\n`,
      `version = 3\n${V3}\n  config_path = "${PATH}" # none\n`,
    ],
    [
      'replaces a list',
      `version = 3\n${V3}\nconfig_path = '/a:/b'\r\n`,
      `version = 3\n${V3}\nconfig_path = "${PATH}"\r\n`,
    ],
    [
      'adds to a table that is there',
      `version = 2\n  ${V2} # hi\n    [plugins."io.containerd.grpc.v1.cri".registry.headers]\n`,
      `version = 2\n  ${V2} # hi\n    config_path = "${PATH}"\n    [plugins."io.containerd.grpc.v1.cri".registry.headers]\n`,
    ],
    [
      'is not taken in by text in a string',
      `version = 2\nnote = """\n${V2}\nconfig_path = "x"\n"""\n`,
      `version = 2\nnote = """\n${V2}\nconfig_path = "x"\n"""\n\n${V2}\n  config_path = "${PATH}"\n`,
    ],
    [
      'leaves the setting of another plugin',
      `version = 3\n[plugins.'io.containerd.transfer.v1.local']\nconfig_path = ""\n`,
      `version = 3\n[plugins.'io.containerd.transfer.v1.local']\nconfig_path = ""\n\n[plugins."io.containerd.cri.v1.images".registry]\n  config_path = "${PATH}"\n`,
    ],
  ])('%s', (_, before, after) => {
    expect(edit(before)).toBe(after);
  });

  it.each([
    ['no TOML', 'version = ', /not TOML/],
    ['the first format', 'root = "/x"\n', /containerd config migrate/],
    ['a format that is not known yet', 'version = 4\n', /containerd config migrate/],
    ['tables that cannot be added to', 'version = 2\nplugins = {}\n', /cannot be added to/],
    ['a file that has it', `version = 3\n${V3}\nconfig_path = "${PATH}"\n`, /already/],
  ])('refuses %s', (_, text, words) => {
    expect(edit(text)).toMatch(words);
  });

  it('changes this one value and nothing else, whatever is there', () => {
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string(), { maxLength: 3 }));
    const table = fc.dictionary(fc.string({ minLength: 1, maxLength: 6 }), leaf, {
      maxKeys: 4,
      noNullPrototype: true,
    });
    const path = fc.oneof(fc.constantFrom('', '/a', '/a:/b', '/a b#c'), fc.string());
    const registry = fc.option(
      fc.record({ config_path: fc.option(path, { nil: undefined }), headers: table }),
      { nil: undefined },
    );
    const file = fc.record({
      root: fc.string(),
      other: table,
      registry,
      format: fc.constantFrom(2 as const, 3 as const),
    });
    fc.assert(
      fc.property(file, ({ root, other, registry: own, format }) => {
        const plugin = format === 2 ? 'io.containerd.grpc.v1.cri' : 'io.containerd.cri.v1.images';
        const plugins = {
          other,
          [plugin]: { sandbox: 'x', ...(own === undefined ? {} : { registry: own }) },
        };
        const before = parse(stringify({ version: format, root, plugins }));
        const after = edit(stringify(before));
        // A value with quotes in it is no path; it may be refused.
        if (after.startsWith('refused') && /["'\\]/.test(own?.config_path ?? '')) return;
        if (own?.config_path === PATH) return;
        const wanted = {
          version: format,
          root,
          plugins: { other, [plugin]: { sandbox: 'x', registry: { ...own, config_path: PATH } } },
        };
        expect(parse(after)).toEqual(parse(stringify(wanted)));
      }),
    );
  });
});
