// Gather script: one read-only script that prints what is on a node, a record a line; gather-report.ts reads it back.
import { PROCESS_NAMES, PROGRAM_NAMES, TRACES } from './found.ts';
import type { NodeLayout } from '../node-file.ts';
import { quoteForShell } from '../shell-quote.ts';

/** Of one file. A hosts.toml has a few hundred bytes, a drop-in with a hundred registries 60 KB. */
export const MAX_FILE_BYTES = 256 * 1024;
/** Of a note of ours and of the auth file, which are needed whole. */
export const MAX_WHOLE_BYTES = 1024 * 1024;
/** Of all contents together. */
export const MAX_TOTAL_BYTES = 8 * 1024 * 1024;
/** Of files and folders; some 3 ms each. */
export const MAX_ENTRIES = 4000;

/**
 * Nothing of a file is sent unless it is configuration by its name or ours by its first line: certs.d may hold private keys.
 * The hash is taken before the content: a file that changes in between fails the check that the plan is made for.
 * Functions of sh have no variables of their own: what a function needs after a call is in its positional parameters.
 */
const FUNCTIONS = String.raw`
  encode() { base64 | tr -d '\n'; }
  name_of() {
    case $1 in
      *[!A-Za-z0-9._:/@+,~-]*) name="+$(printf '%s' "$1" | encode)" ;;
      *) name="=$1" ;;
    esac
  }
  # is_ours FILE SIZE: a line is read byte by byte, and a large file of others may be one line
  is_ours() {
    first=''
    if [ "$2" -le 65536 ]; then IFS= read -r first <"$1"; else first=$(head -c 256 <"$1" | tr -d '\0'); fi
    case $first in *registry-failover*) return 0 ;; esac
    return 1
  }
  # read_file FILE SIZE LIMIT: sets hash and content
  read_file() {
    hash=- content='!Unreadable'
    if [ "$2" -gt "$3" ]; then content='!TooLarge'; return; fi
    if [ "$2" -gt "$budget" ]; then content='!TooMuch'; return; fi
    [ -r "$1" ] || return
    sum=$(sha256sum <"$1") || return
    text=$(head -c "$3" <"$1" | encode) || return
    hash=${'${sum%% *}'} content="=$text" budget=$((budget - $2))
  }
  # see FILE [whole]
  see() {
    [ -e "$1" ] || [ -L "$1" ] || return
    count=$((count + 1))
    if [ "$count" -gt "$max_entries" ]; then too_many=yes; return; fi
    facts=$(stat -c '%a %u %g %s' -- "$1") || { say_error "cannot look at $1"; return; }
    kind=other hash=- content=-
    if [ -L "$1" ]; then kind=symlink
    elif [ -d "$1" ]; then kind=directory
    elif [ -f "$1" ]; then
      kind=file
      size=${'${facts##* }'}
      case ${'${2-$1}'} in
        whole) read_file "$1" "$size" "$max_whole" ;;
        # What we wrote must be read again however large it is: else it is nobody's, and stays for good.
        *) if is_ours "$1" "$size"; then read_file "$1" "$size" "$max_whole"
          else case $1 in *.conf | *.toml) read_file "$1" "$size" "$max_file" ;; esac
          fi ;;
      esac
    fi
    name_of "$1"
    printf 'entry %s %s %s %s %s\n' "$kind" "$facts" "$hash" "$content" "$name"
  }
  # walk FOLDER DEPTH: everything in it, hidden names too; links are not followed
  walk() {
    for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
      see "$entry"
      if [ "$2" -gt 1 ] && [ -d "$entry" ] && [ ! -L "$entry" ]; then walk "$entry" "$(($2 - 1))"; fi
    done
  }
  # top FOLDER: the folder itself, its configuration files and what is left of us in it
  top() {
    see "$1"
    for entry in "$1"/*.toml "$1"/*/*.toml "$1"/.*registry-failover*; do
      case $entry in
        *.note) see "$entry" whole ;;
        *) see "$entry" ;;
      esac
    done
  }
  say_error() { printf 'error +%s\n' "$(printf '%s' "$1" | encode)"; }
  say_text() { printf '%s =%s\n' "$1" "$(head -c "$max_file" | encode)"; }
  # process PID: start time is field 22; the name in brackets, field 2, may hold anything
  process() {
    IFS= read -r line <"$proc/$1/stat" || return
    set -- "$1" ${'${line##*) }'}
    start=${'${21-}'}
    while IFS= read -r line; do
      case $line in
        NSpid:*) set -- "$1" $line; [ $# -eq 3 ] || return; break ;;
      esac
    done <"$proc/$1/status"
    printf 'process %s %s %s =%s\n' "$1" "$start" "$comm" "$(head -c 16384 <"$proc/$1/cmdline" | encode)"
  }
  processes() {
    for entry in "$proc"/[0-9]*; do
      comm=''
      IFS= read -r comm <"$entry/comm" || continue
      case $comm in
        __PROCESS_NAMES__) process "${'${entry##*/}'}" ;;
      esac
    done
  }
  program() {
    case $1 in
      crio | containerd) printf 'program %s =%s\n' "$1" "$(timeout 5 "$1" --version </dev/null | head -c 2048 | encode)" ;;
      *) printf 'program %s =\n' "$1" ;;
    esac
  }
  # A container does not see its host. The root of process 1 tells; who may not look there tells by a capability
  # that root has and the agent has not (bit 21, CAP_SYS_ADMIN).
  whole_host() {
    mine=$(stat -L -c %d:%i /) || return 1
    if other=$(stat -L -c %d:%i /proc/1/root/); then [ "$mine" = "$other" ]; return; fi
    while read -r key mine; do
      [ "$key" != CapEff: ] || break
    done </proc/self/status
    [ $((0x$mine & 0x200000)) -ne 0 ]
  }`;

