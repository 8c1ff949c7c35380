// Creation of a VM: disks, cloud-init seed, definition, first start. What fails takes back everything it made.
import type { CommandToken } from '../hosts/hypervisor.js';
import { OperationalError } from '../shared/errors.js';
import { runWorkflow, type Journal, type Step, type StepOutcome, type WorkflowOutcome } from '../shared/workflow.js';
import { defaultMetaData, seedImage } from './seed-image.js';
import { checkWanted, confirmRunning, defineAtTarget, startAtTarget, startWayBack, type StartContext } from './start-steps.js';
import { diskTarget, type VmDisk, type VmSpec } from './vm-spec.js';

/** A specification with what was made for it. */
export interface BuildableVm {
  readonly uuid: string;
  readonly spec: VmSpec;
  readonly disks: readonly { readonly path: string; readonly format: 'raw' | 'qcow2' }[];
  readonly seedIso: string | null;
}

/** Writes a small image into a pool and returns its path; the same name is replaced. Throws OperationalError. */
export type WriteSeed = (token: CommandToken, seed: { readonly pool: string; readonly name: string; readonly image: Uint8Array }) => Promise<string>;

export interface CreateContext extends Omit<StartContext, 'workload'> {
  readonly workload: { readonly uuid: string; readonly name: string };
  readonly spec: VmSpec;
  readonly startIt: boolean;
  readonly make: {
    /** Domain XML for the target host. */
    readonly definition: (vm: BuildableVm) => string;
    readonly seed: WriteSeed;
  };
}

/** The uuid in the name makes it ours: another volume of that name can only be from an earlier try of this creation. */
export function volumeName({ uuid, name }: CreateContext['workload'], what: string, format: string): string {
  return `${name}-${uuid.slice(0, 8)}-${what}.${format}`;
}

/** One step per disk: a disk that was copied for an hour is not copied again after a crash. */
function createDisk(disk: VmDisk, index: number): Step<CreateContext> {
  const target = diskTarget(index);
  const make = ({ workload, target: place }: CreateContext): Promise<string> => {
    const from = disk.from === null ? {} : { from: disk.from };
    return place.hypervisor.createDisk(place.token, volumeName(workload, target, disk.format), { pool: disk.pool, sizeMiB: disk.sizeMiB, format: disk.format, ...from });
  };
  return {
    name: `disk-${target}`,
    run: async (context) => {
      const path = await make(context);
      return { kind: 'done', note: path, memo: { [`path-${target}`]: path } };
    },
    undo: (context) => removeVolume(context, disk.pool, volumeName(context.workload, target, disk.format)),
  };
}

const writeSeed: Step<CreateContext> = {
  name: 'seed',
  run: async (context) => {
    const seed = seedOf(context);
    if (seed === null) return { kind: 'done', note: 'none' };
    const path = await context.make.seed(context.target.token, seed);
    return { kind: 'done', note: path, memo: { 'path-seed': path } };
  },
  undo: async (context) => {
    const seed = seedOf(context);
    return seed === null ? null : removeVolume(context, seed.pool, seed.name);
  },
};

function seedOf({ spec, workload }: CreateContext): { readonly pool: string; readonly name: string; readonly image: Uint8Array } | null {
  const pool = spec.disks[0]?.pool;
  if (spec.cloudInit === null || pool === undefined) return null;
  const metaData = spec.cloudInit.metaData ?? defaultMetaData(workload.uuid, workload.name);
  return { pool, name: volumeName(workload, 'seed', 'iso'), image: seedImage({ userData: spec.cloudInit.userData, metaData }) };
}

function pathIn(journal: Journal, what: string): string | null {
  const path = journal.memo[`path-${what}`];
  return typeof path === 'string' ? path : null;
}

/** By pool and name, not by the journal: making it may have been cut off before its path was written down. */
async function removeVolume({ target }: CreateContext, pool: string, name: string): Promise<string> {
  const { pools } = await target.hypervisor.facts();
  const place = pools.find((one) => one.name === pool);
  if (!place) return `${name}: no pool ${pool} on ${target.name}`;
  try {
    await target.hypervisor.deleteDisk(target.token, `${place.path}/${name}`);
    return `${name} removed from ${pool}`;
  } catch (error) {
    if (error instanceof OperationalError && error.code === 'not-found') return `${name} is not in ${pool}`;
    throw error;
  }
}

/** The host's own words are kept: it has made aliases (machine types) exact. */
const define: Step<CreateContext> = {
  name: defineAtTarget.name,
  run: async (context, journal) => {
    const { workload, target } = context;
    const outcome = await defineAtTarget.run(startContext(context, built(context, journal)), journal);
    if (outcome.kind !== 'done') return outcome;
    const definition = await target.hypervisor.definition(workload.uuid);
    if (!context.startIt) return { kind: 'enough', note: `created on ${target.name}, not started`, memo: { definition } };
    return { ...outcome, memo: { definition } };
  },
  undo: async (context, journal) => (await defineAtTarget.undo?.(startContext(context, ''), journal)) ?? null,
};

function built(context: CreateContext, journal: Journal): string {
  const disks = context.spec.disks.map((disk, index) => ({ path: pathIn(journal, diskTarget(index)) ?? '', format: disk.format }));
  return context.make.definition({ uuid: context.workload.uuid, spec: context.spec, disks, seedIso: pathIn(journal, 'seed') });
}

const startContext = (context: CreateContext, definition: string): StartContext => ({ ...context, workload: { ...context.workload, definition } });

const start: Step<CreateContext> = {
  name: startAtTarget.name,
  run: (context, journal): Promise<StepOutcome> => startAtTarget.run(startContext(context, String(journal.memo['definition'])), journal),
  undo: async (context, journal) => (await startAtTarget.undo?.(startContext(context, ''), journal)) ?? null,
};

const check: Step<CreateContext> = { name: checkWanted.name, run: (context, journal) => checkWanted.run(startContext(context, ''), journal) };
const confirm: Step<CreateContext> = { name: confirmRunning.name, run: (context, journal) => confirmRunning.run(startContext(context, ''), journal) };

export function createSteps(spec: VmSpec): readonly Step<CreateContext>[] {
  return [check, ...spec.disks.map(createDisk), writeSeed, define, start, confirm];
}

/** On success the memo holds `definition`, as the host has it. */
export function runCreate(context: CreateContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(createSteps(context.spec), context, journal, startWayBack);
}
