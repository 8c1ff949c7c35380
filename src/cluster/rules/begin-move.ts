// Beginning a move by a rule: live where that can be, what may hold it back, and the changes that it is.
import type { Host } from '../../hosts/host.js';
import type { HostId } from '../../shared/ids.js';
import { describeNotLive, whyNotLive, type NotLive } from '../../workloads/live-move.js';
import { movesLive, type Workload } from '../../workloads/workload.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import { hold, type Hold } from '../decision.js';
import type { RuleContext, RuleOutput } from '../decide.js';
import type { Operation } from '../operation.js';

export interface Move {
  readonly rule: string;
  /** Why it moves, as people are told when it has. */
  readonly cause: 'drain' | 'failback' | 'rule' | 'room' | 'rebalance' | 'return';
  readonly workload: Workload;
  readonly from: Host;
  readonly target: { readonly hostId: HostId; readonly host: string };
  readonly kind: 'migrate' | 'relocate';
  /** A sentence without its end: "host-1 is drained". */
  readonly why: string;
  readonly params?: Operation['params'];
}

/** What a rule wants moved live, and can't be, is stopped for it where its owner allows that. */
export function beginMove(context: RuleContext, wanted: Move): RuleOutput {
  const notLive = whyNotLive(wanted.workload, wanted.from, context.hostOf(wanted.target.hostId));
  const move = { ...wanted, kind: notLive === null ? wanted.kind : ('relocate' as const) };
  const busy = staysRunning(move, notLive) ?? movesBrake(context, move);
  if (busy) return { actions: [], holds: [busy] };
  const { workload, from, target, kind, cause, rule } = move;
  context.ledger.promise(workload.id, target.hostId, kind, from.id);
  const why = `${move.why}: ${kind === 'migrate' ? 'move live' : 'stop, move and start'} to ${target.host}`;
  const changes: Change[] = [
    { change: 'workload', id: workload.id, set: { state: 'migrating', why } },
    { change: 'operation', operation: { kind, workloadId: workload.id, hostId: from.id, targetHostId: target.hostId, requestedBy: `rule:${rule}`, reason: why, params: { ...move.params, cause } } },
    { change: 'event', event: event('workload.migrating', `${workload.name}: ${why}`, { host: from.name, workload: workload.name, data: { from: from.name, to: target.host, cause } }) },
  ];
  return { actions: [{ rule, about: workload.name, why, changes }], holds: [] };
}

/** A preference is not worth a stop; a drain or a broken rule is, if its owner says so. */
function staysRunning({ workload, cause, target, kind }: Move, notLive: NotLive | null): Hold | null {
  if (movesLive(workload) || kind === 'migrate') return null;
  const remedy = `\`reeve workload relocate ${workload.name} --to ${target.host}\``;
  if (cause === 'failback' || cause === 'rebalance') return hold('cannot-move', workload.name, `it can't move live, and is not stopped for a preference: ${remedy}`);
  if (workload.drainPolicy === 'relocate') return null;
  const why = notLive === null ? '' : `; ${describeNotLive(notLive)}`;
  return hold('cannot-move', workload.name, `it can't move live, and its drain policy does not allow a stop: ${remedy}${why}`);
}

function movesBrake({ ledger, policy }: RuleContext, { workload, from, target }: Move): Hold | null {
  const moves = ['migrate', 'relocate'] as const;
  if (ledger.inFlight(from.id, moves) < policy.migrationsPerHost && ledger.inFlight(target.hostId, moves) < policy.migrationsPerHost) return null;
  return hold('too-many-in-flight', workload.name, `${policy.migrationsPerHost} moves from ${from.name} or to ${target.host} are under way, as many as at once are allowed; it follows`);
}

export interface TriedTarget {
  readonly hostId: HostId;
  readonly why: string;
}

/** Targets to which this workload failed to move since then. */
export function failedTargets({ view }: Pick<RuleContext, 'view'>, workload: Workload, sinceMs: number, kind: Move['kind'] = 'migrate'): readonly TriedTarget[] {
  return view.recentOperations.flatMap((operation) => {
    const failed = operation.kind === kind && operation.workloadId === workload.id && (operation.state === 'failed' || operation.state === 'cancelled');
    if (!failed || operation.targetHostId === null || operation.createdAtMs < sinceMs) return [];
    return [{ hostId: operation.targetHostId, why: `moving there failed: ${operation.why ?? 'no reason given'}` }];
  });
}
