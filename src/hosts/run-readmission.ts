// Re-admission: a host is back after it was proven off. What it must not run is looked for first, then it is admitted and cleaned up.
import { OperationalError } from '../shared/errors.js';
import { runWorkflow, type Journal, type Step, type WorkflowOutcome } from '../shared/workflow.js';
import { awayNote, exchangeTrust, type EnrolmentSide } from './enrolment-side.js';
import { exchangeRemotes, remotesNote } from './exchange-remotes.js';
import { HYPERVISOR_NAMES, type CommandToken, type Hypervisor, type InventoryLook, type ObservedWorkload } from './hypervisor.js';
import type { TakenPool } from './host.js';

/** What this folder needs of a workload. */
export interface KnownWorkload {
  readonly uuid: string;
  readonly name: string;
  readonly workloadEpoch: number;
  readonly isProtected: boolean;
  /** Name of the host that runs it or is about to (placed there, or an operation takes it there); null: this host. */
  readonly elsewhere: string | null;
  /** Its owner lets what is left of it here be written over. */
  readonly reusesStale: boolean;
}

export interface ReadmissionContext {
  readonly self: EnrolmentSide;
  readonly peers: readonly EnrolmentSide[];
  readonly hypervisor: Hypervisor;
  /** The boot that was heard, and the epoch it is to be admitted at. */
  readonly admission: { readonly bootId: string; readonly token: CommandToken };
  /** Resolves when the agent says that it judges its lease by the newest set of voters; the reason when it does not in time. */
  readonly judgesByNewest: () => Promise<string | null>;
  /** Do all others show, asked now, that they do not run it, and its home that it is gone? Then it was moved here by hand. */
  readonly isOnlyCopy: (known: KnownWorkload) => Promise<boolean>;
  /** Told after each look, whatever it found: whoever decides about a workload next must know what runs here. `processes`: uuids, by the kernel. */
  readonly onLook: (seen: InventoryLook & { readonly processes: readonly string[] }) => Promise<void>;
  /** All workloads that Reeve knows. */
  readonly workloads: readonly KnownWorkload[];
  /** Pools that it had, and that others have taken over or were about to. */
  readonly takenPools: readonly TakenPool[];
}

const PROBE_MS = 10_000;

/** The host's own copies of what belongs elsewhere. A running one is never touched without a person. */
const lookForCopies: Step<ReadmissionContext> = {
  name: 'look',
  run: async (context) => {
    const { self, admission } = context;
    const probe = await self.agent.probe(PROBE_MS);
    if (probe.bootId !== admission.bootId) {
      return { kind: 'failed', code: 'rebooted-again', why: `${self.host.name} has rebooted again (boot ${probe.bootId.slice(0, 8)}); it is looked over anew` };
    }
    const inventory = await everything(context, probe.runningUuids);
    const running = runningCopies(context.workloads, inventory, probe.runningUuids);
    const moved: KnownWorkload[] = [];
    for (const one of running) if (await context.isOnlyCopy(one)) moved.push(one);
    const copies = running.filter((one) => !moved.includes(one));
    if (copies.length === 0) return { kind: 'done', memo: { moved: moved.map((one) => one.uuid) }, note: moved.length === 0 ? 'nothing runs there that belongs elsewhere' : `${moved.map((one) => `${one.name} was moved there by hand from ${one.elsewhere}`).join(', ')}: the only copy` };
    const which = copies.map((one) => `${one.name} (belongs to ${one.elsewhere})`).join(', ');
    return { kind: 'unknown', code: 'running-copy', why: `${self.host.name} is back and runs ${which}: it may be running twice. Neither copy was touched; decide which one is right, stop the other with \`virsh destroy\` (a container: \`lxc stop --force\` or \`incus stop --force\`), then the host is admitted. To keep the one here: \`reeve workload unmanage NAME\`, then \`reeve workload manage NAME --host ${self.host.name}\`` };
  },
};

/** What is known, with what was found to have been moved here taken as ours. */
const knownNow = ({ workloads }: ReadmissionContext, { memo }: Journal): readonly KnownWorkload[] => {
  const moved = (memo['moved'] ?? []) as readonly string[];
  return workloads.map((one) => (moved.includes(one.uuid) ? { ...one, elsewhere: null } : one));
};

