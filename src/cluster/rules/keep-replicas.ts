// Of workloads whose data lie at their host a copy is kept on another one, and made anew as often as their owner wants it.
import { isMember, whyNoReplicas } from '../../hosts/daemon-cluster.js';
import type { Host } from '../../hosts/host.js';
import type { PlacementRequest } from '../../scheduler/placement.js';
import type { HostId } from '../../shared/ids.js';
import type { Workload } from '../../workloads/workload.js';
import { event } from '../cluster-event.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext, RuleOutput } from '../decide.js';
import { replicationOf } from '../replication.js';
import { disarmBrake } from './brakes.js';
import { isOurs } from './workload-brakes.js';

type ExcludedHost = PlacementRequest['exclude'][number];

const NAME = 'keepReplicas';
/** Copies under way at once from or to one host. */
const COPIES_PER_HOST = 1;
/** After one that failed. */
const RETRY_MS = 60_000;
/** So many times its period without a copy, and people are told. */
const LATE_AFTER = 2;
/** The first one is a whole copy, and takes as long as it takes. */
const FIRST_WITHIN_MS = 10 * 60_000;

const no = (...holds: readonly Hold[]): RuleOutput => ({ actions: [], holds });

export const keepReplicas: Rule = (context) => {
  const copied = context.view.workloads.filter((one) => one.replication !== null && one.needs.instance !== null && isOurs(context, one));
  if (copied.length === 0 || disarmBrake(context)) return no();
  const busy = new Map<HostId, number>();
  for (const { kind, hostId, targetHostId } of context.view.operations) if (kind === 'replicate') for (const id of [hostId, targetHostId]) if (id !== null) busy.set(id, (busy.get(id) ?? 0) + 1);
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const workload of oldestFirst(copied)) {
    const output = copyAnew(context, busy, workload);
    actions.push(...(output.actions.length > 0 ? output.actions : tellLate(workload, output.holds)));
    holds.push(...output.holds);
  }
  return { actions, holds };
};

const oldestFirst = (workloads: readonly Workload[]): readonly Workload[] => [...workloads].sort((one, other) => (one.replica?.triedAtMs ?? 0) - (other.replica?.triedAtMs ?? 0) || (one.id < other.id ? -1 : 1));

function copyAnew(context: RuleContext, busy: Map<HostId, number>, workload: Workload): RuleOutput {
  const { nowMs, view } = context;
  const home = context.hostOf(workload.hostId);
  if (!home || home.condition !== 'online' || home.leaving !== null || isBusy(context, workload) || replicationOf(view, workload)) return no(...late(workload, nowMs));
  if (workload.state === 'error' || nowMs < dueMs(workload)) return no(...late(workload, nowMs));
  const { driver } = workload.needs;
  if (driver !== 'libvirt' && isMember(home.facts, driver)) return noneAt(workload, hold('no-replica', workload.name, whyNoReplicas(driver, home.name)), nowMs);
  const target = keepsWhere(context, workload) ?? chooseTarget(context, workload, home);
  if ('code' in target) return noneAt(workload, target, nowMs);
  // From or to a host that is doubted it would only break off.
  if ([home, target].some((host) => context.verdictOf(host.id)?.hearing !== 'heard')) return no(...late(workload, nowMs));
  if ([home.id, target.id].some((id) => (busy.get(id) ?? 0) >= COPIES_PER_HOST)) return no(...late(workload, nowMs));
  for (const id of [home.id, target.id]) busy.set(id, (busy.get(id) ?? 0) + 1);
  return { actions: [begin(workload, home, target, nowMs)], holds: late(workload, nowMs) };
}

const noneAt = (workload: Workload, why: Hold, nowMs: number): RuleOutput => no(why, ...late(workload, nowMs, why.why));

const isBusy = (context: RuleContext, { id, name }: Workload): boolean => context.operationOn(id) !== null || context.isActedOn(name) || context.ledger.view().promised.some((one) => one.workloadId === id);

function dueMs({ replica, replication }: Workload): number {
  if (replica === null || replication === null) return 0;
  return replica.triedAtMs + (replica.why === null && replica.asOfMs !== null ? replication.everyMs : Math.min(RETRY_MS, replication.everyMs));
}

/** Where it is, as long as that host may take it. */
function keepsWhere(context: RuleContext, workload: Workload): Host | Hold | null {
  const { replica, hostId, name } = workload;
  const host = replica === null || replica.hostId === hostId ? null : context.hostOf(replica.hostId);
  // A host that is away for a moment comes back with its copy; another whole copy takes as long as it takes.
  if (host && host.condition !== 'online' && late(workload, context.nowMs).length === 0) return hold('cooldown', name, `its copy is on ${host.name}, which is ${host.condition}: a new one is made elsewhere once that is too old`);
  if (host && replica?.asOfMs === null && triedInVain(context, workload).includes(host.id)) return null;
  return host?.condition === 'online' && host.intent !== 'maintenance' && host.leaving === null ? host : null;
}

