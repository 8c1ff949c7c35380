// Where should a workload go? Filters first, each refusal with its reason; then scores; ties by host id.
import type { Host } from '../hosts/host.js';
import type { Workload } from '../workloads/workload.js';
import { fail, ok, type Result } from '../shared/result.js';
import { FILTERS } from './filters.js';
import type { Filter, FilterInput, FilterRefusal } from './filter.js';
import type { HostRefusal, HostScore, NoPlacement, Placement, PlacementRequest, PlacementView } from './placement.js';
import { summarizeRefusals } from './refusal-summary.js';
import { hostIsFit } from './rules/host-is-fit.js';
import { diskFits } from './rules/disk-fits.js';
import { hugepagesFit } from './rules/hugepages-fit.js';
import { memoryFits } from './rules/memory-fits.js';
import { cpusFit } from './rules/cpus-fit.js';
import { keepsTogether } from './rules/keeps-together.js';
import { scoreHost } from './score-host.js';
import { matesOf } from './standing.js';
import { wholeZonesFirst } from './zone-room.js';
import { NO_USAGE, usageOf, type Usage } from './usage.js';

/** They look at what comes along as well. */
const ROOM: ReadonlySet<Filter> = new Set([hugepagesFit, memoryFits, cpusFit, diskFits]);

/** Of one that comes along: its room is counted with the first one's, and where the group stands is settled. */
const COMPANION_FILTERS = FILTERS.filter((filter) => filter !== keepsTogether && !ROOM.has(filter));

/** Refusals that go away when something else makes room. */
const FULL = new Set<HostRefusal['code']>(['memory', 'cpus', 'hugepages', 'disk']);

export function placeWorkload(view: PlacementView, request: PlacementRequest): Result<Placement, NoPlacement> {
  const usage = usageOf(view, request.workload);
  const home = view.hosts.find((host) => host.id === request.workload.hostId) ?? null;
  const { companions } = matesOf(view, request);
  const refusals: HostRefusal[] = [];
  const scores: HostScore[] = [];
  for (const host of byId(view.hosts)) {
    const verdict = judge({ view, request, home, host, companions, usage: usage.get(host.id) ?? NO_USAGE });
    if ('code' in verdict) refusals.push(verdict);
    else scores.push(verdict);
  }
  const sorted = scores.sort((one, other) => other.total - one.total || compareIds(one.hostId, other.hostId));
  const ranking = wholeZonesFirst({ view, request, ranking: sorted, place: placeWorkload });
  const best = ranking[0];
  if (!best) return fail(noPlacement(refusals));
  return ok({ hostId: best.hostId, host: best.host, ranking, refusals });
}

const compareIds = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
const byId = (hosts: readonly Host[]): readonly Host[] => [...hosts].sort((one, other) => compareIds(one.id, other.id));

interface Candidate {
  readonly view: PlacementView;
  readonly request: PlacementRequest;
  readonly home: Host | null;
  readonly host: Host;
  readonly usage: Usage;
  readonly companions: readonly Workload[];
}

function judge({ view, request, home, host, usage, companions }: Candidate): HostRefusal | HostScore {
  const unfit = hostIsFit(view, request, host);
  if (unfit) return { hostId: host.id, host: host.name, ...unfit };
  const { facts } = host;
  if (!facts) return { hostId: host.id, host: host.name, code: 'no-facts', why: `the sizes of ${host.name} are not known` };
  const input: FilterInput = { view, request, workload: request.workload, home, host, facts, usage, companions, policy: view.policy };
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
