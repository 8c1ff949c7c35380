// Migrate and relocate: from an operation's row to the move's workflow and what follows from its outcome.
import { daemonOf, tieBetween } from '../../hosts/daemon-cluster.js';
import type { Host } from '../../hosts/host.js';
import { COLD_COPY_STEPS, COLD_MEMBER_STEPS, COLD_RELOCATION_STEPS } from '../../migration/run-cold-relocation.js';
import { INSTANCE_MIGRATION_STEPS } from '../../migration/run-instance-migration.js';
import { MIGRATION_STEPS } from '../../migration/run-migration.js';
import { COPY_RELOCATION_STEPS, copyRelocationWayBack } from '../../migration/run-copy-relocation.js';
import { MEMBER_RELOCATION_STEPS, memberRelocationWayBack } from '../../migration/run-member-relocation.js';
import { RELOCATION_STEPS, relocationWayBack } from '../../migration/run-relocation.js';
import { runWorkflow, type WorkflowOutcome } from '../../shared/workflow.js';
import { whyNotLive } from '../../workloads/live-move.js';
import { movesLive, type Workload } from '../../workloads/workload.js';
import type { Operation } from '../operation.js';
import { replicationOf } from '../replication.js';
import { moveEnding } from '../endings.js';
import type { Ending, Executor } from '../run-operation.js';
import { withFactsAfter } from './facts-after.js';
import { freshHost, freshWorkload, hostOf, isProvenGone, losablePlaceOf, param, placeOf, workloadOf, type ExecutePorts } from './execute-ports.js';

export function migrateExecutor(ports: ExecutePorts): Executor {
  return async (operation, view, journal) => {
    const workload = workloadOf(view, operation);
    const source = hostOf(view, operation.hostId, 'source');
    const target = hostOf(view, operation.targetHostId, 'target');
    const context = {
      operationId: operation.id,
      workload,
      source: placeOf(ports, operation, source, workload),
      destination: { ...placeOf(ports, operation, target, workload), sshUser: target.ssh.user, sshPort: target.ssh.port, address: target.address },
      clock: ports.clock,
      policy: { ...ports.migration, bandwidthMiBps: param(operation, 'bandwidthMiBps', 0) || ports.migration.bandwidthMiBps, maxDowntimeMs: param(operation, 'maxDowntimeMs', ports.migration.maxDowntimeMs) },
      copyStorage: param(operation, 'copyStorage', false),
      // Other hosts' daemons bring an instance there, with a process from the last moment on.
      provenOff: (side: 'source' | 'destination') => (side === 'source' ? isProvenGone(ports, source, workload) : isProvenGone(ports, target, workload, !movesLive(workload))),
    };
    if (!movesLive(workload)) await endReplication(ports, operation, workload);
    const outcome = movesLive(workload)
      ? await runWorkflow(MIGRATION_STEPS, context, journal)
      : await runWorkflow(INSTANCE_MIGRATION_STEPS, { ...context, copyStorage: false, notLive: whyNotLive(workload, source, target) }, journal);
    return withFactsAfter(ports, { target, workload }, moveEnding({ operation, workload, outcome, source: (await freshHost(ports, source)) ?? source, target, nowMs: ports.clock.nowMs() }));
  };
}

export function relocateExecutor(ports: ExecutePorts): Executor {
  return async (operation, view, journal) => {
    const workload = workloadOf(view, operation);
    const source = hostOf(view, operation.hostId, 'source');
    const target = hostOf(view, operation.targetHostId, 'target');
    const context = {
      workload,
      source: losablePlaceOf(ports, operation, source, workload),
      target: losablePlaceOf(ports, operation, target, workload),
      clock: ports.clock,
      stillWanted: async () => ((await freshHost(ports, target))?.condition === 'online' ? null : `${target.name} is not online`),
      graceMs: param(operation, 'timeoutMs', 60_000),
      killAfter: param(operation, 'force', false),
    };
    const isCold = param(operation, 'isCold', false);
    const endingOf = async (outcome: WorkflowOutcome): Promise<Ending> => {
      const sourceNow = outcome.kind === 'succeeded' ? source : ((await freshHost(ports, source)) ?? source);
      const workloadNow = isCold ? ((await freshWorkload(ports, workload)) ?? workload) : workload;
      return withFactsAfter(ports, { target, workload }, moveEnding({ operation, workload: workloadNow, outcome, source: sourceNow, target, nowMs: ports.clock.nowMs() }));
    };
    if (!movesLive(workload)) await endReplication(ports, operation, workload);
    const members = membersOf(workload, source, target);
    if (members) {
      const inside = { ...context, operationId: operation.id, source: { ...context.source, member: members.source }, target: { ...context.target, member: members.target } };
      return endingOf(await (isCold ? runWorkflow(COLD_MEMBER_STEPS, inside, journal, memberRelocationWayBack) : runWorkflow(MEMBER_RELOCATION_STEPS, inside, journal, memberRelocationWayBack)));
    }
    if (movesLive(workload)) return endingOf(await (isCold ? runWorkflow(COLD_RELOCATION_STEPS, context, journal, relocationWayBack) : runWorkflow(RELOCATION_STEPS, context, journal, relocationWayBack)));
    const copying = { ...context, operationId: operation.id, bandwidthMiBps: ports.migration.bandwidthMiBps, keepsReplica: workload.replication !== null };
    return endingOf(await (isCold ? runWorkflow(COLD_COPY_STEPS, copying, journal, copyRelocationWayBack) : runWorkflow(COPY_RELOCATION_STEPS, copying, journal, copyRelocationWayBack)));
  };
}

/** By what names a cluster of daemons knows both; null: they are not in one. */
function membersOf({ needs: { driver } }: Workload, source: Host, target: Host): { readonly source: string; readonly target: string } | null {
  const [here, there] = [daemonOf(source.facts, driver), daemonOf(target.facts, driver)];
  return tieBetween(here, there) === 'members' && here?.cluster && there?.cluster ? { source: here.cluster.member, target: there.cluster.member } : null;
}

/** Its data are copied for the move now: a copy for its replica would be in the way. */
async function endReplication({ store }: ExecutePorts, operation: Operation, workload: Workload): Promise<void> {
  const replication = replicationOf(await store.readView(), workload);
  if (replication) await store.commit([{ change: 'cancel-operation', id: replication.id }], { viewVersion: null, leaderEpoch: operation.leaderEpoch });
}
