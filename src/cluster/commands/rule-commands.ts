// Placement rules added and removed by operators; what can never be kept is refused.
import { describeRule } from '../../scheduler/describe-rule.js';
import type { HostSelector, PlacementRule, PlacementRuleType, RuleScope } from '../../scheduler/placement-rule.js';
import { resolveRule } from '../../scheduler/resolve-rules.js';
import { UserError } from '../../shared/errors.js';
import type { Labels } from '../../shared/labels.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import type { ClusterView } from '../cluster-view.js';
import { findHost, findWorkload } from './find.js';
import type { Asked } from './host-commands.js';
import { newContradiction, type RuleView } from './keepable.js';

export type WantedHost = { readonly host: string; readonly priority: number } | { readonly select: Labels; readonly priority: number };

/** As a person says it: by names and labels. */
export interface WantedRule {
  readonly name: string;
  readonly type: PlacementRuleType;
  readonly workloads: readonly string[];
  /** All that have these labels, now and later, as well. */
  readonly select?: Labels | undefined;
  readonly hard: boolean;
  /** Not for type hosts. Absent: host. */
  readonly per?: RuleScope | undefined;
  /** For type hosts only. */
  readonly hosts?: readonly WantedHost[] | undefined;
}

export function addRule(view: RuleView, wanted: WantedRule, { by }: Asked): readonly Change[] {
  const rule = resolveRule(ruleFrom(view, wanted), view);
  if (view.rules.some((one) => one.name === rule.name)) throw new UserError('conflict', `name: a rule named ${rule.name} exists already`, `reeve rule remove ${rule.name}`);
  const contradiction = rule.hard ? newContradiction(view, { rules: [...view.rules, rule] }) : null;
  if (contradiction) throw new UserError('invalid', `${rule.name} can never be kept: ${contradiction}`, 'reeve rule list; a soft rule (--soft) is broken rather than refused');
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

function ruleFrom(view: RuleView, { name, type, workloads: written, select, hard, per, hosts: wantedHosts }: WantedRule): PlacementRule {
  const named = distinct('workloads', written.map((one) => findWorkload(view, one).id));
  const least = type === 'hosts' ? 1 : 2;
  if (select === undefined && named.length < least) throw new UserError('invalid', `workloads: a ${type} rule is about at least ${least === 1 ? 'one workload' : 'two workloads'}, by name or by labels (select)`);
  const head = { name, workloads: named, hard, ...(select === undefined ? {} : { selector: { named, labels: selective('select', select) } }) };
  if (type !== 'hosts') {
    if (wantedHosts !== undefined && wantedHosts.length > 0) throw new UserError('invalid', `hosts: a ${type} rule names no hosts`);
    return { ...head, type, ...(per === 'zone' ? { per } : {}) };
  }
  if (per !== undefined) throw new UserError('invalid', 'per: a hosts rule is about hosts; one for a zone selects them by it: select: { zone: NAME }');
  const { named: hosts, selected } = hostsFrom(view, wantedHosts ?? []);
  return { ...head, type, hosts, ...(selected.length === 0 ? {} : { hostSelector: { named: hosts, selected } }) };
}

function hostsFrom(view: RuleView, wanted: readonly WantedHost[]): HostSelector {
  if (wanted.length === 0) throw new UserError('invalid', 'hosts: a hosts rule names at least one host, or selects by labels');
  const named = wanted.flatMap((one) => ('host' in one ? [{ hostId: findHost(view, one.host).id, priority: one.priority }] : []));
  distinct('hosts', named.map((one) => one.hostId));
  return { named, selected: wanted.flatMap((one) => ('host' in one ? [] : [{ labels: selective('hosts.select', one.select), priority: one.priority }])) };
}

/** One that asks for nothing would select everything. */
function selective(field: string, labels: Labels): Labels {
  if (Object.keys(labels).length === 0) throw new UserError('invalid', `${field}: at least one label, such as app: db`);
  return labels;
}

function distinct<Id extends string>(field: string, ids: readonly Id[]): readonly Id[] {
  if (new Set(ids).size < ids.length) throw new UserError('invalid', `${field}: one is named twice`);
  return ids;
}
