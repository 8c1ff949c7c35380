// What must stay in one zone and stands nowhere yet begins in a zone that has room for all of it. A preference: where none has, those of lower priority wait.
import type { Result } from '../shared/result.js';
import type { Workload } from '../workloads/workload.js';
import type { HostScore, NoPlacement, Placement, PlacementRequest, PlacementView } from './placement.js';
import { ruleIndex } from './placement-rule.js';
import { matesOf, zoneMatesOf } from './standing.js';
import { zonesOf } from './zones.js';

/** More than a soft rule, less than trouble of the host. */
const ZONE_TOO_SMALL = -150_000;

/** So many zones are looked at, best first: each is a placement of all that comes along. */
const MOST_ZONES = 8;

interface Ranked {
  readonly view: PlacementView;
  readonly request: PlacementRequest;
  /** Best first. */
  readonly ranking: readonly HostScore[];
  readonly place: (view: PlacementView, request: PlacementRequest) => Result<Placement, NoPlacement>;
}

/** The same hosts; those of zones that are too small come last, and say so. */
export function wholeZonesFirst(ranked: Ranked): readonly HostScore[] {
  const { view, request, ranking } = ranked;
  const index = ruleIndex(view.rules);
  if (index.zoneGroup(request.workload.id).length === index.group(request.workload.id).length) return ranking;
  const { anchors, companions } = zoneMatesOf(view, request);
  const along = matesOf(view, request).companions;
  const others = companions.filter((one) => !along.includes(one)).sort((one, other) => other.needs.memoryMiB - one.needs.memoryMiB || (one.id < other.id ? -1 : 1));
  if (anchors.length > 0 || others.length === 0) return ranking;
  const small = zonesTooSmall(ranked, along, others);
  const zones = zonesOf(view.hosts);
  const marked = ranking.map((one) => (small.has(zones.get(one.hostId) ?? '') ? { ...one, parts: { ...one.parts, zoneTooSmall: ZONE_TOO_SMALL }, total: one.total + ZONE_TOO_SMALL } : one));
  return small.size === 0 ? ranking : marked.sort((one, other) => other.total - one.total || (one.hostId < other.hostId ? -1 : 1));
}

/** Up to the first that has room; empty: that is the best one, or none has. */
function zonesTooSmall(ranked: Ranked, along: readonly Workload[], others: readonly Workload[]): ReadonlySet<string> {
  const zones = zonesOf(ranked.view.hosts);
  const best = new Map<string, HostScore>();
  for (const one of ranked.ranking) {
    const zone = zones.get(one.hostId);
    if (zone !== undefined && !best.has(zone)) best.set(zone, one);
  }
  const small = new Set<string>();
  for (const [zone, host] of [...best].slice(0, MOST_ZONES)) {
    if (fits(ranked, host, along, others)) return small;
    small.add(zone);
  }
  return new Set();
}

/** Each counted before the next one is placed. */
function fits({ view, request, place }: Ranked, { hostId }: HostScore, along: readonly Workload[], others: readonly Workload[]): boolean {
  const promised = [...view.promised, ...[request.workload, ...along].map(({ id }) => ({ workloadId: id as string, hostId }))];
  return others.every((workload) => {
    const placed = place({ ...view, promised }, { ...request, workload });
    if (placed.ok) promised.push({ workloadId: workload.id, hostId: placed.value.hostId });
    return placed.ok;
  });
}
