// Doctor clock: are the clocks of the API server, of this machine and of nodes near enough to each other?
import { Checkup } from './doctor-check.ts';
import type { DoctorCheck } from './doctor-check.ts';
import { controllerLogs } from './doctor-commands.ts';

/** What a clock was seen to say, and ours before and after; milliseconds of Unix time. */
export interface ClockReading {
  readonly theirs: number;
  /** Of what they say: half of it is added. */
  readonly stepMs: number;
  readonly askedAt: number;
  readonly answeredAt: number;
}

/** How far their clock is ahead of ours; negative: behind. */
export function skewOf({ theirs, stepMs, askedAt, answeredAt }: ClockReading): number {
  return theirs + stepMs / 2 - (askedAt + answeredAt) / 2;
}

/** What the reading cannot tell apart. */
function doubtOf({ stepMs, askedAt, answeredAt }: ClockReading): number {
  return (stepMs + answeredAt - askedAt) / 2;
}

const WARNING_MS = 10_000;
/** Tokens and new certificates are refused from here on, by one side or the other. */
const ERROR_MS = 5 * 60_000;

function printGap(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} minutes`;
}

/** Judges one clock. `whose` is `the API server`, `this node`. */
export function judgeClock(place: string, whose: string, reading: ClockReading): readonly DoctorCheck[] {
  const checkup = new Checkup(place);
  const skew = skewOf(reading);
  const sure = Math.abs(skew) - doubtOf(reading);
  const said = `the clock of ${whose} is ${printGap(skew)} ${skew > 0 ? 'ahead of' : 'behind'} this machine’s`;
  const fix = 'Look at both with: date -u; and at who keeps them: timedatectl status, or chronyc tracking';
  if (sure < WARNING_MS) checkup.ok('clock', `the clock of ${whose} and this machine’s agree`);
  else if (sure < ERROR_MS) checkup.warning('clock', said, fix);
  else checkup.error('clock', `${said}: tokens and certificates are refused for their dates`, fix);
  return checkup.checks;
}

/** A Lease as the leader writes it, by its own clock. */
export interface LeaseFacts {
  readonly holder: string;
  /** Milliseconds of Unix time; NaN when it says none. */
  readonly renewedAt: number;
  readonly durationMs: number;
}

/** Judges the leader by its Lease. `now` is the API server's time. */
export function judgeLeader(
  { holder, renewedAt, durationMs }: LeaseFacts,
  {
    now,
    namespace,
    fullname,
  }: { readonly now: number; readonly namespace: string; readonly fullname: string },
): readonly DoctorCheck[] {
  const checkup = new Checkup('cluster');
  const logs = controllerLogs({ namespace, fullname });
  const age = now - renewedAt;
  // Nobody has it between two leaders, for some seconds; a graceful end leaves it empty.
  if (holder === '' || Number.isNaN(renewedAt) || age > 2 * durationMs) {
    const since = Number.isNaN(age) ? '' : `, since ${printGap(age)}`;
    const message = `no controller leads${since}: nothing new gets credentials, rights or certificates`;
    checkup.error('leader', message, `Look at: kubectl -n ${namespace} get pods; and at: ${logs}`);
  } else if (age < -WARNING_MS) {
    const message = `the clock of the leader ${holder} is ${printGap(age)} ahead of the API server’s`;
    checkup.warning(
      'leader',
      message,
      'Look at the clock of its node: timedatectl status, or chronyc tracking',
    );
  } else checkup.ok('leader', `${holder} leads`);
  return checkup.checks;
}
