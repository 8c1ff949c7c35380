// Labels of hosts and workloads, and zones of hosts: set by operators; refused where a hard rule that selects by them could not be kept any more.
import { UserError } from '../../shared/errors.js';
import { describeLabels, LABEL_KEY, LABEL_VALUE, MOST_LABELS, withLabels, type LabelChanges, type Labels } from '../../shared/labels.js';
import type { Change } from '../change.js';
import { event } from '../cluster-event.js';
import type { ClusterView } from '../cluster-view.js';
import { findHost, findWorkload } from './find.js';
import type { Asked } from './host-commands.js';
import { newContradiction, type RuleView } from './keepable.js';

const BY_HAND = 'reeve rule list; a soft rule is broken rather than refused';

export function labelHost(view: ClusterView, name: string, changes: LabelChanges, { by }: Asked): readonly Change[] {
  const host = findHost(view, name);
  if (Object.hasOwn(changes, 'zone')) throw new UserError('invalid', 'labels.zone: the zone of a host is no label, selectors find it by the name of zone', `reeve host zone ${host.name} NAME`);
  const labels = withLabels(host.labels, checked(changes));
  if (describeLabels(labels) === describeLabels(host.labels)) return [];
  atMost(labels);
  const why = newContradiction(view, { hosts: view.hosts.map((one) => (one.id === host.id ? { ...one, labels } : one)) });
  if (why) throw new UserError('refused', `labels: ${host.name} can't be labelled so: ${why}`, BY_HAND);
  return [
    { change: 'host', id: host.id, set: { labels } },
    { change: 'event', event: event('host.labelled', `${host.name} is labelled by ${by}: ${describeLabels(labels) || 'nothing any more'}`, { severity: 'notice', host: host.name }) },
  ];
}

/** Null: it stands alone, as a zone of its own. */
export function zoneHost(view: ClusterView, name: string, zone: string | null, { by }: Asked): readonly Change[] {
  const host = findHost(view, name);
  if (host.zone === zone) return [];
  const why = newContradiction(view, { hosts: view.hosts.map((one) => (one.id === host.id ? { ...one, zone } : one)) });
  if (why) throw new UserError('refused', `zone: ${host.name} can't be ${zone === null ? 'in no zone' : `in zone ${zone}`}: ${why}`, BY_HAND);
  return [
    { change: 'host', id: host.id, set: { zone } },
    { change: 'event', event: event('host.zoned', `${host.name} is ${zone === null ? 'in no zone any more' : `in zone ${zone}`}, by ${by}`, { severity: 'notice', host: host.name }) },
  ];
}

export function labelWorkload(view: ClusterView, name: string, changes: LabelChanges, { by }: Asked): readonly Change[] {
  const workload = findWorkload(view, name);
  const labels = withLabels(workload.labels, checked(changes));
  if (describeLabels(labels) === describeLabels(workload.labels)) return [];
  atMost(labels);
  const why = newContradiction(view, { workloads: view.workloads.map((one) => (one.id === workload.id ? { ...one, labels } : one)) });
  if (why) throw new UserError('refused', `labels: ${workload.name} can't be labelled so: ${why}`, BY_HAND);
  return [
    { change: 'workload', id: workload.id, set: { labels } },
    { change: 'event', event: event('workload.labelled', `${workload.name} is labelled by ${by}: ${describeLabels(labels) || 'nothing any more'}`, { severity: 'notice', workload: workload.name }) },
  ];
}

/** One that is to be known from now on: its labels may put it under rules. */
export function assertRulesTake(view: RuleView, workload: RuleView['workloads'][number]): void {
  checked(workload.labels);
  atMost(workload.labels);
  const why = newContradiction(view, { workloads: [...view.workloads, workload] });
  if (why) throw new UserError('refused', `labels: ${workload.name} can't have these labels: ${why}`, BY_HAND);
}

function checked(changes: LabelChanges): LabelChanges {
  for (const [key, value] of Object.entries(changes)) {
    if (!LABEL_KEY.test(key)) throw new UserError('invalid', `labels: "${key}" is no key: up to 63 letters, digits, dots, dashes, slashes and underscores, such as app`);
    if (value !== null && !LABEL_VALUE.test(value)) throw new UserError('invalid', `labels.${key}: "${value}" is no value: up to 63 letters, digits, dots, dashes and underscores, such as db`);
  }
  return changes;
}

function atMost(labels: Labels): void {
  if (Object.keys(labels).length > MOST_LABELS) throw new UserError('invalid', `labels: ${MOST_LABELS} are allowed at most`);
}
