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
    holds.push(...notMoving(context, host));
    for (const workload of brake ? [] : orderForDrain(context.view.workloads.filter((one) => one.hostId === host.id && MOVING.has(one.state)))) {
      const output = moveAway(context, host, drain, workload);
      actions.push(...output.actions);
      holds.push(...output.holds);
    }
  }
  return { actions, holds };
};

/** A process that does not run as it should is moved by nobody: it is named, so that the drain does not just stand there. */
function notMoving({ view }: RuleContext, host: Host): readonly Hold[] {
  const stuck = view.workloads.filter((one) => one.hostId === host.id && (one.state === 'paused' || one.state === 'error'));
  return stuck.map((one) => hold('cannot-move', one.name, `it is ${one.state === 'paused' ? 'paused' : 'in error'} on ${host.name} and is not moved: ${one.why ?? 'no reason given'}`));
}

function moveAway(context: RuleContext, host: Host, drain: Operation, workload: Workload): RuleOutput {
  if (context.view.operations.some((operation) => operation.workloadId === workload.id)) return { actions: [], holds: [] };
  if (workload.drainPolicy === 'leave') return no(hold('cannot-move', workload.name, `its drain policy says leave: it stays on ${host.name}`));
  const choice = choose(context, host, drain, workload);
  if (typeof choice === 'string') return no(hold('cannot-move', workload.name, `${choice}; it stays running on ${host.name}`));
  const { target, kind } = choice;
  const { migrationsPerHost } = context.policy;
  if (context.ledger.inFlight(host.id, ['migrate', 'relocate']) >= migrationsPerHost || context.ledger.inFlight(target, ['migrate', 'relocate']) >= migrationsPerHost) {
    return no(hold('too-many-in-flight', workload.name, `${migrationsPerHost} migrations at once per host; it follows`));
  }
  context.ledger.promise(workload.id, target, kind, host.id);
  return { actions: [move(host, drain, workload, choice)], holds: [] };
}

interface Choice {
  readonly target: HostId;
  readonly targetName: string;
  readonly kind: 'migrate' | 'relocate';
}

/** Live wherever that was not tried yet; then, if its owner allows a stop, stopped and started elsewhere. A sentence: neither. */
function choose(context: RuleContext, host: Host, drain: Operation, workload: Workload): Choice | string {
  const live = placeFor('migrate');
  if (typeof live !== 'string' || workload.drainPolicy !== 'relocate' || failedMoves(context, drain, workload, 'migrate').length === 0) return live;
  return placeFor('relocate');

  function placeFor(kind: Choice['kind']): Choice | string {
    const tried = failedMoves(context, drain, workload, kind).map((one) => ({ hostId: one.hostId, why: `moving there failed: ${one.why}` }));
    const placed = context.ledger.place({ workload, exclude: [{ hostId: host.id, why: `${host.name} is being drained` }, ...tried] });
    return placed.ok ? { target: placed.value.hostId, targetName: placed.value.host, kind } : placed.error.why;
  }
}

const no = (one: Hold): RuleOutput => ({ actions: [], holds: [one] });

/** Targets to which this workload failed to move in this way since this drain began: the next host is tried. */
function failedMoves({ view }: RuleContext, drain: Operation, workload: Workload, kind: Choice['kind']): readonly { readonly hostId: HostId; readonly why: string }[] {
  return view.recentOperations.flatMap((operation) => {
    const failed = operation.kind === kind && operation.workloadId === workload.id && (operation.state === 'failed' || operation.state === 'cancelled');
    if (!failed || operation.targetHostId === null || operation.createdAtMs < drain.createdAtMs) return [];
    return [{ hostId: operation.targetHostId, why: operation.why ?? 'no reason given' }];
  });
}

function move(host: Host, drain: Operation, workload: Workload, { target, targetName, kind }: Choice): Action {
  const how = kind === 'migrate' ? 'move live' : 'it could not move live, and its drain policy allows a stop: stop, move, start';
  const why = `${host.name} is drained: ${how} to ${targetName}`;
  const changes: Change[] = [
    { change: 'workload', id: workload.id, set: { state: 'migrating', why, workloadEpoch: workload.workloadEpoch + 1 } },
    { change: 'operation', operation: { kind, workloadId: workload.id, hostId: host.id, targetHostId: target, requestedBy: 'rule:drainMaintenanceHosts', reason: why, params: { drain: drain.id } } },
    { change: 'event', event: event('workload.migrating', `${workload.name}: ${why}`, { host: host.name, workload: workload.name, data: { from: host.name, to: targetName } }) },
  ];
  return { rule: 'drainMaintenanceHosts', about: workload.name, why, changes };
}
