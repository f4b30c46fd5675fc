// Sync functions: the verbs of the script that changes a node, in POSIX sh; sync-script.ts calls them with what the plan says.

/** Finds CRI-O and nobody else's: a process in a nested container has more than one number after NSpid. */
const PROCESSES = String.raw`
  # field KEY FILE: sets value and rest, what KEY has in a status file: the first word, and the others; empty where it is not there
  field() {
    value='' rest=''
    while read -r key value rest; do
      [ "$key" != "$1" ] || break
    done 2>/dev/null <"$2"
  }
  # started PID: sets start (field 22 of stat; the name in brackets, field 2, may hold anything); false when it is gone
  started() {
    start=''
    IFS= read -r line 2>/dev/null <"$proc/$1/stat" || return 1
    set -- "$1" ${'${line##*) }'}
    [ "$2" != Z ] || return 1
    start=${'${21-}'}
    field NSpid: "$proc/$1/status"
    [ -z "$rest" ]
  }
  # is PID:START
  is() { started "${'${1%%:*}'}" && [ "$start" = "${'${1##*:}'}" ]; }
  # hears PID: does it live on after a SIGHUP? See docs/adr/0014-sighup-when-it-is-heard.md
  hears() {
    field SigCgt: "$proc/$1/status"
    case "$value" in *[13579bdf]) ;; *) return 1 ;; esac
    # Without a handler for SIGURG it is no Go program, and what it catches is what it asked for.
    case "$value" in *[4567cdef]?????) ;; *) return 0 ;; esac
    # Of a Go program one thread blocks all signals but those that it asked for.
    for thread in "$proc/$1"/task/[0-9]*; do
      field SigBlk: "$thread/status"
      case "$value" in ffffff*[02468ace]) return 0 ;; esac
    done
    return 1
  }
  # awake: waits until there is no CRI-O that a SIGHUP would end, as it would end one that is starting; sets found.
  # 100 looks, 0.2 s apart, for the whole script, which has a minute.
  patience=100
  awake() {
    while :; do
      found='' deaf=''
      for entry in "$proc"/[0-9]*; do
        name=''
        IFS= read -r name 2>/dev/null <"$entry/comm" || continue
        pid=${'${entry##*/}'}
        if [ "$name" != crio ] || ! started "$pid"; then continue; fi
        found="$found $pid:$start"
        hears "$pid" || deaf=$pid
      done
      [ -n "$deaf" ] || return 0
      step="wait any longer for CRI-O (process $deaf) to start: until it has, a SIGHUP would end it (systemctl status crio)"
      [ "$patience" -gt 0 ] || return 1
      patience=$((patience - 1))
      sleep 0.2
    done
  }
  # reload: SIGHUP to CRI-O, then a second in which it must not die; without one there is nobody to tell
  reload() {
    tried=yes told=''
    awake || return 1
    step='tell CRI-O to read its configuration anew (SIGHUP), or it ended within a second of that (systemctl status crio)'
    for one in $found; do
      is "$one" || continue
      if kill -HUP "${'${one%%:*}'}"; then told="$told $one"
      elif is "$one"; then return 1
      fi
    done
    for turn in 1 2 3 4 5; do
      [ -n "$told" ] || return 0
      sleep 0.2
      for one in $told; do
        is "$one" || return 1
      done
    done
  }`;

const FILES = String.raw`
  same() { [ -f "$1" ] && [ ! -L "$1" ] && sum=$(sha256sum <"$1") && [ "${'${sum%% *}'}" = "$2" ]; }
  none() { [ ! -e "$1" ] && [ ! -L "$1" ]; }
  folder() { [ -d "$1" ] && [ ! -L "$1" ]; }
  settle() { sync "${'${1%/*}'}/"; }
  # stage FILE MODE OWNER HASH BASE64: a new file, on the disk; nobody else may read it before its mode is set
  stage() {
    rm -f "$1" || return
    set -C
    true >"$1" || { set +C; return 1; }
    set +C
    if [ -n "$3" ] && [ "$(stat -c %u:%g "$1")" != "$3" ]; then chown "$3" "$1" || return; fi
    printf %s "$5" | base64 -d >"$1" || return
    chmod "$2" "$1" && same "$1" "$4" && sync "$1"
  }
  # put NEW FILE: a rename, so that there are the old bytes or the new
  put() { mv -f -T "$1" "$2" && settle "$2"; }
  # put_new NEW FILE: where nothing may be replaced
  put_new() { mv -n -T "$1" "$2" && none "$1" && settle "$2"; }
  # keep FILE OLD: the present bytes under a second name
  keep() { { ln -T "$1" "$2" || cp -p -T "$1" "$2"; } && sync "$2" && settle "$2"; }
  drop() { rm -f "$1" && settle "$1"; }
  # take_folder FOLDER OLD NAMES: only if nothing else has come into it
  take_folder() { put_new "$1" "$2" && inside=$(ls -A "$2") && [ "$inside" = "$3" ]; }
  # put_back OLD FILE: two names of the same bytes are no move, and a file that could not be replaced (chattr +i) is as it was
  put_back() {
    [ -e "$1" ] || return 0
    if [ "$1" -ef "$2" ]; then drop "$1"; return; fi
    put "$1" "$2" || { sum=$(sha256sum <"$1") && same "$2" "${'${sum%% *}'}" && drop "$1"; }
  }
  # unput FILE HASH HASH: a file that was not there before, if it still is what we wrote
  unput() { if same "$1" "$2" || same "$1" "$3"; then drop "$1"; fi; }
  # put_folder_back AWAY FOLDER
  put_folder_back() { none "$1" || put_new "$1" "$2"; }`;

const ENDS = String.raw`
  tell() { printf '%s +%s\n' "$1" "$(printf %s "$2" | base64 | tr -d '\n')"; }
  # stale PATH: it is not as it was when the plan was made; nothing has been touched
  stale() { unmake; tell 'outcome changed' "$1"; exit 0; }
  # fail: back to where it began. The step under way is the reason.
  fail() {
    outcome=stopped undone=yes why=$step
    [ -z "$changing" ] || outcome=rolledback
    if [ -n "$noted" ]; then
      back
      if [ -n "$tried" ]; then reload || undone=no; fi
      if [ "$undone" = yes ]; then note_back || undone=no; fi
    fi
    # What lies beside before that may be another run's, which holds the lock.
    [ -z "$staging" ] || unstage
    unmake
    [ "$undone" = yes ] || outcome=broken
    tell "outcome $outcome" "$why"
    exit 0
  }
  run() { "$@" || fail; }
  # undo: as run, on the way back, where every step is tried
  undo() { "$@" || undone=no; }`;

export const SYNC_FUNCTIONS = `${FILES}\n${PROCESSES}\n${ENDS}`;
