// Hard keep-apart rules: not where another member stands or is promised to be.
import type { RuleFilter } from '../filter.js';
import { ruleIndex } from '../placement-rule.js';
import { placesOf } from '../standing.js';
import { workloadsById } from '../usage.js';

export const keepsApart: RuleFilter = ({ view, workload, host }) => {
  for (const rule of ruleIndex(view.rules).apart(workload.id)) {
    const mate = rule.hard ? rule.workloads.find((id) => id !== workload.id && placesOf(view, id).includes(host.id)) : undefined;
    if (mate !== undefined) return { code: 'keep-apart', why: `rule ${rule.name} keeps it apart from ${workloadsById(view.workloads).get(mate)?.name ?? mate}, which is on ${host.name}` };
  }
  return null;
};
