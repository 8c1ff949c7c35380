// Where should a workload go? Filters first, each refusal with its reason; then scores; ties by host id.
import type { Host } from '../hosts/host.js';
import { fail, ok, type Result } from '../shared/result.js';
import type { Filter, FilterInput } from './filter.js';
import type { HostRefusal, HostScore, NoPlacement, Placement, PlacementRequest, PlacementView } from './placement.js';
import { summarizeRefusals } from './refusal-summary.js';
import { bridgesExist } from './rules/bridges-exist.js';
import { cpusFit } from './rules/cpus-fit.js';
import { hostIsFit } from './rules/host-is-fit.js';
import { acceleratorIsThere, architectureMatches, cpuModelUsable } from './rules/machine-matches.js';
import { memoryFits } from './rules/memory-fits.js';
import { notPinned } from './rules/not-pinned.js';
import { storageReachable } from './rules/storage-reachable.js';
import { scoreHost } from './score-host.js';
import { NO_USAGE, usageOf, type Usage } from './usage.js';

/** In the order in which a person would want to hear of them: what can't be changed first, what is full last. */
const FILTERS: readonly Filter[] = [architectureMatches, acceleratorIsThere, cpuModelUsable, notPinned, storageReachable, bridgesExist, memoryFits, cpusFit];

/** Refusals that go away when something else makes room. */
const FULL = new Set<HostRefusal['code']>(['memory', 'cpus']);

export function placeWorkload(view: PlacementView, request: PlacementRequest): Result<Placement, NoPlacement> {
  const usage = usageOf(view, request.workload);
  const home = view.hosts.find((host) => host.id === request.workload.hostId) ?? null;
  const refusals: HostRefusal[] = [];
  const scores: HostScore[] = [];
  for (const host of byId(view.hosts)) {
    const verdict = judge({ view, request, home, host, usage: usage.get(host.id) ?? NO_USAGE });
    if ('code' in verdict) refusals.push(verdict);
    else scores.push(verdict);
  }
  const ranking = scores.sort((one, other) => other.total - one.total || compareIds(one.hostId, other.hostId));
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
}

function judge({ view, request, home, host, usage }: Candidate): HostRefusal | HostScore {
  const unfit = hostIsFit(view, request, host);
  if (unfit) return { hostId: host.id, host: host.name, ...unfit };
  const { facts } = host;
  if (!facts) return { hostId: host.id, host: host.name, code: 'no-facts', why: `the sizes of ${host.name} are not known` };
  const input: FilterInput = { view, request, workload: request.workload, home, host, facts, usage, policy: view.policy };
  for (const filter of FILTERS) {
    const refusal = filter(input);
    if (refusal) return { hostId: host.id, host: host.name, ...refusal };
  }
  const parts = scoreHost(input);
  return { hostId: host.id, host: host.name, parts, total: Object.values(parts).reduce((sum, part) => sum + part, 0) };
}

function noPlacement(refusals: readonly HostRefusal[]): NoPlacement {
  const code = refusals.some((refusal) => FULL.has(refusal.code)) ? 'no-capacity' : 'no-legal-host';
  return { code, why: refusals.length === 0 ? 'there is no host' : `no host may take it: ${summarizeRefusals(refusals)}`, refusals };
}
