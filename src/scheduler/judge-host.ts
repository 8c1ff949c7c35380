// May a workload go to a host, with all that comes along with it? The filters of one placement, in their order.
import type { Host } from '../hosts/host.js';
import type { HostFacts } from '../hosts/host-facts.js';
import type { Workload } from '../workloads/workload.js';
import type { Filter, FilterInput, FilterRefusal } from './filter.js';
import { FILTERS } from './filters.js';
import type { PlacementRequest, PlacementView } from './placement.js';
import { cpusFit } from './rules/cpus-fit.js';
import { diskFits } from './rules/disk-fits.js';
import { hostIsFit } from './rules/host-is-fit.js';
import { hugepagesFit } from './rules/hugepages-fit.js';
import { keepsTogether } from './rules/keeps-together.js';
import { memoryFits } from './rules/memory-fits.js';
import { usageAt } from './usage.js';

/** They look at what comes along as well. */
const ROOM: ReadonlySet<Filter> = new Set([hugepagesFit, memoryFits, cpusFit, diskFits]);

/** Of one that comes along: its room is counted with the first one's, and where the group stands is settled. */
const COMPANION_FILTERS = FILTERS.filter((filter) => filter !== keepsTogether && !ROOM.has(filter));

export interface Asked {
  readonly view: PlacementView;
  readonly request: PlacementRequest;
  /** Where it is placed now. */
  readonly home: Host | null;
  /** What comes along. */
  readonly companions: readonly Workload[];
}

/** The input of filters and scores where nothing is against the host, else why not. */
export function judgeHost(asked: Asked, host: Host): FilterInput | FilterRefusal {
  const unfit = hostIsFit(asked.view, asked.request, host);
  if (unfit) return unfit;
  if (!host.facts) return { code: 'no-facts', why: `the sizes of ${host.name} are not known` };
  const input = inputOf(asked, host, host.facts);
  return firstRefusal(FILTERS, input) ?? companionRefusal(input) ?? input;
}

const inputOf = ({ view, request, home, companions }: Asked, host: Host, facts: HostFacts): FilterInput => ({ view, request, workload: request.workload, home, host, facts, usage: usageAt(view, host.id, request.workload), companions, policy: view.policy });

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
