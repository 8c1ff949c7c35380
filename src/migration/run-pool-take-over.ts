// A pool of a lost host, on storage that its target sees too, becomes the target's. Mounted twice it is destroyed, so nothing but power that is off counts as proof here.
import type { FenceDevice, PowerState } from '../fencing/fence-device.js';
import type { HostProof } from '../hosts/host.js';
import type { BlockPools, PoolLook, PoolRequest } from '../hosts/hypervisor.js';
import { POWER_PROOFS } from '../hosts/shared-filesystem.js';
import { messageOf, OperationalError } from '../shared/errors.js';
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
    const now = proof !== null && POWER_PROOFS.has(proof.kind) ? null : await lookAt(context);
    if (now && 'why' in now) return { kind: 'unknown', code: 'target-unknown', why: `${target.name} does not say whether it has ${request.pool}: ${now.why}` };
    // Claimed before, by another proof: the old host does not find it any more, whether it has power or not.
    if (now?.name === 'new') return { kind: 'done', note: 'it has its new name' };
    if (proof === null || !POWER_PROOFS.has(proof.kind)) return { kind: 'failed', code: 'no-proof', why: `${request.pool} stays with ${fromHost}: ${proof === null ? 'nothing proves it off' : `${proof.kind} does not prove that it has it not mounted`}` };
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
    if (before.name === 'new' && before.isMounted) return { kind: 'done', note: 'had its new name already' };
    if (before.name === 'none') return { kind: 'failed', code: 'not-claimed', why: `${target.name} does not see the device of ${request.pool}` };
    if (before.name === 'old' && before.source !== null && before.source !== request.uuid) return { kind: 'failed', code: 'not-claimed', why: `${target.name} has another pool named ${request.pool} (${before.source})` };
    const refused = before.name === 'new' ? null : await whyNotOff(context);
    if (refused !== null) return refused;
    try {
      const aside = await pools(target).claim(target.token, request, clock.nowMs() + CLAIM_WITHIN_MS);
      const lost = aside.length === 0 ? '' : `; set aside in it, without settings on the disk yet: ${aside.join(', ')}`;
      return { kind: 'done', note: `its file system is ${request.newUuid} now, which ${context.fromHost} does not look for${lost}`, memo: { aside } };
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
  const why = `${request.pool} was not claimed: ${error.message}${error.remedy === null ? '' : ` (${error.remedy})`}`;
  const after = await lookAt(context);
  if ('why' in after || (after.isMounted && after.name === 'old')) return { kind: 'unknown', code: 'target-unknown', why: `${target.name} may have claimed ${request.pool}: ${'why' in after ? after.why : why}` };
  if (after.name === 'new') return { kind: 'failed', code: 'half-claimed', why };
  return { kind: 'failed', code: 'not-claimed', why };
}

const adopt: Step<PoolTakeOverContext> = {
  name: 'adopt',
  run: async ({ request, target }) => {
    try {
      await pools(target).adopt(target.token, request);
      return { kind: 'done', note: `${target.name} has the pool ${request.pool}` };
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      return { kind: 'failed', code: 'not-adopted', why: `${target.name} did not take up ${request.pool}: ${error.message}${error.remedy === null ? '' : ` (${error.remedy})`}` };
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
export const POOL_TAKE_OVER_STEPS: readonly Step<PoolTakeOverContext>[] = [requireProof, claim, adopt, confirm];

/** Ended so, the file system surely has its old name, and the target does not have it. */
export const UNTOUCHED_CODES: ReadonlySet<string> = new Set(['no-proof', 'not-off', 'off-unknown', 'not-claimed', 'cancelled']);

export function runPoolTakeOver(context: PoolTakeOverContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(POOL_TAKE_OVER_STEPS, context, journal);
}
