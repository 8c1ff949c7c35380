// Workloads on a host in maintenance move away, live, a few at a time; what cannot move is named and stays running.
import type { Host } from '../../hosts/host.js';
import { orderForDrain } from '../../scheduler/drain-order.js';
import type { HostId } from '../../shared/ids.js';
import type { Workload } from '../../workloads/workload.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext, RuleOutput } from '../decide.js';
import type { Operation } from '../operation.js';
import { disarmBrake } from './brakes.js';

const MOVING = new Set<Workload['state']>(['running']);

export const drainMaintenanceHosts: Rule = (context) => {
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const host of context.view.hosts) {
    if (host.intent !== 'maintenance' || host.condition !== 'online') continue;
    const drain = context.view.operations.find((operation) => operation.kind === 'drain' && operation.hostId === host.id);
    if (!drain || drain.cancelRequested) continue;
    const brake = disarmBrake(context);
    if (brake) holds.push(brake);
    for (const workload of brake ? [] : orderForDrain(context.view.workloads.filter((one) => one.hostId === host.id && MOVING.has(one.state)))) {
      const output = moveAway(context, host, drain, workload);
      actions.push(...output.actions);
      holds.push(...output.holds);
    }
  }
  return { actions, holds };
};

function moveAway(context: RuleContext, host: Host, drain: Operation, workload: Workload): RuleOutput {
  if (context.view.operations.some((operation) => operation.workloadId === workload.id)) return { actions: [], holds: [] };
  if (workload.drainPolicy === 'leave') return no(hold('cannot-move', workload.name, `its drain policy says leave: it stays on ${host.name}`));
  const tried = failedMoves(context, drain, workload);
  const placed = context.ledger.place({
    workload,
    exclude: [{ hostId: host.id, why: `${host.name} is being drained` }, ...tried.map((one) => ({ hostId: one.hostId, why: `moving there failed: ${one.why}` }))],
  });
  if (!placed.ok) return no(hold('cannot-move', workload.name, `${placed.error.why}; it stays running on ${host.name}`));
  const { hostId: target, host: targetName } = placed.value;
  const { migrationsPerHost } = context.policy;
  if (context.ledger.inFlight(host.id, ['migrate', 'relocate']) >= migrationsPerHost || context.ledger.inFlight(target, ['migrate', 'relocate']) >= migrationsPerHost) {
    return no(hold('too-many-in-flight', workload.name, `${migrationsPerHost} migrations at once per host; it follows`));
  }
  context.ledger.promise(workload.id, target, 'migrate', host.id);
  return { actions: [migrate(host, drain, workload, target, targetName)], holds: [] };
}

const no = (one: Hold): RuleOutput => ({ actions: [], holds: [one] });

/** Targets to which this workload failed to move since this drain began: the next host is tried. */
function failedMoves({ view }: RuleContext, drain: Operation, workload: Workload): readonly { readonly hostId: HostId; readonly why: string }[] {
  return view.recentOperations.flatMap((operation) => {
    const failed = operation.kind === 'migrate' && operation.workloadId === workload.id && (operation.state === 'failed' || operation.state === 'cancelled');
    if (!failed || operation.targetHostId === null || operation.createdAtMs < drain.createdAtMs) return [];
    return [{ hostId: operation.targetHostId, why: operation.why ?? 'no reason given' }];
  });
}

function migrate(host: Host, drain: Operation, workload: Workload, target: HostId, targetName: string): Action {
  const why = `${host.name} is drained: move live to ${targetName}`;
  const changes: Change[] = [
    { change: 'workload', id: workload.id, set: { state: 'migrating', why, workloadEpoch: workload.workloadEpoch + 1 } },
    { change: 'operation', operation: { kind: 'migrate', workloadId: workload.id, hostId: host.id, targetHostId: target, requestedBy: 'rule:drainMaintenanceHosts', reason: why, params: { drain: drain.id } } },
    { change: 'event', event: event('workload.migrating', `${workload.name}: ${why}`, { host: host.name, workload: workload.name, data: { from: host.name, to: targetName } }) },
  ];
  return { rule: 'drainMaintenanceHosts', about: workload.name, why, changes };
}
