// Shell: the one way in which anything is done on a node, whether it is this machine's or one behind ssh.

export interface ShellLimits {
  readonly timeoutMs: number;
  /** Of stdout; more is a failure. stderr is cut, not refused. */
  readonly maxBytes: number;
}

/** What a script came to. `failure` is why it could not be run to its end: no connection, time-out, too much output. */
export type ShellOutcome =
  | { readonly ran: true; readonly exit: number; readonly stdout: string; readonly stderr: string }
  | { readonly ran: false; readonly failure: string; readonly stderr: string };

/** POSIX sh as root. The script travels on stdin, never in an argument: it may hold credentials. Never rejects. */
export interface Shell {
  run(script: string, limits: ShellLimits): Promise<ShellOutcome>;
}