/** What can't be seen may be a copy of what runs elsewhere: all hypervisors of the host must answer before it comes back. */
async function everything({ hypervisor, onLook, self }: ReadmissionContext, processes: readonly string[] = []): Promise<readonly ObservedWorkload[]> {
  const look = await hypervisor.inventory();
  await onLook({ ...look, processes });
  const [mute] = look.mute;
  if (mute) throw new OperationalError('timeout', `${HYPERVISOR_NAMES[mute.driver]} there does not answer, and may run copies of what runs elsewhere: ${mute.why}; where it was removed for good: \`reeve host refresh ${self.host.name}\``);
  return look.workloads;
}

/** By the kernel's processes and by the hypervisor: either is enough to doubt. */
function runningCopies(workloads: readonly KnownWorkload[], inventory: readonly ObservedWorkload[], processes: readonly string[]): readonly KnownWorkload[] {
  const runs = (uuid: string): boolean => processes.includes(uuid) || inventory.some((one) => one.uuid === uuid && one.runState !== 'stopped');
  return workloads.filter((one) => one.elsewhere !== null && runs(one.uuid));
}

const refreshMembership: Step<ReadmissionContext> = {
  name: 'members',
  run: async (context) => {
    const { self, peers } = context;
    await self.agent.configure(self.config);
    // Before it is admitted: a lease that it held by voters of long ago would be nobody's to end.
    const why = await context.judgesByNewest();
    if (why !== null) return { kind: 'failed', code: 'old-voters', why };
    return { kind: 'done', note: `its agent knows the members, ${await exchangeKeys(self, peers)}${remotesNote(await exchangeRemotes(self, peers))}` };
  },
};

/** A host that cannot migrate yet can still run workloads: trouble with keys is told and keeps nobody out. */
async function exchangeKeys(self: EnrolmentSide, peers: readonly EnrolmentSide[]): Promise<string> {
  try {
    return `migration keys exchanged${awayNote(await exchangeTrust(self, peers))}`;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return `migration keys not exchanged: ${error.message}`;
  }
}

/** The guard refuses every other command until this. The store still has the host as fenced: nothing is placed on it. */
const admit: Step<ReadmissionContext> = {
  name: 'admit',
  run: async ({ self, admission }) => {
    await self.agent.admit(admission.token, admission.bootId);
    return { kind: 'done', note: `admitted at epoch ${admission.token.hostEpoch}` };
  },
};

/** Its daemon forgets what others have by now. It can't have mounted it: it looked for another name. What was never claimed is its own still. */
const forgetPools: Step<ReadmissionContext> = {
  name: 'pools',
  run: async ({ takenPools, hypervisor, admission, self }) => {
    const kept: string[] = [];
    const lost: string[] = [];
    for (const one of takenPools) {
      const answer = await forgetOne(hypervisor, admission.token, one);
      if (answer === 'no-daemon') throw new OperationalError('unsupported', `${self.host.name} has no daemon any more that could say whether ${one.pool} is its own still`, `install ${HYPERVISOR_NAMES[one.driver]} there again; or, when its data are not needed: reeve host remove ${self.host.name} --lost`);
      (answer === 'kept' ? kept : lost).push(poolKey(one));
    }
    const notes = [...(lost.length > 0 ? [`${lost.join(', ')} is another host's: its daemon has forgotten it`] : []), ...(kept.length > 0 ? [`${kept.join(', ')} is its own still`] : [])];
    return { kind: 'done', memo: { keptPools: kept, lostPools: lost }, ...(notes.length > 0 ? { note: notes.join('; ') } : {}) };
  },
};

/** A host that was made anew has nothing to forget of what another one surely has. */
async function forgetOne({ pools }: Hypervisor, token: CommandToken, one: TakenPool): Promise<'kept' | 'lost' | 'no-daemon'> {
  try {
    return pools === null ? (one.isDone ? 'lost' : 'no-daemon') : await pools.forget(token, one, one.isDone);
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== 'unsupported') throw error;
    return one.isDone ? 'lost' : 'no-daemon';
  }
}

export const poolKey = ({ driver, pool }: Pick<TakenPool, 'driver' | 'pool'>): string => `${driver}:${pool}`;

