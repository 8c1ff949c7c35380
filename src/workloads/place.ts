// A place: one host as a workload's workflow reaches it, and how to look there without being fooled by a lost connection.
import type { CommandToken, Hypervisor, ObservedWorkload } from '../hosts/hypervisor.js';
import type { Clock } from '../shared/clock.js';
import { messageOf, OperationalError } from '../shared/errors.js';
import type { StepOutcome } from '../shared/workflow.js';
import { wayBackToken } from './placement-epoch.js';

export interface Place {
  /** The host's name, for sentences. */
  readonly name: string;
  readonly hypervisor: Hypervisor;
  /** Carries the workload's uuid and epoch. */
  readonly token: CommandToken;
  /** Reads the store, when the host does not answer: was it proven since that nothing of this can run there? Throws JournalLost. */
  readonly provenOff?: () => Promise<boolean>;
}

/** What is true there, as far as it can be told. `blind` is neither "runs" nor "does not run". */
export type Look = { readonly kind: 'seen'; readonly observed: ObservedWorkload | null; readonly isProvenOff?: true } | { readonly kind: 'blind'; readonly why: string };

export async function look(place: Place, uuid: string): Promise<Look> {
  try {
    return { kind: 'seen', observed: await place.hypervisor.observe(uuid) };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return blindUnlessOff(place, error);
  }
}

/** What is off has no process. */
async function blindUnlessOff({ provenOff }: Place, error: OperationalError): Promise<Look> {
  if (await provenOff?.()) return { kind: 'seen', observed: null, isProvenOff: true };
  return { kind: 'blind', why: messageOf(error) };
}

export interface LookBound {
  readonly withinMs: number;
  readonly everyMs: number;
}

/** Looks again and again until `enough` or the bound has passed; returns the last look. Looks at least once. */
export async function lookUntil(
  { place, uuid, clock }: { readonly place: Place; readonly uuid: string; readonly clock: Clock },
  bound: LookBound,
  enough: (look: Look) => boolean | Promise<boolean>,
): Promise<Look> {
  const endsAt = clock.monotonicMs() + bound.withinMs;
  for (;;) {
    const seen = await look(place, uuid);
    if (await enough(seen)) return seen;
    if (clock.monotonicMs() + bound.everyMs > endsAt) return seen;
    await clock.sleep(bound.everyMs);
  }
}

export const isStopped = (seen: Look): boolean => seen.kind === 'seen' && (seen.observed === null || seen.observed.runState === 'stopped');
export const isRunning = (seen: Look): boolean => seen.kind === 'seen' && seen.observed?.runState === 'running';

/** The place for commands that take back what was done there. */
export const onTheWayBack = <P extends Place>(place: P): P => ({ ...place, token: wayBackToken(place.token) });

/** `busy` means that an older command for it, such as a late start, still holds the guard's lock; the guard waits 8 s for it. */
const BUSY_TRIES = 4;

/** Repeats a command while the guard is busy with an older one. Throws what it ended with. */
export async function unlessBusy(command: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await command();
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code !== 'busy' || tries >= BUSY_TRIES) throw error;
    }
  }
}

/**
 * What is true there for good: older commands that are still on their way change nothing after this look.
 * The guard's own refusal says the same of them: something newer governs, or no command passes at all.
 */
export async function lastLook(place: Place, uuid: string): Promise<Look> {
  try {
    await unlessBusy(() => place.hypervisor.overtake(place.token));
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    if (error.code !== 'guard-refused') return blindUnlessOff(place, error);
  }
  return look(place, uuid);
}

/** For sentences: "running (booted)", "not there", "no answer: …". */
export function describeLook(seen: Look): string {
  if (seen.kind === 'blind') return `no answer: ${seen.why}`;
  if (seen.isProvenOff) return 'proven off';
  return seen.observed === null ? 'not there' : `${seen.observed.runState} (${seen.observed.reason})`;
}

/** The guard's refusal as an outcome: a newer command governs the workload, so this one ends. Other errors throw. */
export async function unlessRefused(command: () => Promise<void>): Promise<StepOutcome | null> {
  try {
    await command();
    return null;
  } catch (error) {
    if (error instanceof OperationalError && error.code === 'guard-refused') return { kind: 'failed', code: 'guard-refused', why: error.message };
    throw error;
  }
}
