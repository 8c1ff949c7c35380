// Protected workloads run under the lease of their host, where it enforces one; others run under none.
import type { Host } from '../../hosts/host.js';
import type { Workload } from '../../workloads/workload.js';
import { activeDisarm } from '../disarm.js';
import { hold, type Action, type Hold } from '../decision.js';
import type { Rule, RuleContext } from '../decide.js';
import { runsUnderLease } from '../runs-under-lease.js';

const NAME = 'keepLeases';
/** After a refusal: the host may be just getting its lease. */
const RETRY_MS = 10_000;

export const keepLeases: Rule = (context) => {
  const actions: Action[] = [];
  const holds: Hold[] = [];
  for (const workload of context.view.workloads) {
    const host = context.view.hosts.find((one) => one.id === workload.hostId);
    if (!host || host.condition !== 'online' || (workload.state !== 'running' && workload.state !== 'unmanaged')) continue;
    // Disarmed, nothing is fenced, so nothing must end by itself either: planned work on the network costs no workload its life.
    const wanted = activeDisarm(context.view, context.nowMs) === null && runsUnderLease(workload, host) ? host.id : null;
    if ((workload.leasedOn === wanted && !isUnsettled(context, workload)) || context.view.operations.some((operation) => operation.workloadId === workload.id)) continue;
    // A host without its lease notes nothing: it would have to end what is noted.
    if (wanted !== null && context.verdictOf(host.id)?.lease?.held === false) continue;
    const failure = lastFailure(context, workload);
    if (failure === null) actions.push(note(workload, host, wanted !== null));
    else holds.push(hold('no-lease', workload.name, `not yet under the lease of ${host.name}: ${failure}; tried again soon; \`reeve-agent status\` on ${host.name} says more`));
  }
  return { actions, holds };
};

/** A release that failed: the store says already that it runs under none, and the guard may not know. */
function isUnsettled({ view }: RuleContext, workload: Workload): boolean {
  const last = view.recentOperations.find((operation) => operation.kind === 'lease' && operation.workloadId === workload.id);
  return last !== undefined && last.state !== 'succeeded' && last.params['hold'] === false;
}

function lastFailure({ view, nowMs }: RuleContext, workload: Workload): string | null {
  const last = view.recentOperations.find((operation) => operation.kind === 'lease' && operation.workloadId === workload.id);
  if (!last?.endedAtMs || last.state === 'succeeded' || last.endedAtMs + RETRY_MS <= nowMs) return null;
  return last.why ?? 'no reason given';
}

function note(workload: Workload, host: Host, held: boolean): Action {
  const why = held ? `protected, so it runs under the lease of ${host.name}` : `not protected, not ours, or disarmed: it runs under the lease of ${host.name} no longer`;
  return {
    rule: NAME, about: workload.name, why,
    // Given up first in the store and then at the host: never the other way round, or its end would count as a proof that it is not.
    changes: [...(held ? [] : [{ change: 'workload', id: workload.id, set: { leasedOn: null } } as const]), { change: 'operation', operation: { kind: 'lease', workloadId: workload.id, hostId: host.id, targetHostId: null, requestedBy: `rule:${NAME}`, reason: why, params: { hold: held } } }],
  };
}
