// Cli render: the command line of `render`.
import { Command, Option } from 'commander';
import { DEFAULT_LAYOUT } from '../../nodes/node-file.ts';
import { RUNTIMES } from '../../nodes/data/wanted.ts';
import { outputOption, withNamespaceOfDeclared } from '../cli-options.ts';
import type { Wiring } from '../cli-options.ts';
import type { RenderFlags } from './render.ts';

export function renderCommand({ setExit, collect, require }: Wiring): Command {
  const command = new Command('render');
  command
    .description('which files would a node get, and what is left out and why?')
    .option('-m, --manifests <path>', 'declarations (required): a file or directory; repeatable', collect)
    .addOption(
      new Option('--runtime <name>', 'of the node (required); crio is for podman too').choices(RUNTIMES),
    )
    .option('--runtime-version <version>', 'of the runtime (default: the newest that was tried)')
    .option('--out <endpoint>', 'show the order while this registry is out; repeatable', collect)
    .option('--containers-folder <path>', 'of CRI-O and podman', DEFAULT_LAYOUT.containersFolder)
    .option('--containerd-folder <path>', 'of containerd', DEFAULT_LAYOUT.containerdFolder)
    .option('--auth-file <path>', "CRI-O's global_auth_file; without it there is no NodeAuth");
  return withNamespaceOfDeclared(command)
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
Exit codes: 0 every mirror is in a file, 1 there is no file, 2 bad input,
4 something is left out.

Examples, in a clone and where it is installed:
  npm run -s cli -- render -m examples/nodes --runtime containerd
  registry-failover render -m DIR --runtime crio --runtime-version 1.28`,
    )
    .action(async (flags: RenderFlags) => {
      require(command, 'manifests', 'runtime');
      const { runRender } = await import('./render.ts');
      setExit(await runRender(flags));
    });
}
