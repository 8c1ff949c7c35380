// A pool of a lost host, on storage that its target sees too, becomes the target's. Mounted twice it is destroyed, so nothing but power that is off counts as proof here.
import type { FenceDevice, PowerState } from '../fencing/fence-device.js';
import type { HostProof } from '../hosts/host.js';
import type { BlockPools, PoolLook, PoolRequest } from '../hosts/hypervisor.js';
import type { KnownWorkload } from '../hosts/run-readmission.js';
import { provesNoPower, whyPowerUnproven } from '../hosts/shared-filesystem.js';
import { messageOf, OperationalError, withRemedy } from '../shared/errors.js';
import type { Clock } from '../shared/clock.js';
import { JournalLost, runWorkflow, type Journal, type Step, type StepOutcome, type WorkflowOutcome } from '../shared/workflow.js';
import type { Place } from '../workloads/place.js';

export interface PoolTakeOverContext {
  readonly request: PoolRequest;
  readonly fromHost: string;
  /** Why the old host can't have it mounted. */
  readonly proof: HostProof | null;
  /** Of the old host; those that work by themselves are asked once more. */
  readonly devices: readonly FenceDevice[];
  /** Does the old host answer now? Asked where no device can tell its power. */
  readonly answers: () => Promise<boolean>;
  /** Reads the store anew: null while the old host is proven off by that proof and the target is there, else why not. */
  readonly stillWanted: () => Promise<string | null>;
  readonly target: Place;
  /** All that Reeve knows, as of now; `elsewhere`: it is neither at the old host nor at the target. */
  readonly workloads: () => Promise<readonly KnownWorkload[]>;
  readonly clock: Clock;
}

/**
 * From the last look at the old host's power to the writing of the new name: no machine boots to its daemon in that time, and a command that comes later is refused by
 * the target. Hosts' clocks are compared at enrolment.
 */
const CLAIM_WITHIN_MS = 10_000;

const requireProof: Step<PoolTakeOverContext> = {
  name: 'proof',
  run: async (context) => {
    const { proof, fromHost, request, target } = context;
    const now = provesNoPower(proof) ? null : await lookAt(context);
    if (now && 'why' in now) return { kind: 'unknown', code: 'target-unknown', why: `${target.name} does not say whether it has ${request.pool}: ${now.why}` };
    // Claimed before, by another proof: the old host does not find it any more, whether it has power or not.
    if (now?.name === 'new') return { kind: 'done', note: 'it has its new name' };
    if (!provesNoPower(proof)) return { kind: 'failed', code: 'no-proof', why: `${request.pool} stays with ${fromHost}, which may have it mounted: ${whyPowerUnproven(proof)}` };
    return { kind: 'done', note: `${proof.kind}: ${proof.evidence}` };
  },
};

const claim: Step<PoolTakeOverContext> = {
  name: 'claim',
  run: async (context) => {
    const { request, target, clock } = context;
    const before = await lookAt(context);
    if ('why' in before) return { kind: 'unknown', code: 'target-unknown', why: `${target.name} does not say whether it has ${request.pool}: ${before.why}` };
    // An earlier run got as far: the old host can't mount it any more, whatever it does.
    if (before.name === 'new' && before.isMounted && before.source === request.newUuid) return { kind: 'done', note: 'had its new name already' };
    if (before.name === 'none') return { kind: 'failed', code: 'not-claimed', why: `${target.name} does not see the device of ${request.pool}` };
    if (before.name === 'old' && before.source !== null && before.source !== request.uuid) return { kind: 'failed', code: 'not-claimed', why: `${target.name} has another pool named ${request.pool} (${before.source})` };
    const refused = before.name === 'new' ? null : await whyNotOff(context);
    if (refused !== null) return refused;
    try {
      await pools(target).claim(target.token, request, clock.nowMs() + CLAIM_WITHIN_MS);
      return { kind: 'done', note: `its file system is ${request.newUuid} now, which ${context.fromHost} does not look for`, memo: { claimed: true } };
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return afterRefusal(context, error);
    }
  },
};

/** Read right before: the power, and whether the store still says so. */
async function whyNotOff({ devices, proof, answers, stillWanted, fromHost, request }: PoolTakeOverContext): Promise<StepOutcome | null> {
  const unwanted = await stillWanted();
  if (unwanted !== null) return { kind: 'cancelled', why: unwanted };
  const told: string[] = [];
  for (const device of devices.filter((one) => one.automatic)) {
    const state = await stateOf(device);
    if (state === 'off') return null;
    if (state === 'on') return { kind: 'failed', code: 'not-off', why: `${device.describe} says that ${fromHost} has power: ${request.pool} stays with it` };
    told.push(`${device.describe}: ${state.why}`);
  }
  // A person has seen the machine; no device is asked to confirm that. But it must not answer.
  if (proof?.kind === 'power-off') return { kind: 'failed', code: 'off-unknown', why: `no fence device of ${fromHost} tells its power now: ${told.join('; ') || 'it has none'}; \`reeve host confirm-off ${fromHost}\` when you have looked` };
  return (await answers()) ? { kind: 'failed', code: 'not-off', why: `${fromHost} was said to be off, and answers: ${request.pool} stays with it` } : null;
}

