// The answer to "how many more fit?", as people and programs get it.
import { howManyFit } from '../scheduler/how-many-fit.js';
import type { RoomMode } from '../scheduler/losses-to-try.js';
import type { PlacementView } from '../scheduler/placement.js';
import { workloadId } from '../shared/ids.js';
import { NO_FAILURES, WORKLOAD_DEFAULTS, type Workload, type WorkloadNeeds } from '../workloads/workload.js';
import { describeRoomLost } from './admission.js';
import { findWorkload } from './commands/find.js';

export interface FitRequest {
  /** The size of one, or a workload whose needs one has. */
  readonly one: { readonly memoryMiB: number; readonly vcpus: number } | { readonly like: string };
  /** Which losses must leave room; off: none is thought of. */
  readonly mode: RoomMode | 'off';
  /** Nobody needs to know of more. */
  readonly most: number;
}

export interface FitDocument {
  /** The workload whose needs one has; null: a plain VM of that size. */
  readonly like: string | null;
  readonly memoryMiB: number;
  readonly vcpus: number;
  readonly mode: RoomMode | 'off';
  readonly most: number;
  readonly count: number;
  /** So many have a place when no loss is thought of. */
  readonly places: number;
  /** What keeps one more from fitting; null: `most` fit. */
  readonly stops: string | null;
}

/** Throws UserError for a workload that is not there. */
export function fitDocument(view: PlacementView, { one, mode, most }: FitRequest): FitDocument {
  const like = 'like' in one ? { ...findWorkload(view, one.like), lock: null } : plainVm(view, one);
  const document = { like: 'like' in one ? like.name : null, memoryMiB: like.needs.memoryMiB, vcpus: like.needs.vcpus, mode, most };
  const { pinnedBy } = like.needs;
  if (pinnedBy.length > 0) return { ...document, count: 0, places: 0, stops: `${like.name} is tied to its host by ${pinnedBy.join(', ')}: which hosts have another of that is not known` };
  const { count, places, roomLost, noPlace } = howManyFit(view, { like, mode, most });
  const stops = roomLost === null ? noPlace : `one more would leave no room for failure (${mode}): ${describeRoomLost(roomLost)}`;
  return { ...document, count, places, stops };
}

/** It needs nothing but its size, and takes the accelerator of its host. */
function plainVm({ hosts }: PlacementView, size: { readonly memoryMiB: number; readonly vcpus: number }): Workload {
  const architecture = hosts.find(({ facts }) => facts !== null)?.facts?.architecture ?? 'x86_64';
  const needs: WorkloadNeeds = { ...size, disks: [], bridges: [], cpuModel: null, architecture, accelerator: 'tcg', driver: 'libvirt', instance: null, pinnedBy: [] };
  return { id: workloadId('new'), uuid: 'new', name: 'new', kind: 'vm', desired: 'running', isProtected: true, priority: 0, hostId: null, leasedOn: null, workloadEpoch: 1, state: 'running', why: null, needs, definition: '', failures: NO_FAILURES, ...WORKLOAD_DEFAULTS };
}
