// What every start by a rule has to pass: disarmed, order, and not too many at once on one host.
import { ruleIndex } from '../../scheduler/placement-rule.js';
import { standsThere } from '../../scheduler/zones.js';
import type { HostId, WorkloadId } from '../../shared/ids.js';
import type { Workload } from '../../workloads/workload.js';
import { hold, type Hold } from '../decision.js';
import type { RuleContext } from '../decide.js';

const STARTS = ['recover', 'start', 'create', 'relocate'] as const;

/** A start that came to nothing through no fault of the workload is not tried again at once. */
export function retryBrake({ view, policy, nowMs }: RuleContext, workload: Workload): Hold | null {
  const last = view.recentOperations.find((operation) => operation.workloadId === workload.id);
  const isStart = last !== undefined && (last.kind === 'recover' || last.kind === 'start' || last.params['isRestart'] === true);
  // Its target was lost: that is settled by a proof, and trying the same elsewhere is not trying again.
  if (!isStart || !last.endedAtMs || last.outcomeCode === 'target-lost' || last.state === 'succeeded' || last.endedAtMs + policy.restartBackoff.firstMs <= nowMs) return null;
  return hold('cooldown', workload.name, `${last.why ?? 'the last start came to nothing'}; tried again in a moment; \`reeve workload start ${workload.name}\` does not wait`);
}

/** What must stay on one host with it, or in one zone, is being brought to another one: it would come to stand apart from that. */
function groupBrake(context: RuleContext, workload: Workload, target: { readonly hostId: HostId; readonly host: string }): Hold | null {
  const { promised } = context.ledger.view();
  const index = ruleIndex(context.view.rules);
  const host = context.hostOf(target.hostId);
  const isBroughtTo = (id: WorkloadId, isAway: (hostId: HostId) => boolean): boolean => id !== workload.id && promised.some((promise) => promise.workloadId === id && isAway(promise.hostId));
  const apart = index.group(workload.id).find((id) => isBroughtTo(id, (hostId) => hostId !== target.hostId));
  if (apart !== undefined) return hold('operation-active', workload.name, `it must stay on one host with ${context.workloadOf(apart)?.name ?? apart}, which is being brought to another one than ${target.host}: it follows when that has ended; \`reeve operation list\``);
  const far = index.zoneGroup(workload.id).find((id) => isBroughtTo(id, (hostId) => host !== null && !standsThere(context.view.hosts, 'zone', [hostId], host)));
  if (far === undefined) return null;
  return hold('operation-active', workload.name, `it must stay in one zone with ${context.workloadOf(far)?.name ?? far}, which is being brought to another one than that of ${target.host}: it follows when that has ended; \`reeve operation list\``);
}

export function startsBrake(context: RuleContext, workload: Workload, target: { readonly hostId: HostId; readonly host: string }): Hold | null {
  const { ledger, policy } = context;
  const apart = groupBrake(context, workload, target);
  if (apart) return apart;
  if (ledger.inFlight(target.hostId, STARTS) < policy.startsPerHost) return null;
  return hold('too-many-in-flight', workload.name, `${policy.startsPerHost} starts are under way on ${target.host}, as many as at once are allowed; it is next by its priority`);
}
