// What must hold before a migration begins: each refusal names its cause and what to do about it.
import { clientOf, listsBy } from '../workloads/by-hand.js';
import type { StoragePool } from '../hosts/host-facts.js';
import { HYPERVISOR_NAMES } from '../hosts/hypervisor.js';
import { OperationalError } from '../shared/errors.js';
import { byHand } from '../workloads/by-hand.js';
import { describeLook, isRunning, isStopped, look, type Look } from '../workloads/place.js';
import type { WorkloadDisk, WorkloadNeeds } from '../workloads/workload.js';
import type { MigrationContext } from './migration-context.js';

export interface MigrationRefusal {
  readonly code: string;
  readonly why: string;
  readonly remedy: string | null;
}

export interface PrecheckLook {
  readonly workload: { readonly name: string; readonly needs: WorkloadNeeds };
  readonly source: { readonly name: string; readonly look: Look };
  readonly destination: { readonly name: string; readonly look: Look };
  /** A transfer that somebody else began. */
  readonly otherJob: boolean;
}

/** What the two looks alone tell. Null: nothing against it. */
export function whyNotMigrate({ workload, source, destination, otherJob }: PrecheckLook): MigrationRefusal | null {
  const { name, needs } = workload;
  if (source.name === destination.name) return { code: 'same-host', why: `${name} is on ${source.name} already`, remedy: null };
  if (source.look.kind === 'blind') return { code: 'source-unreachable', why: `${source.name} does not answer: ${source.look.why}`, remedy: `reeve host check ${source.name}` };
  if (otherJob) return { code: 'busy', why: `${name} is being migrated from ${source.name} already, not by Reeve`, remedy: needs.driver === 'libvirt' ? `wait for it, or on ${source.name}: virsh domjobabort ${name}` : `wait for it; on ${source.name}: ${clientOf(needs.driver)} operation list` };
  if (!isRunning(source.look)) return { code: 'not-running', why: `${name} on ${source.name} is ${describeLook(source.look)}; only a running workload moves live`, remedy: `reeve workload relocate ${name}` };
  if (needs.pinnedBy.length > 0) return { code: 'pinned', why: `${name} is tied to ${source.name} by ${needs.pinnedBy.join(', ')}`, remedy: 'detach it from the workload first' };
  if (destination.look.kind === 'blind') return { code: 'destination-unreachable', why: `${destination.name} does not answer: ${destination.look.why}`, remedy: `reeve host check ${destination.name}` };
  if (!isStopped(destination.look)) return { code: 'already-there', why: `${destination.name} already has a process of ${name}: ${describeLook(destination.look)}`, remedy: `on ${destination.name}: ${listsBy([needs.driver])}` };
  return null;
}

/** Copying a disk that both hosts share would write it onto itself. */
export function whyNotCopy(needs: WorkloadNeeds, source: readonly StoragePool[], destination: readonly StoragePool[]): MigrationRefusal | null {
  for (const disk of needs.disks.filter((one) => !one.readonly)) {
    const here = poolOf(disk, source);
    const there = poolOf(disk, destination);
    if (!here || !there) return { code: 'pool-missing', why: `disk ${disk.target} (${disk.path}) does not lie in a pool that both hosts have, so it can't be copied along`, remedy: 'make a pool of the same name and path on the destination' };
    if (here.markerId === null || here.markerId === there.markerId) return { code: 'storage-shared', why: `disk ${disk.target} lies in pool ${here.name}, which both hosts share${here.markerId === null ? ' for all that is known' : ''}: it must not be copied onto itself`, remedy: 'migrate without copying storage' };
  }
  return null;
}

const poolOf = (disk: WorkloadDisk, pools: readonly StoragePool[]): StoragePool | undefined => pools.find((pool) => disk.path.startsWith(`${pool.path}/`));

/** Looks at both hosts. Null: nothing is known against it. */
export async function precheckMigration(context: MigrationContext): Promise<MigrationRefusal | null> {
  const { workload, source, destination } = context;
  const [here, there] = await Promise.all([look(source, workload.uuid), look(destination, workload.uuid)]);
  const otherJob = here.kind === 'seen' && here.observed !== null && (await source.hypervisor.migrationProgress(workload.uuid)) !== null;
  const refusal = whyNotMigrate({ workload, source: { name: source.name, look: here }, destination: { name: destination.name, look: there }, otherJob });
  return refusal ?? (await nameTaken(context)) ?? (await storageRefusal(context)) ?? (await incompatible(context));
}

async function nameTaken({ workload, destination }: MigrationContext): Promise<MigrationRefusal | null> {
  const { workloads, mute } = await destination.hypervisor.inventory();
  const unsaid = mute.find(({ driver }) => driver === workload.needs.driver);
  if (unsaid) throw new OperationalError('timeout', `${HYPERVISOR_NAMES[unsaid.driver]} on ${destination.name} does not answer: ${unsaid.why}`);
  const other = workloads.find((one) => one.name === workload.name && one.uuid !== workload.uuid);
  if (!other) return null;
  return { code: 'name-taken', why: `${destination.name} has another workload named ${workload.name} (${other.uuid}, ${other.runState})`, remedy: `on ${destination.name}: ${byHand('rename', other.driver, other.driver === 'libvirt' ? other.uuid : other.name)}` };
}

async function storageRefusal({ workload, source, destination, copyStorage }: MigrationContext): Promise<MigrationRefusal | null> {
  if (!copyStorage) return null;
  const [here, there] = await Promise.all([source.hypervisor.facts(), destination.hypervisor.facts()]);
  return whyNotCopy(workload.needs, here.pools, there.pools);
}

/** What runs now, not what was known when it was adopted. Disks that are copied along need not be there yet. */
async function incompatible({ workload, source, destination, copyStorage }: MigrationContext): Promise<MigrationRefusal | null> {
  const definition = await source.hypervisor.definition(workload.uuid);
  const copied = copyStorage ? workload.needs.disks.filter((disk) => !disk.readonly).map((disk) => disk.path) : [];
  const reasons = (await destination.hypervisor.compatibility(definition)).filter((one) => one.code !== 'file-missing' || !copied.some((path) => one.why.includes(path)));
  const first = reasons[0];
  if (!first) return null;
  const others = reasons.slice(1).map((one) => one.why);
  return { code: first.code, why: `${destination.name} can't run ${workload.name}: ${[first.why, ...others].join('; ')}`, remedy: first.remedy };
}
