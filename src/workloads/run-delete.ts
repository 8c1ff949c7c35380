// Deletion: the definition of a stopped workload goes, and its disks only when that was asked for.
import { messageOf, OperationalError } from '../shared/errors.js';
import { runWorkflow, type Journal, type Step, type WorkflowOutcome } from '../shared/workflow.js';
import { describeLook, isStopped, look, unlessRefused, type Place } from './place.js';
import { volumeName } from './run-create.js';
import type { Workload } from './workload.js';

export interface DeleteContext {
  readonly workload: { readonly uuid: string; readonly name: string };
  readonly target: Place;
  /** Paths of disks to delete; see deletableDisks. Empty: all disks stay. */
  readonly disks: readonly string[];
  /** What has its data at its host goes with them. */
  readonly withData: boolean;
}

/** Disks that belong to it alone: what is used by another workload stays, and what is read-only but the seed that was made for it. */
export function deletableDisks(workload: Workload, all: readonly Workload[]): readonly string[] {
  const others = new Set(all.filter((one) => one.id !== workload.id).flatMap((one) => one.needs.disks.map((disk) => disk.path)));
  const seed = `/${volumeName(workload, 'seed', 'iso')}`;
  return workload.needs.disks
    .filter((disk) => (!disk.readonly || disk.path.endsWith(seed)) && disk.pool !== null && !others.has(disk.path))
    .map((disk) => disk.path);
}

const checkStopped: Step<DeleteContext> = {
  name: 'look',
  run: async ({ workload, target }) => {
    const seen = await look(target, workload.uuid);
    if (seen.kind === 'blind') return { kind: 'failed', code: 'host-unreachable', why: `${target.name} does not answer: ${seen.why}` };
    if (!isStopped(seen)) return { kind: 'failed', code: 'running', why: `${workload.name} on ${target.name} is ${describeLook(seen)}; stop it first: reeve workload stop ${workload.name}` };
    return { kind: 'done' };
  },
};

/** Before the disks: what is not defined cannot be started on a disk that is going. */
const removeDefinition: Step<DeleteContext> = {
  name: 'undefine',
  run: async ({ workload, target }) => {
    const refusal = await unlessRefused(() => target.hypervisor.undefine(target.token, workload.uuid));
    if (refusal) return refusal;
    const seen = await look(target, workload.uuid);
    if (seen.kind === 'seen' && seen.observed === null) return { kind: 'done', note: `definition removed from ${target.name}` };
    return { kind: 'failed', code: 'not-undefined', why: `${workload.name} on ${target.name} is ${describeLook(seen)} after its definition was removed; its disks were not touched` };
  },
};

const deleteDisks: Step<DeleteContext> = {
  name: 'disks',
  run: async ({ workload, target, disks, withData }) => {
    const left: string[] = [];
    if (withData) await target.hypervisor.copies?.deleteReplica(target.token, workload.uuid);
    for (const path of disks) {
      const why = await deleteDisk(target, path);
      if (why !== null) left.push(why);
    }
    if (left.length > 0) return { kind: 'failed', code: 'disks-left', why: `the definition of ${workload.name} is gone; not all of its disks: ${left.join('; ')}. Ask for the deletion again` };
    return { kind: 'done', note: withData ? `deleted with its data from ${target.name}` : disks.length > 0 ? `deleted ${disks.join(', ')}` : 'disks stay' };
  },
};

async function deleteDisk(target: Place, path: string): Promise<string | null> {
  try {
    await target.hypervisor.deleteDisk(target.token, path);
    return null;
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return error.code === 'not-found' ? null : `${path}: ${messageOf(error)}`;
  }
}

export const DELETE_STEPS: readonly Step<DeleteContext>[] = [checkStopped, removeDefinition, deleteDisks];

/** Safe to ask for again after it failed half-way. */
export function runDelete(context: DeleteContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(DELETE_STEPS, context, journal);
}
