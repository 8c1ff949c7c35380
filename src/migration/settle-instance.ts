// Settles a live move of an instance of LXD or Incus. Its disk moves with it, so it matters where that is; and the daemon's word for success says nothing: after a memory that
// could not be brought back it was "moved", stopped, with its source deleted (seen with LXD 5.0.2 and CRIU).
import { lastLook } from '../workloads/place.js';
import type { MigrationContext } from './migration-context.js';
import { attempt, resumeAtSource, runsAt, type Conclude, type Settled } from './settle.js';
import { describeSides, type Side } from './settle-migration.js';

const isNone = ({ look }: Side): boolean => look.kind === 'seen' && look.observed === null;
const MEMORY_LOST = 'it was started again: what was in its memory is lost';

export const concludeInstance: Conclude = async (context, settlement, sourceSide, destinationSide) => {
  const { workload, source, destination } = context;
  switch (settlement) {
    case 'arrived': {
      const unleased = await whyUnleased(context);
      const lease = unleased === null ? '' : `; not under the lease there yet: ${unleased}`;
      return { kind: 'arrived', note: `runs on ${destination.name}; ${await leaveSource(context, sourceSide)}${lease}`, unleased: unleased !== null };
    }
    case 'stayed':
      return { kind: 'not-arrived', code: 'stayed', why: `${workload.name} runs on at ${source.name}; ${await clearDestination(context, destinationSide)}` };
    case 'stayed-paused': {
      const settled = await resumeAtSource(context);
      return settled.kind === 'not-arrived' ? { ...settled, why: `${settled.why}; ${await clearDestination(context, destinationSide)}` } : settled;
    }
    case 'ended-there':
      return startAtDestination(context);
    case 'source-lost':
      return { kind: 'not-arrived', code: 'source-lost', why: `${source.name} is proven off and ${workload.name} did not arrive at ${destination.name}; ${await clearDestination(context, destinationSide)}` };
    case 'nowhere':
      return nowhere(context, sourceSide, destinationSide);
    case 'both':
      return { kind: 'unknown', code: 'both-execute', why: `${workload.name} executes on ${source.name} and on ${destination.name}; nothing was stopped by force` };
  }
};

/** The note of before it arrived is forgotten after a minute without a process of it, and its disk took longer. */
async function whyUnleased({ destination }: MigrationContext): Promise<string | null> {
  return destination.token.lease ? attempt(() => destination.hypervisor.announce(destination.token)) : null;
}

/** The client deletes it there; where it was ended before, nothing is deleted by us: what says that it runs may be wrong, too. */
async function leaveSource(context: MigrationContext, side: Side): Promise<string> {
  const { workload, source } = context;
  if (side.provenOff) return `${source.name} is proven off`;
  if (isNone(side)) return `nothing of it is left on ${source.name}`;
  const failure = await attempt(() => source.hypervisor.undefine(source.token, workload.uuid));
  return failure === null ? `what is left on ${source.name} is a replica as of then` : `it may be left stopped on ${source.name}: ${failure}`;
}

/** It must not pass for the workload, nor for a copy that it could be recovered from. Whether it ever ran there nobody knows for certain: so it is not deleted. */
async function clearDestination(context: MigrationContext, side: Side): Promise<string> {
  const { workload, destination } = context;
  if (side.provenOff || isNone(side)) return `nothing of it is on ${destination.name}`;
  if (side.look.kind === 'blind') return `${destination.name} could not be asked: half of it may be there`;
  const failure = await attempt(async () => destination.hypervisor.copies?.setAside(destination.token, workload.uuid, true));
  return failure === null ? `what is of it on ${destination.name} is a replica that is not whole, for the next copy to write over` : `half of it may be left on ${destination.name}: ${failure}`;
}

/** The source has deleted it, as after a success: its disk is there alone. */
async function startAtDestination(context: MigrationContext): Promise<Settled> {
  const { workload, source, destination } = context;
  const here = await lastLook(source, workload.uuid);
  if (!(here.kind === 'seen' && here.observed === null)) return { kind: 'unknown', code: 'not-settled', why: `${workload.name} is stopped on ${destination.name}, and ${source.name} does not confirm that nothing of it is there: it is started nowhere` };
  const failure = await attempt(() => destination.hypervisor.start(destination.token, workload.uuid));
  if (await runsAt(context, 'destination')) return { kind: 'arrived', note: `its disk moved to ${destination.name}, its memory did not: ${MEMORY_LOST}` };
  return { kind: 'unknown', code: 'nowhere', why: `${workload.name} is on ${destination.name} alone, stopped, and starting it there failed${failure === null ? '' : `: ${failure}`}` };
}

async function nowhere(context: MigrationContext, sourceSide: Side, destinationSide: Side): Promise<Settled> {
  const { workload, source, destination } = context;
  const sides = describeSides({ name: source.name, side: sourceSide }, { name: destination.name, side: destinationSide });
  // Deleted at the source: it had moved before that host was lost. Recovery goes on from there.
  if (isNone(sourceSide) && destinationSide.provenOff) return { kind: 'arrived', note: `it moved to ${destination.name}, which is proven off since` };
  if (isNone(sourceSide)) return { kind: 'unknown', code: 'nowhere', why: `${workload.name} is on neither host (${sides})` };
  if (!isNone(destinationSide)) return { kind: 'unknown', code: 'two-disks', why: `${workload.name} runs nowhere and has a disk on both hosts (${sides}): whether it ran at ${destination.name} is not known, so neither is started; look, start the one with the newest data by hand, delete the other, then \`reeve workload clear ${workload.name}\`` };
  const failure = await attempt(() => source.hypervisor.start(source.token, workload.uuid));
  if (await runsAt(context, 'source')) return { kind: 'not-arrived', code: 'restarted', why: `${workload.name} was stopped on ${source.name} and is nowhere else; ${MEMORY_LOST}` };
  return { kind: 'unknown', code: 'nowhere', why: `${workload.name} runs nowhere, and starting it on ${source.name} failed${failure === null ? '' : `: ${failure}`}` };
}
