// Hard keep-together rules, merged into groups: where the other members stand, or in the zone where they stand, and nowhere else.
import { zoneName } from '../../hosts/zone.js';
import type { RuleFilter } from '../filter.js';
import { ruleIndex } from '../placement-rule.js';
import { matesOf, zoneMatesOf } from '../standing.js';
import { standsThere } from '../zones.js';

export const keepsTogether: RuleFilter = ({ view, request, host }) => {
  const away = matesOf(view, request).anchors.find((anchor) => !anchor.hostIds.includes(host.id));
  if (away) {
    const where = away.hostIds.map((id) => view.hosts.find((other) => other.id === id)?.name ?? id).join(' and ');
    return { code: 'keep-together', why: `it stays together with ${away.workload.name}, which is on ${where}` };
  }
  const index = ruleIndex(view.rules);
  // All that must stay in one zone with it must stay on one host with it: that is kept.
  if (index.zoneGroup(request.workload.id).length === index.group(request.workload.id).length) return null;
  const far = zoneMatesOf(view, request).anchors.find((anchor) => !standsThere(view.hosts, 'zone', anchor.hostIds, host));
  if (!far) return null;
  const zones = new Set(view.hosts.filter((other) => far.hostIds.includes(other.id)).map(zoneName));
  return { code: 'keep-together', why: `it stays in one zone with ${far.workload.name}, which is in ${[...zones].join(' and ')}` };
};