const BODY = String.raw`
  {
    printf 'registry-failover 1 %s %s\n' "$(id -u)" "$(date +%s)"
    top "$containers"
    [ "$containers" = "$containerd" ] || top "$containerd"
    see "$containers/registries.conf"
    see "$containers/registries.conf.d"
    walk "$containers/registries.conf.d" 1
    see "$containers/certs.d"
    walk "$containers/certs.d" 2
    if [ "$containers" != "$containerd" ]; then
      see "$containerd/certs.d"
      walk "$containerd/certs.d" 2
    fi
    if [ -n "$auth" ]; then
      see "${'${auth%/*}'}"
      see "$auth" whole
      for entry in "${'${auth%/*}'}"/.*registry-failover*; do see "$entry"; done
    fi
    [ -z "$too_many" ] || echo cut
    processes
    if whole_host; then
      echo host
      [ ! -r /etc/os-release ] || say_text os-release </etc/os-release
      for entry in __TRACES__; do [ ! -e "$entry" ] || printf 'trace %s\n' "$entry"; done
      see /root/.config/containers/registries.conf
      walk /root/.config/containers/registries.conf.d 1
      see /etc/crio/crio.conf
      walk /etc/crio/crio.conf.d 1
      walk /etc/docker/certs.d 1
      for entry in __PROGRAM_NAMES__; do
        if command -v "$entry" >/dev/null; then program "$entry"; fi
      done
      if command -v containerd >/dev/null && [ -f "$containerd/config.toml" ]; then
        timeout 5 containerd --config "$containerd/config.toml" config dump </dev/null | say_text containerd-dump
      fi
    fi
    [ -z "$too_many" ] || say_error "more than $max_entries files and folders; the rest was not looked at"
    echo end
  } 2>/dev/null`;

function words(names: readonly string[]): string {
  return names.map(quoteForShell).join(' ');
}

/** Prints records for `parseGatherReport`. Writes nothing, needs coreutils only, and works where half of it does not exist. */
export function printGatherScript(layout: NodeLayout, processFolder = '/proc'): string {
  const functions = FUNCTIONS.replace('__PROCESS_NAMES__', PROCESS_NAMES.join(' | '));
  const body = BODY.replace('__TRACES__', words(TRACES)).replace('__PROGRAM_NAMES__', words(PROGRAM_NAMES));
  return `main() {
  set -u
  export LC_ALL=C
  containers=${quoteForShell(layout.containersFolder)} containerd=${quoteForShell(layout.containerdFolder)}
  auth=${quoteForShell(layout.authFile ?? '')} proc=${quoteForShell(processFolder)}
  max_file=${MAX_FILE_BYTES} max_whole=${MAX_WHOLE_BYTES} budget=${MAX_TOTAL_BYTES} max_entries=${MAX_ENTRIES} count=0 too_many=''
${functions}
${body}
}
main </dev/null
`;
}
