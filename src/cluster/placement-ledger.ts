// The ledger of one round: places that operations under way and earlier rules of this round have promised.
import { placeWorkload } from '../scheduler/place-workload.js';
import { matesOf } from '../scheduler/standing.js';
import type { NoPlacement, Placement, PlacementRequest, PlacementView } from '../scheduler/placement.js';
import type { HostId } from '../shared/ids.js';
import type { Result } from '../shared/result.js';
import type { ClusterPolicy } from './cluster-policy.js';
import type { ClusterView } from './cluster-view.js';
import { hypervisorsSilent } from './observations.js';
import type { Operation } from './operation.js';
import { strangersOn } from './strangers.js';
import type { ClusterVerdict } from './verdict.js';

export interface PlacementLedger {
  /** Chooses a host and promises the place to the workload. */
  place(request: PlacementRequest): Result<Placement, NoPlacement>;
  /** The view as placement sees it now, with what was promised so far. */
  view(): PlacementView;
  /** Operations of these kinds under way (or promised this round) at the host, as source or target. */
  inFlight(hostId: HostId, kinds: readonly Operation['kind'][]): number;
  promise(workloadId: string, hostId: HostId, kind: Operation['kind'], from: HostId | null): void;
  /** Looks in this round for moves that would make room, and whether some were begun. */
  readonly roomLooks: { asked: number; taken: number; isBegun: boolean; among: number | null };
  /** Room is being made for it there: it counts, and nothing is under way with it. */
  reserve(workloadId: string, hostId: HostId): void;
}

interface LedgerInput {
  readonly view: ClusterView;
  readonly verdict: ClusterVerdict;
  readonly policy: ClusterPolicy;
}

export function placementLedger(input: LedgerInput): PlacementLedger {
  const promised = promisesOf(input.view.operations);
  const flights: { readonly kind: Operation['kind']; readonly hosts: readonly (HostId | null)[] }[] = input.view.operations.map(
    (operation) => ({ kind: operation.kind, hosts: [operation.hostId, operation.targetHostId] }),
  );
  const seen: PlacementView = { ...placementViewOf(input), promised };
  const alongWith = new Map<string, readonly string[]>();
  const keep = (workloadId: string, hostId: HostId): void => {
    if (!promised.some((one) => one.workloadId === workloadId && one.hostId === hostId)) promised.push({ workloadId, hostId });
  };
  return {
    place: (request) => {
      const placed = placeWorkload(seen, request);
      if (placed.ok) alongWith.set(request.workload.id, matesOf(seen, request).companions.map(({ id }) => id));
      return placed;
    },
    view: () => seen,
    inFlight: (hostId, kinds) => flights.filter((flight) => kinds.includes(flight.kind) && flight.hosts.includes(hostId)).length,
    roomLooks: { asked: 0, taken: 0, isBegun: false, among: null },
    reserve: keep,
    promise: (workloadId, hostId, kind, from) => {
      keep(workloadId, hostId);
      // Their room was looked at with its own, and they follow: nobody else gets it in this round.
      for (const mate of alongWith.get(workloadId) ?? []) keep(mate, hostId);
      flights.push({ kind, hosts: [hostId, from] });
    },
  };
}

export function placementViewOf(input: LedgerInput): PlacementView {
  return { hosts: input.view.hosts, workloads: input.view.workloads, heard: heardHosts(input.verdict), leaseless: leaselessHosts(input.verdict), hypervisorSilent: hypervisorsSilent(input.view, input.policy.inventoryMaxAgeMs), promised: promisesOf(input.view.operations), strangers: strangersOn(input.view), rules: input.view.rules, policy: input.policy.placement };
}

function leaselessHosts(verdict: ClusterVerdict): ReadonlySet<HostId> {
  return new Set(verdict.hosts.filter((host) => host.lease?.held === false).map((host) => host.hostId));
}

function heardHosts(verdict: ClusterVerdict): ReadonlySet<HostId> {
  return new Set(verdict.hosts.filter((host) => host.hearing === 'heard').map((host) => host.hostId));
}

/** A move that makes room keeps it for whom it is made. */
function roomMadeBy({ params }: Operation): readonly { readonly workloadId: string; readonly hostId: HostId }[] {
  const { room, roomAt } = params;
  return typeof room === 'string' && typeof roomAt === 'string' ? [{ workloadId: room, hostId: roomAt as HostId }] : [];
}

function promisesOf(operations: readonly Operation[]): { workloadId: string; hostId: HostId }[] {
  return operations.flatMap((operation) => [
    ...(operation.workloadId !== null && operation.targetHostId !== null ? [{ workloadId: operation.workloadId, hostId: operation.targetHostId }] : []),
    ...roomMadeBy(operation),
  ]);
}
