// Placement rules added and removed by operators; what can never be kept is refused.
import { describeRule } from '../../scheduler/describe-rule.js';
import { ruleIndex, type PlacementRule, type PlacementRuleType } from '../../scheduler/placement-rule.js';
import type { Host } from '../../hosts/host.js';
import { UserError } from '../../shared/errors.js';
import type { WorkloadId } from '../../shared/ids.js';
import type { Workload } from '../../workloads/workload.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import type { ClusterView } from '../cluster-view.js';
import { findHost, findWorkload } from './find.js';
import type { Asked } from './host-commands.js';

/** As a person says it: by names. */
export interface WantedRule {
  readonly name: string;
  readonly type: PlacementRuleType;
  readonly workloads: readonly string[];
  readonly hard: boolean;
  /** For type hosts only. */
  readonly hosts?: readonly { readonly host: string; readonly priority: number }[] | undefined;
}

/** What a rule is held against: a scenario has no more of a cluster than this. */
export interface RuleView {
  readonly hosts: readonly Pick<Host, 'id' | 'name'>[];
  readonly workloads: readonly Pick<Workload, 'id' | 'name' | 'uuid'>[];
  readonly rules: readonly PlacementRule[];
}

export function addRule(view: RuleView, wanted: WantedRule, { by }: Asked): readonly Change[] {
  const rule = ruleFrom(view, wanted);
  if (view.rules.some((one) => one.name === rule.name)) throw new UserError('conflict', `name: a rule named ${rule.name} exists already`, `reeve rule remove ${rule.name}`);
  const contradiction = rule.hard ? contradictionIn(view, [...view.rules, rule]) : null;
  if (contradiction) throw new UserError('invalid', `${rule.name} can never be kept: ${contradiction}`, 'reeve rule list');
  return [
    { change: 'add-rule', rule },
    { change: 'event', event: event('rule.added', `rule ${rule.name} (${rule.hard ? 'hard' : 'soft'}) is added by ${by}: ${describeRule(view, rule)}`, { severity: 'notice', data: { rule: rule.name } }) },
  ];
}

export function removeRule(view: ClusterView, name: string, { by }: Asked): readonly Change[] {
  if (!view.rules.some((one) => one.name === name)) throw new UserError('not-found', `no rule is named ${name}`, 'reeve rule list');
  return [
    { change: 'remove-rule', name },
    { change: 'event', event: event('rule.removed', `rule ${name} is removed by ${by}`, { severity: 'notice', data: { rule: name } }) },
  ];
}

function ruleFrom(view: RuleView, { name, type, workloads: named, hard, hosts: wantedHosts }: WantedRule): PlacementRule {
  const workloads = distinct('workloads', named.map((one) => findWorkload(view, one).id));
  const least = type === 'hosts' ? 1 : 2;
  if (workloads.length < least) throw new UserError('invalid', `workloads: a ${type} rule is about at least ${least === 1 ? 'one workload' : 'two workloads'}`);
  if (type !== 'hosts') {
    if (wantedHosts !== undefined && wantedHosts.length > 0) throw new UserError('invalid', `hosts: a ${type} rule names no hosts`);
    return { name, type, workloads, hard };
  }
  const hosts = (wantedHosts ?? []).map(({ host, priority }) => ({ hostId: findHost(view, host).id, priority }));
  if (hosts.length === 0) throw new UserError('invalid', 'hosts: a hosts rule names at least one host');
  distinct('hosts', hosts.map((one) => one.hostId));
  return { name, type, workloads, hard, hosts };
}

function distinct<Id extends string>(field: string, ids: readonly Id[]): readonly Id[] {
  if (new Set(ids).size < ids.length) throw new UserError('invalid', `${field}: one is named twice`);
  return ids;
}

/** What no placement could keep, whatever room there is; null: nothing of that kind. */
export function contradictionIn(view: Pick<RuleView, 'hosts' | 'workloads'>, rules: readonly PlacementRule[]): string | null {
  const index = ruleIndex(rules);
  const nameOf = (id: WorkloadId): string => view.workloads.find((one) => one.id === id)?.name ?? id;
  for (const rule of rules) {
    if (!rule.hard) continue;
    if (rule.type === 'keep-apart') {
      const pair = rule.workloads.map((id) => [id, rule.workloads.find((other) => other !== id && index.group(id).includes(other))] as const).find(([, other]) => other !== undefined);
      if (pair?.[1]) return `${nameOf(pair[0])} and ${nameOf(pair[1])} are to be kept together, and apart by rule ${rule.name}`;
    }
    for (const id of rule.workloads) {
      const group = index.group(id);
      const allowed = view.hosts.filter((host) => group.every((mate) => index.hosts(mate).every((one) => !one.hard || one.hosts.some((named) => named.hostId === host.id))));
      if (allowed.length === 0 && view.hosts.length > 0) return `no host is allowed for ${group.map(nameOf).join(', ')}`;
    }
  }
  return null;
}
