// Why workloads would stay down after a loss, asked as one placement each once the rest is placed; and what would mend it.
import { isOff } from '../hosts/host.js';
import type { HostId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import type { StaysDown } from './failure-room.js';
import { withLost } from './as-lost.js';
import { NOWHERE } from './packing/cluster-model.js';
import { isRecovered } from './packing/lose-hosts.js';
import type { Packing } from './packing/packing.js';
import { placeWorkload } from './place-workload.js';
import type { PlacementView } from './placement.js';
import { summarizeRefusals } from './refusal-summary.js';
import { whatWouldMend } from './what-would-mend.js';

export interface Stranded {
  /** As it stands after the loss, with what has a place put there. */
  readonly packing: Packing;
  readonly view: PlacementView;
  readonly lost: ReadonlySet<HostId>;
  /** Units without a place, what matters most first. */
  readonly down: readonly number[];
  readonly isBound: (unit: number) => boolean;
}

export function explainDown(stranded: Stranded): { readonly down: readonly StaysDown[]; readonly mend: string | null } {
  const { packing, down, isBound } = stranded;
  const after = viewAfter(stranded);
  const found = down.flatMap((row) => packing.model.units[row]?.workloads.filter(isRecovered).map((workload) => ({ row, ...explained(after, workload) })) ?? []);
  const first = found.find(({ row }) => !isBound(row)) ?? found[0];
  const mend = whatWouldMend(packing, stranded.lost, down.filter((row) => !isBound(row))) ?? (first ? `what stands in the way of ${first.workload}: ${first.why}` : null);
  return { down: found.map(({ row, ...says }) => ({ ...says, isBound: isBound(row) })), mend };
}

/** Where all would be: the lost hosts are proven off, and what was to be started runs elsewhere. */
export function viewAfter({ packing, view, lost }: Pick<Stranded, 'packing' | 'view' | 'lost'>): PlacementView {
  const { unitRow, hosts } = packing.model;
  const workloads = view.workloads.map((one) => {
    if (one.hostId === null || !lost.has(one.hostId)) return one;
    const at = packing.at[unitRow.get(one.id) ?? NOWHERE] ?? NOWHERE;
    const target = at === NOWHERE ? undefined : hosts[at]?.id;
    // Room is kept for all of a group that must stay together, whoever starts them.
    return target !== undefined ? { ...one, hostId: target } : { ...one, leasedOn: one.hostId };
  });
  return withLost({ ...view, workloads }, [...lost]);
}

function explained(after: PlacementView, workload: Workload): Omit<StaysDown, 'isBound'> {
  const asked = after.workloads.find(({ id }) => id === workload.id) ?? workload;
  const placed = placeWorkload(after, { workload: asked, exclude: [] });
  // Lost is lost: nobody needs to be told so of each.
  const refusals = placed.ok ? [] : placed.error.refusals.filter(({ hostId }) => !after.hosts.some((host) => host.id === hostId && isOff(host)));
  const why = placed.ok ? 'those that must stay with it have no place there' : refusals.length === 0 ? 'no other host is in service' : summarizeRefusals(refusals);
  return { workloadId: workload.id, workload: workload.name, why };
}
