// The HostSurveyor port over SSH: one look, the clock, and the markers in the pools.
import { OperationalError } from '../../../shared/errors.js';
import type { Clock } from '../../../shared/clock.js';
import { POOL_MARKER_FILE, type HostSurvey, type HostSurveyor, type LocksSetUp, type LockTrialPlace, type PoolMark, type TrialLock, type TrialMeeting } from '../../host-survey.js';
import { quote } from '../ssh/shell-quote.js';
import type { RunOptions, RunResult } from '../ssh/ssh-connection.js';
import { dropTrialScript, holdTrialScript, meetTrialScript, readMeeting, readTrial } from './lock-trial-script.js';
import { readSetUp, setUpLocksScript } from './lock-setup-script.js';
import { parseSurvey, SURVEY_SCRIPT, type ClockReading } from './survey-script.js';

/** What is used of an SshConnection: commands run as root. */
export interface RootShell {
  run(script: string, options: RunOptions): Promise<RunResult>;
}

/** Above the sum of what the script itself may wait for a daemon that hangs once. */
const SURVEY_MS = 60_000;
const CLOCK_MS = 5_000;
const MARK_MS = 15_000;
/** Above what the scripts themselves wait. */
const TRIAL_MS = 40_000;
/** With a package to be installed, and a libvirt that is asked again and again. */
const SET_UP_MS = 180_000;
/** The quickest of a few round trips tells the offset best. */
const CLOCK_READINGS = 3;

export class SshHostSurveyor implements HostSurveyor {
  readonly #shell: RootShell;
  readonly #clock: Clock;

  constructor({ shell, clock }: { readonly shell: RootShell; readonly clock: Clock }) {
    this.#shell = shell;
    this.#clock = clock;
  }

  async survey(): Promise<HostSurvey> {
    const { stdout } = await this.#shell.run(SURVEY_SCRIPT, { timeoutMs: SURVEY_MS, what: 'look at the host' });
    return parseSurvey(stdout, await this.#readClock());
  }

  async markPools(newMarkerId: () => string): Promise<readonly PoolMark[]> {
    const { pools } = await this.survey();
    const wanted = pools.filter((pool) => pool.active && pool.writable && pool.markerId === null).map((pool): PoolMark => ({ pool: pool.name, path: pool.path, markerId: newMarkerId() }));
    if (wanted.length === 0) return [];
    const { stdout } = await this.#shell.run(wanted.map(markScript).join('\n'), { timeoutMs: MARK_MS, what: 'pool markers' });
    const written = stdout.split('\n');
    return wanted.filter((mark) => written.includes(mark.markerId));
  }

  async unmarkPools(marks: readonly PoolMark[]): Promise<void> {
    if (marks.length === 0) return;
    await this.#shell.run(marks.map(unmarkScript).join('\n'), { timeoutMs: MARK_MS, what: 'removal of pool markers' });
  }

  async setUpLocks(lockspaceDir: string): Promise<LocksSetUp> {
    return readSetUp((await this.#shell.run(setUpLocksScript(lockspaceDir), { timeoutMs: SET_UP_MS, what: 'set-up of disk locks' })).stdout);
  }

  async holdTrialLock(place: LockTrialPlace): Promise<TrialLock> {
    return readTrial((await this.#shell.run(holdTrialScript(place), { timeoutMs: TRIAL_MS, what: 'trial of disk locks' })).stdout);
  }

  async meetTrialLock(place: LockTrialPlace): Promise<TrialMeeting> {
    return readMeeting((await this.#shell.run(meetTrialScript(place), { timeoutMs: TRIAL_MS, what: 'trial of disk locks' })).stdout);
  }

  async dropTrialLock(place: LockTrialPlace): Promise<void> {
    await this.#shell.run(dropTrialScript(place), { timeoutMs: TRIAL_MS, what: 'end of the trial of disk locks' });
  }

  async #readClock(): Promise<ClockReading> {
    let best: ClockReading | null = null;
    for (let reading = 0; reading < CLOCK_READINGS; reading += 1) {
      const one = await this.#readClockOnce();
      if (best === null || one.roundTripMs < best.roundTripMs) best = one;
    }
    if (best === null) throw new OperationalError('failed', 'the clock was not read');
    return best;
  }

  async #readClockOnce(): Promise<ClockReading> {
    const began = this.#clock.nowMs();
    const beganMonotonic = this.#clock.monotonicMs();
    const { stdout } = await this.#shell.run('date +%s%3N', { timeoutMs: CLOCK_MS, what: 'clock' });
    const roundTripMs = this.#clock.monotonicMs() - beganMonotonic;
    const hostMs = Number(stdout.trim());
    if (!Number.isFinite(hostMs)) throw new OperationalError('failed', `the host's clock answers ${stdout.trim()}`);
    return { offsetMs: hostMs - (began + roundTripMs / 2), roundTripMs };
  }
}

/** `ln` makes the name only if it is not there, with its content; two hosts at once end with one marker. Prints the id if it is ours. */
function markScript({ path, markerId }: PoolMark): string {
  return `f=${quote(`${path}/${POOL_MARKER_FILE}`)}; t=$f.${quote(markerId)}
printf '%s\\n' ${quote(markerId)} > "$t" && chmod 644 "$t" && sync "$t" && { ln "$t" "$f" 2>/dev/null || [ -e "$f" ] || mv -n "$t" "$f"; }
rm -f "$t"
m=; read -r m < "$f" && [ "$m" = ${quote(markerId)} ] && echo "$m"
:`;
}

function unmarkScript({ path, markerId }: PoolMark): string {
  return `f=${quote(`${path}/${POOL_MARKER_FILE}`)}; m=; [ ! -e "$f" ] || read -r m < "$f"
[ "$m" != ${quote(markerId)} ] || rm -f "$f"`;
}
