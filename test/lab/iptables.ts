// Undoing iptables rules: ours by the arguments that added them, kube-proxy's and the kubelet's by their names.
import { run } from './run.ts';

const PROGRAMS = ['iptables', 'ip6tables'];
const KUBE = /^-[AN] KUBE-|-j KUBE-/u;

/** The arguments that take away what these added; undefined for what leaves nothing behind. */
export function undoing(args: readonly string[]): readonly (readonly string[])[] {
  const at = args.findIndex((word) => ['-A', '-I', '-N'].includes(word));
  const flag = args[at];
  if (flag === undefined) return [];
  const chain = args[at + 1] ?? '';
  const table = args.slice(0, at);
  if (flag === '-N')
    return [
      [...table, '-F', chain],
      [...table, '-X', chain],
    ];
  const rest = args.slice(at + 2);
  // `-I CHAIN 1 …` names a place, which -D must not.
  const rule = /^[0-9]+$/u.test(rest[0] ?? '') ? rest.slice(1) : rest;
  return [[...table, '-D', chain, ...rule]];
}

/** The lines of iptables-save (and of ip6tables-save) that match, each with its table. */
export async function savedRules(
  pattern: RegExp,
): Promise<readonly { readonly program: string; readonly table: string; readonly line: string }[]> {
  const found = [];
  for (const program of PROGRAMS) {
    let table = '';
    for (const line of (await run(`${program}-save`, [])).split('\n')) {
      if (line.startsWith('*')) table = line.slice(1);
      else if (pattern.test(chainAsRule(line))) found.push({ program, table, line: chainAsRule(line) });
    }
  }
  return found;
}

/** `:KUBE-SVC - [0:0]` declares a chain: said as the -N that would make it. */
function chainAsRule(line: string): string {
  return line.startsWith(':') ? `-N ${line.slice(1).split(' ')[0] ?? ''}` : line;
}

/** The chains that Kubernetes has on this machine, whoever runs it. */
export async function kubeChains(): Promise<readonly string[]> {
  return (await savedRules(KUBE)).map(({ program, table, line }) => `${program} -t ${table} ${line}`);
}

/** Removes every chain named KUBE-* and every rule that leads to one, in one atomic restore for each table. */
export async function removeKubeChains(): Promise<void> {
  const rules = await savedRules(KUBE);
  for (const program of PROGRAMS) {
    for (const table of new Set(rules.filter((rule) => rule.program === program).map((rule) => rule.table))) {
      const lines = rules
        .filter((rule) => rule.program === program && rule.table === table)
        .map((rule) => rule.line);
      const chains = lines.filter((line) => line.startsWith('-N ')).map((line) => line.slice(3));
      const leading = lines.filter((line) => line.startsWith('-A ') && !line.startsWith('-A KUBE-'));
      const input = [
        `*${table}`,
        ...leading.map((line) => line.replace('-A ', '-D ')),
        ...chains.map((chain) => `-F ${chain}`),
        ...chains.map((chain) => `-X ${chain}`),
        'COMMIT\n',
      ].join('\n');
      await run(`${program}-restore`, ['--noflush', '-w', '5'], { input });
    }
  }
}
