// Settles a migration that ended: waits until both hosts' answers are plain, and leaves exactly one copy.
import { messageOf, OperationalError } from '../shared/errors.js';
import type { Journal } from '../shared/workflow.js';
import { byHand } from '../workloads/by-hand.js';
import { describeLook, isRunning, isStopped, lookUntil } from '../workloads/place.js';
import { sideOf, type MigrationContext } from './migration-context.js';
import { describeSides, settleMigration, type Settlement, type Side } from './settle-migration.js';

export type Settled =
  /** `unleased`: it is not noted there that it runs under the lease. */
  | { readonly kind: 'arrived'; readonly note: string; readonly unleased?: boolean }
  /** `stayed`: it runs at the source. Other codes say where it is. */
  | { readonly kind: 'not-arrived'; readonly code: 'stayed' | 'source-lost' | 'restarted' | 'ended'; readonly why: string }
  | { readonly kind: 'unknown'; readonly code: string; readonly why: string };

const LOOK_EVERY_MS = 300;
/** The destination of a dead source keeps its half up to 20 s (libvirt's keepalive); both answer, yet it is not plain. */
const PLAIN_MS = 60_000;
/** A host that neither answers nor is proven off: fencing or its return settles it, and both take as long as they take. */
const BLIND_MS = 3_600_000;
/** Both executing for one look may be two looks at different times; for this many it is not. */
const BOTH_LOOKS = 5;

export type Conclude = (context: MigrationContext, settlement: Exclude<Settlement, 'in-between'>, source: Side, destination: Side) => Promise<Settled>;

export async function settle(context: MigrationContext, journal: Journal, concludeWith: Conclude = conclude): Promise<Settled> {
  const { clock } = context;
  const startedAtMs = clock.monotonicMs();
  let plainSinceMs: number | null = null;
  let both = 0;
  let told = '';
  for (;;) {
    const [source, destination] = await Promise.all([sideOf(context, 'source'), sideOf(context, 'destination')]);
    const settlement = settleMigration(source, destination);
    both = settlement === 'both' ? both + 1 : 0;
    if (settlement !== 'in-between' && (settlement !== 'both' || both >= BOTH_LOOKS)) return concludeWith(context, settlement, source, destination);
    const sides = describeSides({ name: context.source.name, side: source }, { name: context.destination.name, side: destination });
    const now = clock.monotonicMs();
    const blind = isBlind(source) || isBlind(destination);
    plainSinceMs = blind ? null : (plainSinceMs ?? now);
    if (plainSinceMs !== null && now - plainSinceMs > PLAIN_MS) return { kind: 'unknown', code: 'not-settled', why: `it is not plain where ${context.workload.name} runs: ${sides}` };
    if (now - startedAtMs > BLIND_MS) return { kind: 'unknown', code: mayRunThere(source, destination) ? 'target-unknown' : 'host-unknown', why: `${sides}; neither answered nor was it proven off` };
    if (sides !== told) await journal.progress({ line: `asking both hosts: ${sides}` });
    told = sides;
    await clock.sleep(LOOK_EVERY_MS);
  }
}

/** It does not run where it came from, that was asked; and where it went nobody answers. */
const mayRunThere = (source: Side, destination: Side): boolean => source.look.kind === 'seen' && !source.provenOff && !isRunning(source.look) && isBlind(destination);

const isBlind = (side: Side): boolean => !side.provenOff && side.look.kind === 'blind';

async function conclude(context: MigrationContext, settlement: Exclude<Settlement, 'in-between'>, sourceSide: Side, destinationSide: Side): Promise<Settled> {
  const { workload, source, destination } = context;
  switch (settlement) {
    case 'arrived':
      return { kind: 'arrived', note: `runs on ${destination.name}; ${await keep(context, destinationSide)}${await tidy(context, 'source', sourceSide)}` };
    case 'ended-there':
      // The destination has the only definition: it has moved, and what its end asks for is decided there.
      return { kind: 'arrived', note: `it moved to ${destination.name} and has ended there since: ${describeLook(destinationSide.look)}` };
    case 'stayed':
      return { kind: 'not-arrived', code: 'stayed', why: `${workload.name} runs on at ${source.name}; ${await tidy(context, 'destination', destinationSide)}` };
    case 'stayed-paused':
      return resumeAtSource(context);
    case 'source-lost':
      return { kind: 'not-arrived', code: 'source-lost', why: `${source.name} is proven off and ${destination.name} has no copy: it is recovered` };
    case 'nowhere':
      return nowhere(context, sourceSide, destinationSide);
    case 'both':
      return { kind: 'unknown', code: 'both-execute', why: `${workload.name} executes on ${source.name} and on ${destination.name}; nothing was stopped by force` };
  }
}