/** Stale definitions go (disks never); what is protected does not start by itself at the next boot. */
const cleanUp: Step<ReadmissionContext> = {
  name: 'clean-up',
  run: async (context, journal) => {
    const known = knownNow(context, journal);
    const notes: string[] = [];
    for (const observed of await everything(context)) {
      const one = known.find((other) => other.uuid === observed.uuid);
      const note = one ? await cleanUpOne(context, observed, one) : null;
      if (note !== null) notes.push(note);
    }
    return { kind: 'done', note: notes.length > 0 ? notes.join('; ') : 'nothing to clean up' };
  },
};

async function cleanUpOne({ hypervisor, admission }: ReadmissionContext, observed: ObservedWorkload, known: KnownWorkload): Promise<string | null> {
  const token: CommandToken = { ...admission.token, workload: { uuid: known.uuid, epoch: known.workloadEpoch } };
  if (known.elsewhere === null) {
    if (!known.isProtected || !observed.autostart) return null;
    await hypervisor.setAutostart(token, known.uuid, false);
    return `autostart of ${known.name} switched off`;
  }
  if (observed.runState !== 'stopped') return null;
  // Autostart first: should the removal fail, the next boot does not start it.
  if (observed.autostart) await hypervisor.setAutostart(token, known.uuid, false);
  // What a container wrote last before it was started elsewhere may be here alone.
  if (observed.driver !== 'libvirt' && hypervisor.copies !== null) {
    if (!(await setAside(hypervisor.copies, token, known))) return `${known.name} lies here, and is the only one in its cluster of daemons: it is left, though it belongs to ${known.elsewhere}`;
    if (known.reusesStale) return `what ${known.name} had written here is no workload any more, and the next copy of it may be written over it: it runs on ${known.elsewhere}`;
    return `what ${known.name} had written here is set aside: it runs on ${known.elsewhere}; when it is not needed, on this host: ${observed.driver === 'incus' ? 'incus' : 'lxc'} delete ${observed.name}`;
  }
  await hypervisor.undefine(token, known.uuid);
  return `old definition of ${known.name} removed`;
}

/** False: its cluster of daemons has each instance once, so it was moved here, and is no copy. */
async function setAside(copies: NonNullable<Hypervisor['copies']>, token: CommandToken, { uuid, reusesStale }: KnownWorkload): Promise<boolean> {
  try {
    await copies.setAside(token, uuid, reusesStale);
    return true;
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== 'unsupported') throw error;
    return false;
  }
}

/** What was the only copy may be one of two by now: somebody has started it at its home. */
async function stillOurs({ workloads, isOnlyCopy }: ReadmissionContext, now: readonly KnownWorkload[]): Promise<readonly KnownWorkload[]> {
  const looked: KnownWorkload[] = [];
  for (const [nth, known] of workloads.entries()) {
    const one = now[nth] ?? known;
    const wasMoved = known.elsewhere !== null && one.elsewhere === null;
    looked.push(wasMoved && !(await isOnlyCopy(known)) ? known : one);
  }
  return looked;
}

/** Looked at once more: the clean-up's word is not enough, and a copy may have been started meanwhile. */
const confirmClean: Step<ReadmissionContext> = {
  name: 'confirm',
  run: async (context, journal) => {
    const known = { ...context, workloads: await stillOurs(context, knownNow(context, journal)) };
    const running = runningCopies(known.workloads, await everything(context), []);
    if (running.length > 0) {
      return { kind: 'unknown', code: 'running-copy', why: `${running.map((one) => one.name).join(', ')} was started while ${context.self.host.name} was looked over: it runs there, and belongs to ${running.map((one) => one.elsewhere).join(', ')}; neither copy was touched` };
    }
    const left = (await everything(context)).filter((one) => !one.isOnlyOne && known.workloads.some((other) => other.uuid === one.uuid && other.elsewhere !== null));
    if (left.length > 0) throw new OperationalError('failed', `old definitions are still there: ${left.map((one) => one.name).join(', ')}`);
    return { kind: 'done', note: 'clean' };
  },
};

export const READMISSION_STEPS: readonly Step<ReadmissionContext>[] = [lookForCopies, refreshMembership, admit, forgetPools, cleanUp, confirmClean];

/** When it does not succeed the host stays fenced in the store. */
export function runReadmission(context: ReadmissionContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(READMISSION_STEPS, context, journal);
}
