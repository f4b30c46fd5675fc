// Config path script: has containerd read its certs.d: new config.toml, restart, containers counted, or everything as before.
import { quoteForShell } from '../shell-quote.ts';

export interface ConfigPathChange {
  /** config.toml, absolute. */
  readonly file: string;
  /** Hex SHA-256 of what was read; undefined: there was no file. */
  readonly beforeSha256: string | undefined;
  /** The new text, base64. */
  readonly after: string;
  readonly afterSha256: string;
  /** The value, for a look at what containerd makes of it. */
  readonly path: string;
  /** containerd's socket. */
  readonly socket: string;
  /** For containerd to come back with its containers, seconds. */
  readonly patienceSeconds: number;
}

/** What its last line says; anything else is a failure before anything was changed. */
export const CONFIG_PATH_ENDINGS = ['set', 'refused', 'rolled-back', 'broken'] as const;
export type ConfigPathEnding = (typeof CONFIG_PATH_ENDINGS)[number];

// Read by dash and bash. Every value comes in quoted, at the top. Nothing is done before the last line has arrived.
//
// Containers are known by containerd's own list of running tasks, each with its process: all of them have to be there again. One
// that ends by itself in those seconds looks lost too, and then everything is put back: the safe side.
const BODY = String.raw`
say() { printf '%s\n' "$*"; }
refuse() { say "$*"; say 'config-path refused'; exit 0; }
sha_of() { sha256sum "$1" | cut -d ' ' -f 1; }
tasks() { ctr --address "$socket" --namespace k8s.io tasks ls 2>/dev/null | while read -r id pid state; do
  [ "$state" = RUNNING ] && printf '%s %s\n' "$id" "$pid"; done; :; }
# The plugin that the kubelet talks to is there: containerd answers without it too.
answers() { ctr --address "$socket" plugins ls 2>/dev/null | grep -Eq '^io[.]containerd[.]grpc[.]v1 +cri +.* ok *$'; }
# Of the tasks in the list $1 those that are not there now, and those whose process lives.
missing() { now=$(tasks); printf '%s\n' "$1" | while read -r id pid; do
  [ -n "$id" ] || continue
  case "
$now
" in *"
$id $pid
"*) ;; *) printf '%s ' "$id";; esac; done; }
living() { printf '%s\n' "$1" | while read -r id pid; do
  [ -n "$id" ] && [ -d "/proc/$pid" ] && printf '%s %s\n' "$id" "$pid"; done; :; }
# A task whose process is gone does not come back: that is not waited for.
await_all() { n=0; while :; do
  lost='containerd does not answer'
  if answers; then
    lost=$(missing "$1"); [ -n "$lost" ] || return 0
    [ "$(living "$1")" = "$1" ] || return 1
  fi
  n=$((n + 1)); [ "$n" -le "$patience" ] || return 1; sleep 1; done; }
settle() { sync "$1" && sync "$folder"; }
put_back() {
  if [ -n "$before_sha" ]; then cp -p "$backup" "$temp" && settle "$temp" && mv -f "$temp" "$file"; else rm -f "$file"; fi
  settle "$folder"
  systemctl restart containerd; await_all "$(living "$running")"; }
set_config_path() {
  trap '' HUP PIPE INT TERM
  umask 077
  folder=$(dirname "$file"); temp="$folder/.config.toml.registry-failover.new"; backup="$file.before-registry-failover"
  for program in systemctl containerd ctr sha256sum base64; do
    command -v "$program" >/dev/null 2>&1 || refuse "$program is not there"; done
  systemctl is-active --quiet containerd || refuse 'containerd is no running unit of systemd here'
  answers || refuse "containerd does not answer on $socket"
  [ ! -L "$file" ] || refuse "$file is a symbolic link"
  if [ -n "$before_sha" ]; then
    [ "$(sha_of "$file")" = "$before_sha" ] || refuse "$file has changed since it was read"
    cp -p "$file" "$temp" && cp -p "$file" "$backup" && settle "$backup" || refuse 'no backup could be made'
  else
    [ ! -e "$file" ] || refuse "$file has appeared since"
    mkdir -p "$folder" && : > "$temp" && chmod 644 "$temp" || refuse "$folder cannot be written to"
  fi
  printf '%s' "$after" | base64 -d > "$temp" && [ "$(sha_of "$temp")" = "$after_sha" ] && settle "$temp" ||
    { rm -f "$temp"; refuse "$temp could not be written"; }
  dump=$(containerd --config "$temp" config dump 2>&1) || { rm -f "$temp"; refuse 'containerd does not take the new file'; }
  case "$dump" in *"config_path = '$path'"*|*"config_path = \"$path\""*) ;;
    *) rm -f "$temp"; refuse 'another file that config.toml imports overrides the setting';; esac
  running=$(tasks)
  mv -f "$temp" "$file" && sync "$folder" || { rm -f "$temp"; refuse "$file could not be replaced"; }
  count=$(printf '%s' "$running" | grep -c . || :)
  if systemctl restart containerd && await_all "$running"; then
    say "containers running before and after: $count"; say 'config-path set'; return 0; fi
  say "not back after the restart: $lost"
  if put_back; then say 'config-path rolled-back'; else say "still not back: $lost"; say 'config-path broken'; fi
}
set_config_path
`;

/** The whole script. */
export function configPathScript(change: ConfigPathChange): string {
  const values = {
    file: change.file,
    before_sha: change.beforeSha256 ?? '',
    after: change.after,
    after_sha: change.afterSha256,
    path: change.path,
    socket: change.socket,
    patience: String(change.patienceSeconds),
  };
  const head = Object.entries(values).map(([name, value]) => `${name}=${quoteForShell(value)}`);
  return `set -u\n${head.join('\n')}\n${BODY.trim()}\n`;
}

/** How it ended, and what it said before that. undefined: not by one of its own endings. */
export function readConfigPathEnding(
  stdout: string,
): { readonly ending: ConfigPathEnding; readonly said: string } | undefined {
  const lines = stdout.trimEnd().split('\n');
  const last = lines.pop() ?? '';
  const ending = CONFIG_PATH_ENDINGS.find((one) => last === `config-path ${one}`);
  return ending === undefined ? undefined : { ending, said: lines.join('; ') };
}
