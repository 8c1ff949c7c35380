// Timing: every timeout of the detector and of the quorum lease, derived in one place from three numbers that a person may set.
import { fail, ok, type Result } from '../shared/result.js';

export interface TimingSettings {
  /** Between two heartbeats to each member on each link. */
  readonly heartbeatMs: number;
  /** Without a two-way exchange for this long on any link, an observer says that it does not hear the member. */
  readonly silentMs: number;
  /** A watchdog that was not fed for this long resets the host. Whole seconds: watchdog devices know nothing finer. */
  readonly watchdogMs: number;
}

export interface Timing extends TimingSettings {
  /** Doubt starts here: an SSH look is taken, nothing is declared. */
  readonly suspectMs: number;
  /** One full detection window must be listened to before anybody may be judged. */
  readonly startupGraceMs: number;
  /** Between two judgements. */
  readonly tickMs: number;
  /** A tick that comes this much late judges nobody: we were not listening. */
  readonly stallMs: number;
  /** After an own stall, nobody is judged for so long: everybody gets two chances to be heard. */
  readonly stallGraceMs: number;
  /** Between two reports of the running workloads to the witnesses. */
  readonly reportMs: number;
  /** A host's lease, counted from the sending of the newest heartbeat that a majority of voters has acknowledged. */
  readonly leaseMs: number;
  /** After the last promise that leaves a host no majority: so long later nothing protected runs there any more. */
  readonly takeOverMs: number;
}

export const DEFAULT_TIMING_SETTINGS: TimingSettings = { heartbeatMs: 300, silentMs: 1_800, watchdogMs: 3_000 };

/** Missed heartbeats until doubt. Two lost datagrams in a row are everyday; three on every link are not. */
const SUSPECT_HEARTBEATS = 3;
/** The fewest heartbeats in a detection window: doubt after three, and one more chance. */
const MIN_SILENT_HEARTBEATS = 4;
/** Below this the timers of a busy host are the noise that would be measured. */
const MIN_HEARTBEAT_MS = 50;
const MAX_HEARTBEAT_MS = 5_000;
/** Ages travel in 16 bits of milliseconds. */
const MAX_SILENT_MS = 60_000;
/** Measured: garbage collection and a busy event loop stay below it; a stall that costs heartbeats does not. */
const STALL_MS = 150;
/** Judged so often within an interval; more often costs, less often is late. */
const TICKS_PER_HEARTBEAT = 6;
const MIN_TICK_MS = 50;
const MAX_TICK_MS = 200;
const REPORT_MS = 1_000;
/** Clocks of two machines differ in speed by far less: crystals keep 0.01 %, NTP slews by at most 0.05 %. */
const CLOCK_DRIFT = 0.01;
const MIN_WATCHDOG_MS = 2_000;
const MAX_WATCHDOG_MS = 60_000;

/** The timing, or every reason against these settings, one sentence each. */
export function deriveTiming({ heartbeatMs, silentMs, watchdogMs }: TimingSettings): Result<Timing, readonly string[]> {
  const refusals = [...refusalsOf(heartbeatMs, silentMs), ...watchdogRefusals(watchdogMs, silentMs)];
  if (refusals.length > 0) return fail(refusals);
  // A host whose heartbeats are merely late is declared silent before its lease ends, never after: no lease ends for a short cut.
  const leaseMs = silentMs + 2 * heartbeatMs;
  return ok({
    heartbeatMs,
    suspectMs: SUSPECT_HEARTBEATS * heartbeatMs,
    silentMs,
    startupGraceMs: silentMs + heartbeatMs,
    tickMs: tickOf(heartbeatMs),
    stallMs: STALL_MS,
    stallGraceMs: 2 * heartbeatMs,
    reportMs: REPORT_MS,
    watchdogMs,
    leaseMs,
    takeOverMs: leaseMs + watchdogMs + 2 * STALL_MS + Math.ceil(CLOCK_DRIFT * (leaseMs + watchdogMs + 2 * STALL_MS)),
  });
}

const tickOf = (heartbeatMs: number): number => Math.min(MAX_TICK_MS, Math.max(MIN_TICK_MS, Math.floor(heartbeatMs / TICKS_PER_HEARTBEAT)));

function watchdogRefusals(watchdogMs: number, silentMs: number): readonly string[] {
  const refusals: string[] = [];
  if (!Number.isInteger(watchdogMs) || watchdogMs % 1_000 !== 0 || watchdogMs < MIN_WATCHDOG_MS || watchdogMs > MAX_WATCHDOG_MS) {
    refusals.push(`watchdogMs is ${watchdogMs}; it must be whole seconds, from ${MIN_WATCHDOG_MS} to ${MAX_WATCHDOG_MS}`);
  }
  if (watchdogMs < silentMs) {
    refusals.push(`watchdogMs is ${watchdogMs}; it must be at least silentMs (${silentMs}), or an agent that is restarted finds no time to get its lease before the host is reset`);
  }
  return refusals;
}

function refusalsOf(heartbeatMs: number, silentMs: number): readonly string[] {
  const refusals: string[] = [];
  if (!Number.isInteger(heartbeatMs) || heartbeatMs < MIN_HEARTBEAT_MS || heartbeatMs > MAX_HEARTBEAT_MS) {
    refusals.push(`heartbeatMs is ${heartbeatMs}; it must be a whole number from ${MIN_HEARTBEAT_MS} to ${MAX_HEARTBEAT_MS}`);
  }
  if (!Number.isInteger(silentMs) || silentMs > MAX_SILENT_MS) refusals.push(`silentMs is ${silentMs}; it must be a whole number of at most ${MAX_SILENT_MS}`);
  const leastMs = Math.max(MIN_SILENT_HEARTBEATS * heartbeatMs, SUSPECT_HEARTBEATS * heartbeatMs + STALL_MS + tickOf(heartbeatMs));
  if (silentMs < leastMs) {
    refusals.push(`silentMs is ${silentMs}; with heartbeatMs ${heartbeatMs} it must be at least ${leastMs}, or a few lost datagrams and a stall too short to notice would silence a healthy host`);
  }
  return refusals;
}
