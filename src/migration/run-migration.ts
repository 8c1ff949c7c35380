// Live migration: check, start on the source, watch, and whatever happened: ask both hosts what is true.
import { messageOf, OperationalError } from '../shared/errors.js';
import { JournalLost, runWorkflow, type Journal, type Step, type StepOutcome, type WorkflowOutcome } from '../shared/workflow.js';
import { describeLook, isStopped, look, unlessRefused } from '../workloads/place.js';
import { explainFailure } from './explain-failure.js';
import type { MigrationContext } from './migration-context.js';
import { precheckMigration } from './precheck.js';
import { settle, type Conclude } from './settle.js';
import { CANCELLED, watchTransfer } from './watch-transfer.js';

const precheck: Step<MigrationContext> = {
  name: 'precheck',
  run: async (context, journal) => {
    if (await journal.cancelRequested()) return { kind: 'cancelled', why: 'cancelled on request, before it began' };
    const refusal = await precheckMigration(context);
    if (refusal === null) return { kind: 'done' };
    return { kind: 'failed', code: refusal.code, why: refusal.remedy === null ? refusal.why : `${refusal.why} (${refusal.remedy})` };
  },
};

/** A stale definition at the destination would stand in the way; it is only removed when nothing runs by it. */
const clearDestination: Step<MigrationContext> = {
  name: 'clear-destination',
  run: async ({ workload, destination }) => {
    const there = await look(destination, workload.uuid);
    const isStale = !(there.kind === 'seen' && there.observed === null);
    if (isStale && !isStopped(there)) return { kind: 'failed', code: 'already-there', why: `${destination.name}: ${describeLook(there)}` };
    if (isStale) await destination.hypervisor.undefine(destination.token, workload.uuid);
    return { kind: 'done', ...(isStale ? { note: `a stale definition on ${destination.name} was removed` } : {}) };
  },
};

/** What arrives under a lease is under it from its first moment there; a host that holds none is no destination. */
const announce: Step<MigrationContext> = {
  name: 'announce',
  run: async ({ destination }) => {
    if (!destination.token.lease) return { kind: 'done', note: 'not under a lease there' };
    return (await unlessRefused(() => destination.hypervisor.announce(destination.token))) ?? { kind: 'done', note: `under the lease of ${destination.name}` };
  },
};

export const start: Step<MigrationContext> = {
  name: 'start',
  run: async (context, journal) => {
    if (await journal.cancelRequested()) return { kind: 'cancelled', why: 'cancelled on request, before it began' };
    const { workload, source, destination, policy } = context;
    const request = {
      id: context.operationId,
      uuid: workload.uuid,
      destination: { name: destination.name, sshUser: destination.sshUser, sshPort: destination.sshPort, address: destination.address },
      bandwidthMiBps: policy.bandwidthMiBps,
      maxDowntimeMs: policy.maxDowntimeMs,
      autoConverge: policy.autoConverge,
      copyStorage: context.copyStorage,
    };
    try {
      await source.hypervisor.startMigration(source.token, request);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      if (error.code === 'guard-refused') return { kind: 'failed', code: error.code, why: error.message };
      // The answer was lost or refused; watching and asking both hosts tells which.
      return { kind: 'done', note: `the command's answer: ${messageOf(error)}`, memo: { startRefusal: messageOf(error), startLost: error.code === 'timeout' || error.code === 'unreachable' } };
    }
    return { kind: 'done', note: `transfer to ${destination.name} began` };
  },
};

export const watch: Step<MigrationContext> = {
  name: 'transfer',
  run: (context, journal) => neverForgotten(context, async () => {
    const end = await watchTransfer(context, journal);
    return { kind: 'done', note: end.note, memo: { exitCode: end.exitCode, output: end.output.slice(-2_000), stopped: end.stopped } };
  }),
};

/** `conclude`: what follows from what both hosts show; as for a workload whose disks both reach, unless given. */
export const settleStep = (conclude?: Conclude): Step<MigrationContext> => ({
  name: 'settle',
  run: (context, journal) => neverForgotten(context, async () => {
    const settled = await settle(context, journal, conclude);
    if (settled.kind === 'arrived') return { kind: 'done', note: settled.note, ...(settled.unleased === true ? { memo: { unleased: true } } : {}) };
    const { stopped, output, startRefusal } = journal.memo;
    const cause = typeof stopped === 'string' ? stopped : explainFailure(String(output || startRefusal || ''));
    if (settled.kind === 'unknown') return { kind: 'unknown', code: settled.code, why: `${settled.why} (${cause})` };
    // Asked again: the run that cancelled it may have been killed before it wrote that down.
    const isCancelled = settled.code === 'stayed' && (stopped === CANCELLED || (await journal.cancelRequested()));
    if (isCancelled) return { kind: 'cancelled', why: `cancelled on request; ${settled.why}` };
    return { kind: 'failed', code: settled.code === 'stayed' ? 'did-not-move' : settled.code, why: `${cause}; ${settled.why}` };
  }),
});

/** Once it began, an error of ours says nothing about where the workload runs: a person must look. */
async function neverForgotten({ workload, source, destination }: MigrationContext, run: () => Promise<StepOutcome>): Promise<StepOutcome> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof JournalLost) throw error;
    return { kind: 'unknown', code: 'defect', why: `it is not known whether ${workload.name} runs on ${source.name} or on ${destination.name}: ${messageOf(error)}` };
  }
}

/** Duration, bytes and downtime as the hypervisor measured them; worth having, not worth failing for. */
const measure: Step<MigrationContext> = {
  name: 'measure',
  run: async ({ workload, destination }) => {
    try {
      const { totalMs, downtimeMs, transferredBytes } = await destination.hypervisor.migrationStatistics(workload.uuid);
      return { kind: 'done', note: `downtime ${downtimeMs ?? '?'} ms, ${totalMs ?? '?'} ms in all`, memo: { totalMs, downtimeMs, transferredBytes } };
    } catch (error) {
      if (error instanceof JournalLost) throw error;
      return { kind: 'done', note: `statistics can't be had: ${messageOf(error)}` };
    }
  },
};

export const MIGRATION_STEPS: readonly Step<MigrationContext>[] = [precheck, clearDestination, announce, start, watch, settleStep(), measure];

export function runMigration(context: MigrationContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(MIGRATION_STEPS, context, journal);
}