async function stateOf(device: FenceDevice): Promise<PowerState | { readonly why: string }> {
  try {
    return await device.status();
  } catch (error) {
    if (error instanceof JournalLost) throw error;
    return { why: messageOf(error) };
  }
}

/** What the target says of it now decides; while it does not, it may have it. */
async function afterRefusal(context: PoolTakeOverContext, error: OperationalError): Promise<StepOutcome> {
  const { request, target } = context;
  const why = `${request.pool} was not claimed: ${withRemedy(error)}`;
  const after = await lookAt(context);
  if ('why' in after || after.name === 'none' || (after.isMounted && after.name === 'old')) return { kind: 'unknown', code: 'target-unknown', why: `${target.name} may have claimed ${request.pool}: ${'why' in after ? after.why : after.name === 'none' ? `it does not see its device now; ${why}` : why}` };
  if (after.name === 'new') return { kind: 'failed', code: 'half-claimed', why };
  return { kind: 'failed', code: 'not-claimed', why };
}

const adopt: Step<PoolTakeOverContext> = {
  name: 'adopt',
  run: async ({ request, target }) => {
    try {
      const aside = await pools(target).adopt(target.token, request);
      const lost = aside.length === 0 ? '' : `; set aside in it, without settings on the disk: ${aside.join(', ')}`;
      return { kind: 'done', note: `${target.name} has the pool ${request.pool}${lost}`, memo: { aside } };
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return { kind: 'failed', code: 'not-adopted', why: `${target.name} did not take up ${request.pool}: ${withRemedy(error)}` };
    }
  },
};

/** Confirmed by looking. */
const confirm: Step<PoolTakeOverContext> = {
  name: 'confirm',
  run: async (context) => {
    const { request, target } = context;
    const seen = await lookAt(context);
    if ('why' in seen) return { kind: 'failed', code: 'not-adopted', why: `${target.name} does not say whether it has ${request.pool}: ${seen.why}` };
    if (seen.name === 'new' && seen.isMounted && seen.source === request.newUuid) return { kind: 'done' };
    return { kind: 'failed', code: 'not-adopted', why: `${target.name} was to have ${request.pool}, and has it ${seen.source === request.newUuid ? 'not mounted' : 'not'}` };
  },
};

/**
 * What is at home elsewhere by now, as when it was recovered from its copy, lies in the pool as it was when its host was lost: it is not started with its new host, nor
 * shown as the workload. It may hold what was written last, so nothing of it goes.
 */
const setOthersAside: Step<PoolTakeOverContext> = {
  name: 'set-aside',
  run: async ({ target, request, workloads }) => {
    const known = (await workloads()).filter((one) => one.elsewhere !== null);
    const { hypervisor, token } = target;
    const kept: string[] = [];
    const { workloads: shown, mute } = await hypervisor.inventory();
    const silent = mute.find(({ driver }) => driver === request.driver);
    if (silent) return { kind: 'failed', code: 'not-adopted', why: `${target.name} has ${request.pool}, and does not say what lies in it: ${silent.why}` };
    for (const seen of shown) {
      const one = known.find(({ uuid }) => uuid === seen.uuid);
      // What runs there is told as what it is, and touched by nobody.
      if (!one || seen.driver !== request.driver || seen.runState !== 'stopped' || hypervisor.copies === null) continue;
      await hypervisor.copies.setAside({ ...token, workload: { uuid: one.uuid, epoch: one.workloadEpoch } }, one.uuid, false);
      kept.push(`${one.name} (at home on ${one.elsewhere})`);
    }
    return { kind: 'done', memo: { kept }, ...(kept.length > 0 ? { note: `set aside: ${kept.join(', ')}` } : {}) };
  },
};

function pools({ hypervisor, name }: Place): BlockPools {
  if (hypervisor.pools === null) throw new OperationalError('unsupported', `${name} has no daemon with pools of its own`);
  return hypervisor.pools;
}

async function lookAt({ target, request }: PoolTakeOverContext): Promise<PoolLook | { readonly why: string }> {
  try {
    return await pools(target).look(request);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return { why: error.message };
  }
}

/** Nothing is undone: once it has its new name it is nobody else's, and is brought to its end when this is run again. */
export const POOL_TAKE_OVER_STEPS: readonly Step<PoolTakeOverContext>[] = [requireProof, claim, adopt, confirm, setOthersAside];

/** Ended so, the file system surely has its old name, and the target does not have it. */
export const UNTOUCHED_CODES: ReadonlySet<string> = new Set(['no-proof', 'not-off', 'off-unknown', 'not-claimed', 'cancelled']);

export function runPoolTakeOver(context: PoolTakeOverContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(POOL_TAKE_OVER_STEPS, context, journal);
}