/** Removes the definition that the other side no longer needs. */
async function tidy(context: MigrationContext, which: 'source' | 'destination', side: Side): Promise<string> {
  const place = context[which];
  if (side.provenOff) return `${place.name} is proven off`;
  if (side.look.kind === 'seen' && side.look.observed === null) return `nothing of it is left on ${place.name}`;
  if (!isStopped(side.look)) return `${place.name} could not be asked`;
  const failure = await attempt(() => place.hypervisor.undefine(place.token, context.workload.uuid));
  return failure === null ? `its definition on ${place.name} was removed` : `a stopped definition may be left on ${place.name}: ${failure}`;
}

/** A copy that is not persistent would be gone once it stops. */
async function keep({ workload, destination }: MigrationContext, { look: seen }: Side): Promise<string> {
  if (seen.kind !== 'seen' || seen.observed?.persistent !== false) return '';
  const failure = await attempt(async () => destination.hypervisor.define(destination.token, await destination.hypervisor.definition(workload.uuid)));
  return failure === null ? 'its definition was kept there; ' : `it is not persistent there (${failure}); `;
}

export async function resumeAtSource(context: MigrationContext): Promise<Settled> {
  const { workload, source } = context;
  const failure = await attempt(() => source.hypervisor.resume(source.token, workload.uuid));
  if (await runsAtSource(context)) return { kind: 'not-arrived', code: 'stayed', why: `${workload.name} was paused by the failed migration and runs on at ${source.name}` };
  return { kind: 'unknown', code: 'not-executing', why: `${workload.name} is on ${source.name} and does not execute${failure === null ? '' : ` (${failure})`}; \`${byHand('resume', workload.needs.driver, workload.name)}\` there` };
}

/** How a workload ends that somebody wanted to end: its own user, or a person at the host. That is not for us to undo. */
const MEANT = new Set(['shutdown', 'destroyed']);

/** Both sides were asked, or are proven off: no process is left, so starting it where it was can't run it twice. */
async function nowhere(context: MigrationContext, sourceSide: Side, destinationSide: Side): Promise<Settled> {
  const { workload, source } = context;
  const seen = sourceSide.look.kind === 'seen' ? sourceSide.look.observed : null;
  const tidied = await tidy(context, 'destination', destinationSide);
  if (seen !== null && MEANT.has(seen.reason)) return { kind: 'not-arrived', code: 'ended', why: `${workload.name} was ended on ${source.name} (${seen.reason}) while it moved; ${tidied}` };
  const failure = await attempt(async () => {
    if (seen === null) await source.hypervisor.define(source.token, workload.definition);
    await source.hypervisor.start(source.token, workload.uuid);
  });
  if (await runsAtSource(context)) return { kind: 'not-arrived', code: 'restarted', why: `no copy was left anywhere; ${workload.name} was started again on ${source.name}; ${tidied}` };
  return { kind: 'unknown', code: 'nowhere', why: `${workload.name} runs nowhere, and starting it on ${source.name} failed${failure === null ? '' : `: ${failure}`}` };
}

/** From the command's answer, or the loss of it, to "running". */
const RUNS = { withinMs: 10_000, everyMs: 300 };

const runsAtSource = (context: MigrationContext): Promise<boolean> => runsAt(context, 'source');

export async function runsAt(context: MigrationContext, which: 'source' | 'destination'): Promise<boolean> {
  return isRunning(await lookUntil({ place: context[which], uuid: context.workload.uuid, clock: context.clock }, RUNS, isRunning));
}

/** Null: done. Else why not; what is true is asked afterwards. */
export async function attempt(act: () => Promise<void>): Promise<string | null> {
  try {
    await act();
    return null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return messageOf(error);
  }
}
