// A rule as a scenario writes it, as the product is asked for it.
import type { WantedRule } from '../../cluster/commands/rule-commands.js';
import type { ScenarioRule } from './scenario.js';

export function wantedRule(rule: ScenarioRule): WantedRule {
  const { name, type, workloads = [], select, hard = true } = rule;
  const head = { name, type, workloads, select, hard };
  if (rule.type !== 'hosts') return { ...head, per: rule.per };
  return { ...head, hosts: rule.hosts.map((one) => ('host' in one ? { host: one.host, priority: one.priority ?? 0 } : { select: one.select, priority: one.priority ?? 0 })) };
}