/** What lies there may keep it from being written: as long as there is no whole copy, another host comes first. */
const triedInVain = ({ view }: RuleContext, { id }: Workload): readonly HostId[] => view.recentOperations.flatMap(({ kind, state, params, targetHostId }) => (kind === 'replicate' && state === 'failed' && params['workload'] === id && targetHostId !== null ? [targetHostId] : []));

/** By the scheduler, as if its own host were lost; room is not kept for it. In another zone, if it can be: a zone may be lost as one. */
function chooseTarget(context: RuleContext, workload: Workload, home: Host): Host | Hold {
  // A place that is asked for is promised to nobody: a copy takes no memory.
  const atHome = { hostId: home.id, why: 'it runs there' };
  const failed = triedInVain(context, workload).map((hostId) => ({ hostId, why: 'a copy to it failed' }));
  const inZone = home.zone === null ? [] : context.view.hosts.filter(({ zone }) => zone === null || zone === home.zone).map(({ id }) => ({ hostId: id, why: `it is in no other zone than ${home.name}` }));
  const [first, ...others] = [...(inZone.length === 0 ? [] : [[...failed, ...inZone]]), failed, []];
  const placedWithout = (exclude: readonly ExcludedHost[]): ReturnType<typeof context.ledger.place> => context.ledger.place({ workload, exclude: [atHome, ...exclude], leftByMates: [home.id] });
  const placed = others.reduce((found, exclude) => (found.ok ? found : placedWithout(exclude)), placedWithout(first ?? []));
  const target = placed.ok ? context.hostOf(placed.value.hostId) : null;
  return target ?? hold('no-replica', workload.name, `no host may keep a copy of it: ${placed.ok ? 'it is gone' : placed.error.why}; \`reeve workload explain ${workload.name}\``);
}

function begin(workload: Workload, home: Host, target: Host, nowMs: number): Action {
  const why = `its copy on ${target.name} is made anew`;
  const { replica, replication } = workload;
  const moved = replica === null || replica.hostId !== target.id;
  // From here on a first copy may take its time, wherever and whenever the last one was.
  const isFirst = replica === null || (replica.asOfMs === null && replica.triedAtMs === 0);
  const { isToldNone = false, ...asked } = replication ?? { everyMs: 0 };
  const whole = replica?.asOfMs === null ? null : replica;
  return {
    rule: NAME, about: workload.name, why,
    changes: [
      // The copy that there is counts until another one is whole.
      { change: 'workload', id: workload.id, set: { replica: { hostId: target.id, asOfMs: null, isToldLate: replica?.isToldLate ?? isToldNone, ...whole, triedAtMs: nowMs, why: null }, ...(replication !== null && (isFirst || isToldNone) ? { replication: { ...asked, sinceMs: nowMs } } : {}) } },
      { change: 'operation', operation: { kind: 'replicate', workloadId: null, hostId: home.id, targetHostId: target.id, requestedBy: `rule:${NAME}`, reason: `${workload.name}: ${why}`, params: { workload: workload.id } } },
      ...(moved ? [{ change: 'event', event: event('workload.replica-placed', `${workload.name}: a copy of it is kept on ${target.name}`, { severity: 'info', workload: workload.name, host: target.name }) } as const] : []),
    ],
  };
}

/** What could be lost is told before it is. `whyNone`: what keeps a copy from being made at all. */
function late({ name, replica, replication }: Workload, nowMs: number, whyNone: string | null = null): readonly Hold[] {
  if (replication === null) return [];
  const { everyMs, sinceMs } = replication;
  const asOfMs = replica?.asOfMs ?? null;
  const why = replica?.why ?? whyNone;
  const firstIsLate = (replica?.why ?? null) !== null || (sinceMs !== undefined && nowMs - sinceMs > Math.max(FIRST_WITHIN_MS, LATE_AFTER * everyMs));
  if (asOfMs === null ? !firstIsLate : nowMs - asOfMs <= LATE_AFTER * everyMs) return [];
  const age = asOfMs === null ? 'there is none' : `the last one is ${Math.round((nowMs - asOfMs) / 1000)} s old`;
  return [hold('replica-late', name, `a copy is wanted every ${Math.round(everyMs / 1000)} s, and ${age}${why === null ? '' : `: ${why}`}; what was written since would be lost with its host`)];
}

/** Once, until it is in time again. */
function tellLate(workload: Workload, holds: readonly Hold[]): readonly Action[] {
  const { replica, replication, id, name } = workload;
  const [first] = holds.filter((one) => one.code === 'replica-late');
  if (!first || replication === null || (replica?.isToldLate ?? replication.isToldNone ?? false)) return [];
  return [{ rule: NAME, about: name, why: first.why, changes: [
    { change: 'workload', id, set: replica === null ? { replication: { ...replication, isToldNone: true } } : { replica: { ...replica, isToldLate: true } } },
    { change: 'event', event: event('workload.replica-late', `${name}: ${first.why}`, { severity: 'alert', workload: name }) },
  ] }];
}
