// Timing: every timeout of the detector, derived in one place from two numbers that a person may set.
import { fail, ok, type Result } from '../shared/result.js';

export interface TimingSettings {
  /** Between two heartbeats to each member on each link. */
  readonly heartbeatMs: number;
  /** Without a two-way exchange for this long on any link, an observer says that it does not hear the member. */
  readonly silentMs: number;
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
}

// The quorum lease (leaseMs, watchdogMs) will be derived here too, so that one check sees them all.

export const DEFAULT_TIMING_SETTINGS: TimingSettings = { heartbeatMs: 300, silentMs: 1_800 };

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
const TICK_MS = 50;
const REPORT_MS = 1_000;

/** The timing, or every reason against these settings, one sentence each. */
export function deriveTiming({ heartbeatMs, silentMs }: TimingSettings): Result<Timing, readonly string[]> {
  const refusals = refusalsOf(heartbeatMs, silentMs);
  if (refusals.length > 0) return fail(refusals);
  return ok({
    heartbeatMs,
    suspectMs: SUSPECT_HEARTBEATS * heartbeatMs,
    silentMs,
    startupGraceMs: silentMs + heartbeatMs,
    tickMs: TICK_MS,
    stallMs: STALL_MS,
    stallGraceMs: 2 * heartbeatMs,
    reportMs: REPORT_MS,
  });
}

function refusalsOf(heartbeatMs: number, silentMs: number): readonly string[] {
  const refusals: string[] = [];
  if (!Number.isInteger(heartbeatMs) || heartbeatMs < MIN_HEARTBEAT_MS || heartbeatMs > MAX_HEARTBEAT_MS) {
    refusals.push(`heartbeatMs is ${heartbeatMs}; it must be a whole number from ${MIN_HEARTBEAT_MS} to ${MAX_HEARTBEAT_MS}`);
  }
  if (!Number.isInteger(silentMs) || silentMs > MAX_SILENT_MS) refusals.push(`silentMs is ${silentMs}; it must be a whole number of at most ${MAX_SILENT_MS}`);
  const leastMs = Math.max(MIN_SILENT_HEARTBEATS * heartbeatMs, SUSPECT_HEARTBEATS * heartbeatMs + STALL_MS + TICK_MS);
  if (silentMs < leastMs) {
    refusals.push(`silentMs is ${silentMs}; with heartbeatMs ${heartbeatMs} it must be at least ${leastMs}, or a few lost datagrams and a stall too short to notice would silence a healthy host`);
  }
  return refusals;
}
