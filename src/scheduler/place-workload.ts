// Where should a workload go? Filters first, each refusal with its reason; then scores; ties by host id.
import type { Host } from '../hosts/host.js';
import { fail, ok, type Result } from '../shared/result.js';
import { bestHost } from './best-host.js';
import { compareIds, hostsById } from './hosts-by-id.js';
import type { FilterInput } from './filter.js';
import { judgeHost, type Asked } from './judge-host.js';
import type { HostRefusal, HostScore, NoPlacement, Placement, PlacementRequest, PlacementView } from './placement.js';
import { summarizeRefusals } from './refusal-summary.js';
import { scoreHost } from './score-host.js';
import { ruleIndex } from './placement-rule.js';
import { matesOf } from './standing.js';
import { wholeZonesFirst } from './zone-room.js';

/** Refusals that go away when something else makes room. */
const FULL = new Set<HostRefusal['code']>(['memory', 'cpus', 'hugepages', 'disk']);

/** The ranking and the refusals of an answer are worked out when they are asked for, by the view as it is then. */
export function placeWorkload(view: PlacementView, request: PlacementRequest): Result<Placement, NoPlacement> {
  const index = ruleIndex(view.rules);
  const { id } = request.workload;
  // What must stay in one zone is placed by the whole ranking.
  const quick = index.zoneGroup(id).length > index.group(id).length ? null : bestHost(askedOf(view, request));
  if (quick) return ok(placementAt(view, request, quick));
  const { ranking, refusals } = judgeAll(askedOf(view, request));
  const [best] = ranking;
  return best ? ok({ hostId: best.hostId, host: best.host, ranking, refusals }) : fail(noPlacement(refusals));
}

function placementAt(view: PlacementView, request: PlacementRequest, { id, name }: Host): Placement {
  let judged: Judged | null = null;
  const all = (): Judged => (judged ??= judgeAll(askedOf(view, request)));
  return {
    hostId: id, host: name,
    get ranking() {
      return all().ranking;
    },
    get refusals() {
      return all().refusals;
    },
  };
}

interface Judged {
  /** Best first. */
  readonly ranking: readonly HostScore[];
  readonly refusals: readonly HostRefusal[];
}

function judgeAll(asked: Asked): Judged {
  const { view, request } = asked;
  const refusals: HostRefusal[] = [];
  const scores: HostScore[] = [];
  for (const host of hostsById(view.hosts)) {
    const judged = judgeHost(asked, host);
    if ('code' in judged) refusals.push({ hostId: host.id, host: host.name, ...judged });
    else scores.push(scored(judged));
  }
  const sorted = scores.sort((one, other) => other.total - one.total || compareIds(one.hostId, other.hostId));
  return { ranking: wholeZonesFirst({ view, request, ranking: sorted, place: placeWorkload }), refusals };
}

function scored(input: FilterInput): HostScore {
  const { id, name } = input.host;
  const parts = scoreHost(input);
  return { hostId: id, host: name, parts, total: Object.values(parts).reduce((sum, part) => sum + part, 0) };
}

const askedOf = (view: PlacementView, request: PlacementRequest): Asked => ({ view, request, home: view.hosts.find((host) => host.id === request.workload.hostId) ?? null, companions: matesOf(view, request).companions });

function noPlacement(refusals: readonly HostRefusal[]): NoPlacement {
  const code = refusals.some((refusal) => FULL.has(refusal.code)) ? 'no-capacity' : 'no-legal-host';
  return { code, why: refusals.length === 0 ? 'there is no host' : `no host may take it: ${summarizeRefusals(refusals)}`, refusals };
}
