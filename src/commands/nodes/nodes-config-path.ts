// Nodes config path: has containerd read its certs.d, where it does not yet: only when asked, with a way back.
import { asString, own } from '../../domain/json.ts';
import { err, ok } from '../../domain/result.ts';
import type { Result } from '../../domain/result.ts';
import { ConfigFiles } from '../../nodes/looking/config-files.ts';
import { editConfigPath } from '../../nodes/writing/config-path-edit.ts';
import { configPathScript, readConfigPathEnding } from '../../nodes/writing/config-path-script.ts';
import type { ConfigPathChange, ConfigPathEnding } from '../../nodes/writing/config-path-script.ts';
import { isAtLeast } from '../../nodes/looking/containerd-config.ts';
import { kindAt, textAt } from '../../nodes/looking/found.ts';
import type { NodeLayout } from '../../nodes/node-file.ts';
import { readToml, tableAt } from '../../nodes/looking/toml-read.ts';
import { sha256Hex } from '../../nodes/sha256.ts';
import { isGood } from './nodes-result.ts';
import type { NodeResult } from './nodes-result.ts';
import { lookAgain } from './nodes-work.ts';
import type { NodeTask, SeenNode } from './nodes-work.ts';

/** What this can put right. Where containerd reads another folder, somebody's hosts.toml files are in that one. */
const CURABLE: readonly string[] = ['ContainerdConfigPathEmpty', 'ContainerdConfigPathList'];

const USUAL_SOCKET = '/run/containerd/containerd.sock';
const PATIENCE_SECONDS = 60;
/** A restart and, when it fails, a second one. */
const LIMITS = { timeoutMs: 180_000, maxBytes: 65_536 };

const MEANINGS: Readonly<Record<ConfigPathEnding, string>> = {
  set: 'containerd was restarted and reads certs.d',
  refused: 'config_path was not set, nothing was changed',
  'rolled-back':
    'config_path was set and taken back, because containers were not there again after the restart',
  broken:
    'config_path was taken back, and containerd is NOT as it was before: look at it now, systemctl status containerd',
};

function planChange(seen: SeenNode, layout: NodeLayout): Result<ConfigPathChange, string> {
  const { file } = new ConfigFiles(seen.found, layout).containerd();
  const before = textAt(seen.found, file);
  if (before === undefined && kindAt(seen.found, file) !== undefined) return err(`${file} cannot be read`);
  const path = `${layout.containerdFolder}/certs.d`;
  const newFormat = isAtLeast(seen.runtime.version, [2, 0]) ? 3 : 2;
  const after = editConfigPath({ text: before ?? '', newFormat, path });
  if (!after.ok) return err(`${file}: ${after.error}`);
  const table = readToml(after.value);
  const socket = asString(own(tableAt(table.ok ? table.value : undefined, 'grpc'), 'address'));
  return ok({
    file,
    beforeSha256: before === undefined ? undefined : sha256Hex(before),
    after: Buffer.from(after.value).toString('base64'),
    afterSha256: sha256Hex(after.value),
    path,
    socket: socket ?? USUAL_SOCKET,
    patienceSeconds: PATIENCE_SECONDS,
  });
}

async function change(
  seen: SeenNode,
  layout: NodeLayout,
): Promise<{ ending: ConfigPathEnding; said: string }> {
  const planned = planChange(seen, layout);
  if (!planned.ok) return { ending: 'refused', said: planned.error };
  const outcome = await seen.shell.run(configPathScript(planned.value), LIMITS);
  if (!outcome.ran) return { ending: 'broken', said: outcome.failure };
  return readConfigPathEnding(outcome.stdout) ?? { ending: 'broken', said: `exit code ${outcome.exit}` };
}

/** Sets containerd's `config_path` on a node whose files have been laid down, when that is what is in the way. */
export async function setConfigPath(
  seen: SeenNode,
  result: NodeResult,
  { settings, isDryRun }: NodeTask,
): Promise<NodeResult> {
  const isCurable = result.findings.some(({ code }) => CURABLE.includes(code));
  const isLaidDown = isGood({ ...result, findings: [] });
  if (!isCurable || !isLaidDown) return result;
  if (isDryRun) return { ...result, state: 'differs', notes: [...result.notes, 'config_path to set'] };
  const { ending, said } = await change(seen, settings.layout);
  const words = `${MEANINGS[ending]} (${said})`;
  if (ending !== 'set') return { ...result, state: 'failed', error: words };
  const findings = await lookAgain(seen, settings);
  return { ...result, state: 'changed', findings, notes: [...result.notes, words] };
}
