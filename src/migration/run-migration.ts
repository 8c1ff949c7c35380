// Live migration: check, start on the source, watch, and whatever happened: ask both hosts what is true.
import { messageOf, OperationalError } from '../shared/errors.js';
import { JournalLost, runWorkflow, type Journal, type Step, type StepOutcome, type WorkflowOutcome } from '../shared/workflow.js';
import { describeLook, isRunning, isStopped, look } from '../workloads/place.js';
import { explainFailure } from './explain-failure.js';
import type { MigrationContext } from './migration-context.js';
import { settle } from './settle.js';
import { watchTransfer } from './watch-transfer.js';

const precheck: Step<MigrationContext> = {
  name: 'precheck',
  run: async (context) => {
    const { workload, source, destination } = context;
    const here = await look(source, workload.uuid);
    if (!isRunning(here)) return { kind: 'failed', code: 'not-running', why: `${workload.name} on ${source.name} is ${describeLook(here)}; only a running workload moves live` };
    const there = await look(destination, workload.uuid);
    if (there.kind === 'blind') return { kind: 'failed', code: 'destination-unreachable', why: `${destination.name} does not answer: ${there.why}` };
    if (!isStopped(there)) return { kind: 'failed', code: 'already-there', why: `${destination.name} already has a process of ${workload.name}: ${describeLook(there)}` };
    if (workload.needs.pinnedBy.length > 0) return { kind: 'failed', code: 'pinned', why: `${workload.name} is tied to ${source.name} by ${workload.needs.pinnedBy.join(', ')}` };
    return compatible(context);
  },
};

async function compatible({ workload, source, destination }: MigrationContext): Promise<StepOutcome> {
  // What runs now, not what was known when it was adopted.
  const definition = await source.hypervisor.definition(workload.uuid);
  const reasons = await destination.hypervisor.compatibility(definition);
  const first = reasons[0];
  if (!first) return { kind: 'done' };
  const all = reasons.map((one) => (one.remedy === null ? one.why : `${one.why} (${one.remedy})`)).join('; ');
  return { kind: 'failed', code: first.code, why: `${destination.name} can't run ${workload.name}: ${all}` };
}

/** A stale definition at the destination would stand in the way; it is only removed when nothing runs by it. */
const clearDestination: Step<MigrationContext> = {
  name: 'clear-destination',
  run: async ({ workload, destination }) => {
    const there = await look(destination, workload.uuid);
    if (there.kind === 'seen' && there.observed === null) return { kind: 'done' };
    if (!isStopped(there)) return { kind: 'failed', code: 'already-there', why: `${destination.name}: ${describeLook(there)}` };
    await destination.hypervisor.undefine(destination.token, workload.uuid);
    return { kind: 'done', note: `a stale definition on ${destination.name} was removed` };
  },
};

const start: Step<MigrationContext> = {
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
      if (!(error instanceof OperationalError) || error.code === 'guard-refused') throw error;
      // The answer was lost or refused; watching and asking both hosts tells which.
      return { kind: 'done', note: `the command's answer: ${messageOf(error)}`, memo: { startRefusal: messageOf(error) } };
    }
    return { kind: 'done', note: `transfer to ${destination.name} began` };
  },
};

const watch: Step<MigrationContext> = {
  name: 'transfer',
  run: async (context, journal) => {
    const end = await watchTransfer(context, journal);
    return { kind: 'done', note: end.note, memo: { exitCode: end.exitCode, output: end.output.slice(-2_000), stopped: end.stopped } };
  },
};

const settleStep: Step<MigrationContext> = {
  name: 'settle',
  run: async (context, journal) => {
    const { workload, source, destination } = context;
    const settled = await settle(context, journal);
    if (settled.kind === 'arrived') return { kind: 'done', note: settled.note };
    const stopped = journal.memo['stopped'];
    const cause = typeof stopped === 'string' ? stopped : explainFailure(String(journal.memo['output'] ?? journal.memo['startRefusal'] ?? ''));
    if (settled.kind === 'unknown') return { kind: 'unknown', code: settled.code, why: `${settled.why} (${cause})` };
    const why = `${cause}; ${settled.why}`;
    if (stopped === CANCELLED && settled.code === 'stayed') return { kind: 'cancelled', why: `cancelled on request; ${workload.name} runs on at ${source.name}` };
    return { kind: 'failed', code: settled.code === 'stayed' ? 'did-not-move' : settled.code, why: why || `it did not move to ${destination.name}` };
  },
};

export const CANCELLED = 'cancelled on request';

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

export const MIGRATION_STEPS: readonly Step<MigrationContext>[] = [precheck, clearDestination, start, watch, settleStep, measure];

export function runMigration(context: MigrationContext, journal: Journal): Promise<WorkflowOutcome> {
  return runWorkflow(MIGRATION_STEPS, context, journal);
}
