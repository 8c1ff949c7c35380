// Hard hosts rules: never on a host that is not named.
import { describeHosts } from '../describe-rule.js';
import type { RuleFilter } from '../filter.js';
import { ruleIndex } from '../placement-rule.js';

export const obeysHostsRules: RuleFilter = ({ view, workload, host }) => {
  const broken = ruleIndex(view.rules).hosts(workload.id).find((rule) => rule.hard && !rule.hosts.some((one) => one.hostId === host.id));
  if (!broken) return null;
  const allowed = broken.hostSelector ? describeHosts(view, broken) : broken.hosts.map((one) => view.hosts.find((other) => other.id === one.hostId)?.name ?? 'a host that is gone').join(', ');
  return { code: 'hosts-rule', why: `rule ${broken.name} allows only ${allowed}` };
};
