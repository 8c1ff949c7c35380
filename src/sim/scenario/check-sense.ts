// What a scenario may not ask for because the product would refuse it: rules that can never be kept, and an order in which nothing could start first.
import { circleThrough } from '../../cluster/commands/owner-commands.js';
import { addRule } from '../../cluster/commands/rule-commands.js';
import type { PlacementRule } from '../../scheduler/placement-rule.js';
import { UserError } from '../../shared/errors.js';
import { hostId, workloadId, type WorkloadId } from '../../shared/ids.js';
import type { Scenario, ScenarioRule, ScenarioWorkload } from './scenario.js';
import { wantedRule } from './wanted-rule.js';

/** What the timeline adds is the operator's: the product refuses it while the scenario runs. Null: all of it makes sense. */
export function firstSenseless({ hosts, workloads = [], rules = [], timeline = [] }: Scenario): string | null {
  const created = timeline.flatMap((entry, index) => (entry.do === 'workload.create' ? [{ path: `timeline[${index}].workload`, workload: entry.workload }] : []));
  const all = [...workloads.map((workload, index) => ({ path: `workloads[${index}]`, workload })), ...created];
  return firstCircle(all) ?? firstRefusedRule(hosts, [...workloads, ...created.map(({ workload: { name } }) => ({ name }))], rules);
}

interface Placed {
  readonly path: string;
  readonly workload: ScenarioWorkload;
}

function firstCircle(all: readonly Placed[]): string | null {
  const orders = all.map(({ workload }) => ({ id: workloadId(workload.name), startAfter: (workload.startAfter ?? []).map(workloadId) }));
  if (isOrdered(orders)) return null;
  for (const [index, { id, startAfter }] of orders.entries()) {
    const circle = circleThrough(orders, id, startAfter);
    if (circle) return `${all[index]?.path ?? ''}.startAfter: ${circle.join(' after ')} is a circle: none of them could ever start first`;
  }
  return null;
}

/** All can start, one after the other. */
function isOrdered(orders: readonly { readonly id: WorkloadId; readonly startAfter: readonly WorkloadId[] }[]): boolean {
  const known = new Set(orders.map(({ id }) => id));
  const waits = new Map(orders.map(({ id, startAfter }) => [id, new Set(startAfter.filter((one) => known.has(one)))]));
  const followers = new Map<WorkloadId, WorkloadId[]>();
  for (const [id, before] of waits) for (const one of before) followers.set(one, [...(followers.get(one) ?? []), id]);
  const ready = [...waits].filter(([, before]) => before.size === 0).map(([id]) => id);
  // It grows while it is walked through.
  for (const id of ready) {
    for (const follower of followers.get(id) ?? []) {
      const before = waits.get(follower);
      if (before?.delete(id) && before.size === 0) ready.push(follower);
    }
  }
  return ready.length === waits.size;
}

/** At time 0: what is created later has its labels then, and is refused then. */
function firstRefusedRule(hosts: Scenario['hosts'], workloads: readonly Pick<ScenarioWorkload, 'name' | 'labels'>[], rules: readonly ScenarioRule[]): string | null {
  const known = {
    hosts: hosts.map(({ name, zone = null, labels = {} }) => ({ id: hostId(name), name, zone, labels })),
    workloads: workloads.map(({ name, labels = {} }) => ({ id: workloadId(name), name, uuid: name, labels })),
  };
  const taken: PlacementRule[] = [];
  for (const [index, rule] of rules.entries()) {
    try {
      taken.push(...addRule({ ...known, rules: taken }, wantedRule(rule), { by: 'the file', nowMs: 0 }).flatMap((change) => (change.change === 'add-rule' ? [change.rule] : [])));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return `rules[${index}]${/^[a-z]+: /.test(error.message) ? '.' : ': '}${error.message}`;
    }
  }
  return null;
}
