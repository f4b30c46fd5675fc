// Drill script: what a drill does on a node, as two scripts: look at it, and pull an image with or without its registry.
import { quoteForShell } from '../shell-quote.ts';
import { drillRules, UNTIL } from './drill-rules.ts';
import type { DrillBlock } from './drill-rules.ts';

/** With what an image can be pulled on a node. */
export const DRILL_TOOLS = ['crictl', 'ctr', 'podman'] as const;
export type DrillTool = (typeof DRILL_TOOLS)[number];

/** How an image is pulled. */
export interface DrillPull {
  readonly tool: DrillTool;
  /** Absolute path of the CRI or containerd socket; undefined: the tool's own default. */
  readonly socket: string | undefined;
  readonly image: string;
  /** containerd's certs.d, for `ctr`, which does not read its configuration. */
  readonly hostsFolder: string;
  /** After these the pull is given up. */
  readonly seconds: number;
  /** The unit whose journal may tell which source served. */
  readonly unit: string | undefined;
}

// Over ssh root's PATH may lack the sbin folders.
const HEAD = `
  set -u
  PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  LC_ALL=C
  export PATH LC_ALL`;

const RESOLVE = String.raw`
  resolve() {
    getent ahosts "$2" | while read -r address _; do printf 'rf:%s %s\n' "$1" "$address"; done
  }
  tell() { cut -c1-300 | while IFS= read -r line; do printf 'rf:%s %s\n' "$1" "$line"; done; }`;

/** A script is one function that is called on the last line: half a script does nothing. */
function script(body: string): string {
  return `drill() {${HEAD}\n${body}\n}\ndrill\n`;
}

// A registry with many addresses names other ones each time.
const LOOK = String.raw`
  first=''
  for _ in 1 2 3; do resolve address "$1"; done
  for tool in crictl ctr podman iptables ip6tables nft setsid timeout; do
    if command -v "$tool" >/dev/null 2>&1; then printf 'rf:tool %s\n' "$tool"; fi
  done
  for socket in "$2" /run/crio/crio.sock /var/run/crio/crio.sock /run/containerd/containerd.sock; do
    if [ -S "$socket" ]; then
      printf 'rf:socket %s\n' "$socket"
      first=${'${first:-$socket}'}
    fi
  done
  for folder in /proc/[0-9]*; do
    comm=''
    { read -r comm <"$folder/comm"; } 2>/dev/null || continue
    case $comm in
      crio|containerd)
        printf 'rf:runtime %s\n' "$comm"
        tr '\0' '\n' <"$folder/environ" 2>/dev/null | while IFS= read -r word; do
          case $word in HTTPS_PROXY=?*|https_proxy=?*) printf 'rf:proxy %s\n' "$comm" ;; esac
        done ;;
    esac
  done
  if command -v crictl >/dev/null 2>&1; then
    if [ -n "$first" ]; then set -- --runtime-endpoint "unix://$first" --image-endpoint "unix://$first"; else set --; fi
    timeout 10 crictl "$@" images 2>/dev/null </dev/null | head -n 500 | while read -r name tag _; do
      printf 'rf:image %s:%s\n' "$name" "$tag"
    done
  elif command -v ctr >/dev/null 2>&1; then
    timeout 10 ctr -n k8s.io images ls -q 2>/dev/null </dev/null | head -n 500 | tell image
  elif command -v podman >/dev/null 2>&1; then
    timeout 20 podman images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null </dev/null | head -n 500 | tell image
  fi
  printf 'rf:done\n'`;

/** Prints what there is to drill with: the registry's addresses as this node knows them, tools, sockets, images. Reads only. */
export function lookScript(hostname: string, socket: string | undefined): string {
  const words = [hostname, socket ?? ''].map(quoteForShell).join(' ');
  return script(`${RESOLVE}\n  set -- ${words}\n${LOOK}`);
}

