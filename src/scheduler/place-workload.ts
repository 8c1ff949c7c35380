// Where should a workload go? Filters first, each refusal with its reason; then scores; ties by host id.
import type { Host } from '../hosts/host.js';
import type { HostFacts } from '../hosts/host-facts.js';
import type { HostId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import { fail, ok, type Result } from '../shared/result.js';
import { FILTERS } from './filters.js';
import { compareIds, hostsById } from './hosts-by-id.js';
import type { Filter, FilterInput, FilterRefusal } from './filter.js';
import type { HostRefusal, HostScore, NoPlacement, Placement, PlacementRequest, PlacementView } from './placement.js';
import { summarizeRefusals } from './refusal-summary.js';
import { hostIsFit } from './rules/host-is-fit.js';
import { diskFits } from './rules/disk-fits.js';
import { hugepagesFit } from './rules/hugepages-fit.js';
import { memoryFits } from './rules/memory-fits.js';
import { cpusFit } from './rules/cpus-fit.js';
import { keepsTogether } from './rules/keeps-together.js';
import { addScores, scoreHost } from './score-host.js';
import { ruleIndex } from './placement-rule.js';
import { matesOf } from './standing.js';
import { wholeZonesFirst } from './zone-room.js';
import { NO_USAGE, usageOf, type Usage } from './usage.js';

/** They look at what comes along as well. */
const ROOM: ReadonlySet<Filter> = new Set([hugepagesFit, memoryFits, cpusFit, diskFits]);

/** Of one that comes along: its room is counted with the first one's, and where the group stands is settled. */
const COMPANION_FILTERS = FILTERS.filter((filter) => filter !== keepsTogether && !ROOM.has(filter));

/** Refusals that go away when something else makes room. */
const FULL = new Set<HostRefusal['code']>(['memory', 'cpus', 'hugepages', 'disk']);

/** The ranking and the refusals of an answer are worked out when they are asked for, by the view as it is then. */
export function placeWorkload(view: PlacementView, request: PlacementRequest): Result<Placement, NoPlacement> {
  const index = ruleIndex(view.rules);
  const { id } = request.workload;
  // What must stay in one zone is placed by the whole ranking.
  const quick = index.zoneGroup(id).length > index.group(id).length ? null : bestHost(view, request);
  if (quick) return ok(placementAt(view, request, quick));
  const { ranking, refusals } = judgeAll(view, request);
  const [best] = ranking;
  return best ? ok({ hostId: best.hostId, host: best.host, ranking, refusals }) : fail(noPlacement(refusals));
}

function placementAt(view: PlacementView, request: PlacementRequest, { id, name }: Host): Placement {
  let judged: Judged | null = null;
  const all = (): Judged => (judged ??= judgeAll(view, request));
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

function judgeAll(view: PlacementView, request: PlacementRequest): Judged {
  const refusals: HostRefusal[] = [];
  const scores: HostScore[] = [];
  const { home, companions, usage } = around(view, request);
  for (const host of hostsById(view.hosts)) {
    const verdict = judge({ view, request, home, host, companions, usage: usage.get(host.id) ?? NO_USAGE });
    if ('code' in verdict) refusals.push(verdict);
    else scores.push(verdict);
  }
  const sorted = scores.sort((one, other) => other.total - one.total || compareIds(one.hostId, other.hostId));
  return { ranking: wholeZonesFirst({ view, request, ranking: sorted, place: placeWorkload }), refusals };
}

/** The one that ranks first, and nothing else worked out; null: none may take it. */
function bestHost(view: PlacementView, request: PlacementRequest): Host | null {
  let best: Host | null = null;
  let most = Number.NEGATIVE_INFINITY;
  let total = 0;
  const add = (_part: string, value: number): void => {
    total += value;
  };
  const { workload } = request;
  const { home, companions, usage } = around(view, request);
  for (const host of hostsById(view.hosts)) {
    const { facts } = host;
    if (facts === null || hostIsFit(view, request, host)) continue;
    const input: FilterInput = { view, request, workload, home, host, facts, usage: usage.get(host.id) ?? NO_USAGE, companions, policy: view.policy };
    if (firstRefusal(FILTERS, input) ?? companionRefusal(input)) continue;
    total = 0;
    addScores(input, add);
    if (total > most) [best, most] = [host, total];
  }
  return best;
}

interface Around {
  readonly home: Host | null;
  readonly companions: readonly Workload[];
  readonly usage: ReadonlyMap<HostId, Usage>;
}

const around = (view: PlacementView, request: PlacementRequest): Around => ({ home: view.hosts.find((host) => host.id === request.workload.hostId) ?? null, companions: matesOf(view, request).companions, usage: usageOf(view, request.workload) });

interface Candidate {
  readonly view: PlacementView;
  readonly request: PlacementRequest;
  readonly home: Host | null;
  readonly host: Host;
  readonly usage: Usage;
  readonly companions: readonly Workload[];
}

const inputOf = ({ view, request, home, host, usage, companions }: Candidate, facts: HostFacts): FilterInput => ({ view, request, workload: request.workload, home, host, facts, usage, companions, policy: view.policy });

function judge(candidate: Candidate): HostRefusal | HostScore {
  const { view, request, host } = candidate;
  const unfit = hostIsFit(view, request, host);
  if (unfit) return { hostId: host.id, host: host.name, ...unfit };
  const { facts } = host;
  if (!facts) return { hostId: host.id, host: host.name, code: 'no-facts', why: `the sizes of ${host.name} are not known` };
  const input = inputOf(candidate, facts);
  const refusal = firstRefusal(FILTERS, input) ?? companionRefusal(input);
  if (refusal) return { hostId: host.id, host: host.name, ...refusal };
  const parts = scoreHost(input);
  return { hostId: host.id, host: host.name, parts, total: Object.values(parts).reduce((sum, part) => sum + part, 0) };
}

function firstRefusal(filters: readonly Filter[], input: FilterInput): FilterRefusal | null {
  for (const filter of filters) {
    const refusal = filter(input);
    if (refusal) return refusal;
  }
  return null;
}

function companionRefusal(input: FilterInput): FilterRefusal | null {
  for (const workload of input.companions) {
    const home = input.view.hosts.find((host) => host.id === workload.hostId) ?? null;
    const refusal = firstRefusal(COMPANION_FILTERS, { ...input, workload, home });
    if (refusal) return { code: refusal.code, why: `${workload.name}, which stays together with it: ${refusal.why}` };
  }
  return null;
}

function noPlacement(refusals: readonly HostRefusal[]): NoPlacement {
  const code = refusals.some((refusal) => FULL.has(refusal.code)) ? 'no-capacity' : 'no-legal-host';
  return { code, why: refusals.length === 0 ? 'there is no host' : `no host may take it: ${summarizeRefusals(refusals)}`, refusals };
}
