// May a unit be on a host, whatever else is there? The filters of one placement, asked once for each kind of workload and host.
import type { Host } from '../../hosts/host.js';
import type { HostId } from '../../shared/ids.js';
import type { Workload } from '../../workloads/workload.js';
import { mayEverBeOn } from '../may-ever-be-on.js';
import type { PlacementView } from '../placement.js';
import { diskFits } from '../rules/disk-fits.js';
import { hugepagesFit } from '../rules/hugepages-fit.js';
import { workloadKind } from '../workload-kind.js';
import type { Unit } from './cluster-model.js';

export interface Legality {
  /** True: only room and where others stand can be against it. */
  readonly ask: (unit: number, host: number) => boolean;
  /** Units of one kind have the same answers everywhere. */
  readonly kind: (unit: number) => string;
}

const YES = 1;
const NO = 2;

interface Kind {
  readonly example: Workload;
  /** By host row; 0: not asked yet. */
  readonly verdicts: Uint8Array;
}

export function legality(view: PlacementView, hosts: readonly Host[], units: readonly Unit[]): Legality {
  const homes = new Map(hosts.map((host) => [host.id, host]));
  const kinds = new Map<string, Kind>();
  const kindOf = (workload: Workload): Kind => {
    const key = workloadKind(view, homes, workload);
    const known = kinds.get(key) ?? { example: workload, verdicts: new Uint8Array(hosts.length) };
    kinds.set(key, known);
    return known;
  };
  const numbers = new Map<Kind, number>();
  const ofUnits = units.map(({ workloads }) => [...new Set(workloads.map(kindOf))]);
  const asked = ({ example, verdicts }: Kind, row: number): boolean => {
    if (verdicts[row] === 0) verdicts[row] = isLegal(view, homes, example, hosts[row]) ? YES : NO;
    return verdicts[row] === YES;
  };
  for (const kind of kinds.values()) numbers.set(kind, numbers.size);
  return {
    ask: (unit, host) => ofUnits[unit]?.every((kind) => asked(kind, host)) ?? false,
    kind: (unit) => (ofUnits[unit] ?? []).map((kind) => numbers.get(kind)).join('+'),
  };
}

/** What a plan can't count in rows is asked of each by itself. */
const ASKED_ALONE = [diskFits, hugepagesFit];

function isLegal(view: PlacementView, homes: ReadonlyMap<HostId, Host>, workload: Workload, host: Host | undefined): boolean {
  const home = workload.hostId === null ? null : (homes.get(workload.hostId) ?? null);
  return host !== undefined && mayEverBeOn({ view, workload, home, host }, ASKED_ALONE);
}