/** The words of the command that pulls. */
function pullWords({ tool, socket, image, hostsFolder }: DrillPull): readonly string[] {
  if (tool === 'podman') return ['podman', '--log-level=debug', 'pull', image];
  if (tool === 'ctr') {
    const address = socket === undefined ? [] : ['--address', socket];
    return ['ctr', ...address, '--namespace', 'k8s.io', 'images', 'pull', '--hosts-dir', hostsFolder, image];
  }
  const endpoint =
    socket === undefined
      ? []
      : ['--runtime-endpoint', `unix://${socket}`, '--image-endpoint', `unix://${socket}`];
  // crictl has a time-out of its own, of 2 s by default in old versions.
  return ['crictl', '--timeout', '3600s', ...endpoint, 'pull', image];
}

/** The command that pulls, as people may type it. */
export function printPull(pull: DrillPull): string {
  return pullWords(pull)
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : quoteForShell(word)))
    .join(' ');
}

// The end of what it says is kept: failures are said last. Milliseconds by the node's clock.
const PULL = String.raw`
  pull() {
    begun=$(date +%s)
    from=$(($(date +%s%N) / 1000000))
    said=$({ timeout -k 2 "$seconds" "$@" </dev/null 2>&1; printf '\nrf-exit %s\n' "$?"; } | tail -n 400)
    printf 'rf:ms %s\n' "$(($(date +%s%N) / 1000000 - from))"
    printf 'rf:exit %s\n' "${'${said##*rf-exit }'}"
    printf '%s\n' "${'${said%rf-exit *}'}" | tell said
    if [ -n "$unit" ] && command -v journalctl >/dev/null 2>&1; then
      journalctl --unit "$unit" --since "@$begun" --output cat --no-pager --lines 400 2>/dev/null </dev/null | tell log
    fi
  }`;

function pullPart(pull: DrillPull): string {
  const words = pullWords(pull).map(quoteForShell).join(' ');
  return `${RESOLVE}
  seconds=${pull.seconds} unit=${quoteForShell(pull.unit ?? '')}
${PULL}
  pull_it() { pull ${words}; }`;
}

/** Pulls once, with everything as it is. */
export function pullScript(pull: DrillPull): string {
  return script(`${pullPart(pull)}\n  pull_it\n  printf 'rf:done\\n'`);
}

/** Of the timer, 2 s apart; each may wait some 5 s for a lock three times over. */
const UNDO_TRIES = 100;

/**
 * Pulls once while the registry is black-holed for this node. The rules are taken away when the pull has ended; by a process of
 * its own session when this script has died; and match nothing any more after that time when that process has died too.
 */
export function blockedPullScript(pull: DrillPull, block: DrillBlock, hostname: string): string {
  const { add, remove, count } = drillRules(block);
  const undoing = [
    `unblock() { ${remove.map((command) => `${command} 2>/dev/null`).join('; ')}; }`,
    // iptables gives up with 4 when others hold its lock, kube-proxy for example: then nothing is known, and nothing is undone.
    `gone() { ${count.map((command) => `${command} >/dev/null 2>&1; case $? in 0 | 4) return 1 ;; esac`).join('; ')}; }`,
  ].join('\n  ');
  const timer = `sleep ${block.seconds}; ${undoing}
  tries=0
  until unblock; gone || [ "$tries" -ge ${UNDO_TRIES} ]; do tries=$((tries + 1)); sleep 2; done`;
  return script(
    `${pullPart(pull)}
  TZ=UTC0
  export TZ
  until=$(date -d "@$(($(date +%s) + ${block.seconds}))" ${quoteForShell(UNTIL[block.firewall])})
  ${undoing}
  # Before the first rule: no rule without somebody to take it away.
  setsid sh -c ${quoteForShell(timer)} </dev/null >/dev/null 2>&1 &
  timer=$!
  refused='no timer'
  trap 'unblock; exit 1' HUP INT TERM PIPE
  if kill -0 "$timer" && refused=$({ ${add.join(' && ')}; } 2>&1); then
    printf 'rf:blocked %s\\n' "$until"
    pull_it
    { ${count.join('; ')}; } 2>/dev/null | tell count
    resolve after ${quoteForShell(hostname)}
  else
    printf '%s\\n' "$refused" | tail -n 1 | tell unblockable
  fi
  unblock
  if gone; then kill -s TERM -- "-$timer" 2>/dev/null; else printf 'rf:still\\n'; fi
  printf 'rf:done\\n'`,
  );
}
