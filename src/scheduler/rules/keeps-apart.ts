// Hard keep-apart rules: not where another member stands or is promised to be, nor, per zone, in the zone of one.
import type { RuleFilter } from '../filter.js';
import { ruleIndex } from '../placement-rule.js';
import { placesOf } from '../standing.js';
import { workloadsById } from '../usage.js';
import { standsThere } from '../zones.js';

export const keepsApart: RuleFilter = ({ view, workload, host }) => {
  for (const rule of ruleIndex(view.rules).apart(workload.id)) {
    const mate = rule.hard ? rule.workloads.find((id) => id !== workload.id && standsThere(view.hosts, rule.per, placesOf(view, id), host)) : undefined;
    if (mate === undefined) continue;
    const name = workloadsById(view.workloads).get(mate)?.name ?? mate;
    const there = placesOf(view, mate).includes(host.id) ? `on ${host.name}` : `in zone ${host.zone ?? ''}`;
    return { code: 'keep-apart', why: `rule ${rule.name} keeps it apart from ${name}, which is ${there}` };
  }
  return null;
};
