// Recovery in waves, as its rule begins it: in each wave what may start now, the rest after what it waits for; what has no place gets room by moves of others.
import type { Host } from '../hosts/host.js';
import type { HostId, WorkloadId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import type { LossOptions } from './plan-loss.js';
import { placeTogether } from './place-together.js';
import { placeWorkload } from './place-workload.js';
import type { PlacementView } from './placement.js';
import type { Unplaced } from './plan.js';
import { roomFor } from './room-for.js';
import { matesOf } from './standing.js';

export interface Started {
  readonly workload: Workload;
  readonly hostId: HostId;
  readonly round: number;
}

/** It was moved live, to make room. */
export interface Moved {
  readonly workload: Workload;
  readonly from: Host;
  readonly to: Host;
  readonly round: number;
  readonly for: string;
}

/** So many are moved to make room; each once. */
const MOST_MOVED = 100;
/** Looks for moves that would make room, all in all: each may take some tens of milliseconds. */
const MOST_LOOKS = 60;

export class LossWaves {
  readonly started = new Map<WorkloadId, Started>();
  readonly moved: Moved[] = [];
  #view: PlacementView;
  #looks = 0;
  #moving: Moved[] = [];
  /** Room that is being made. */
  #reserved: { workloadId: string; hostId: HostId } | null = null;
  #promised: { workloadId: string; hostId: HostId }[];
  readonly #refused = new Map<WorkloadId, string>();

  /** `order`: those that are to be started, what matters most first. */
  constructor(
    view: PlacementView,
    private readonly order: readonly Workload[],
    private readonly options: LossOptions,
  ) {
    this.#view = view;
    this.#promised = [...view.promised];
  }

  run(): void {
    do {
      for (let round = this.#nextRound(); this.#wave(round); round += 1);
    } while (this.#arrive());
  }

  #nextRound = (): number => 1 + [...this.started.values(), ...this.moved].reduce((most, { round }) => Math.max(most, round), 0);

  #seen = (): PlacementView => ({ ...this.#view, promised: this.#reserved ? [...this.#promised, this.#reserved] : this.#promised });

  /** False: nothing has begun. */
  #wave(round: number): boolean {
    const begun = new Map<HostId, number>();
    const pending = this.order.filter(({ id }) => !this.started.has(id));
    const together = pending.length === 0 ? new Map<WorkloadId, HostId>() : placeTogether(this.#seen(), pending);
    const isMoving = this.#moving.length > 0;
    let count = 0;
    for (const workload of pending) {
      if (this.#refused.has(workload.id) || this.#waitsFor(workload, round) !== null) continue;
      const request = { workload, exclude: [], planned: together.get(workload.id) };
      const placed = placeWorkload(this.#seen(), request);
      if (!placed.ok) {
        this.#refused.set(workload.id, placed.error.why);
        // One room at a time: what is on its way changes what is free.
        count += isMoving ? 0 : this.#makeRoom(workload, round);
        continue;
      }
      const { hostId } = placed.value;
      const there = begun.get(hostId) ?? 0;
      if (there >= this.options.startsPerHost) continue;
      begun.set(hostId, there + 1);
      // The room of those that must come along was looked at with its own.
      for (const one of [workload, ...matesOf(this.#seen(), request).companions]) this.#promise(one.id, hostId);
      this.started.set(workload.id, { workload, hostId, round });
      count += 1;
    }
    return count > 0;
  }

  #promise(workloadId: WorkloadId, hostId: HostId): void {
    if (!this.#promised.some((one) => one.workloadId === workloadId && one.hostId === hostId)) this.#promised.push({ workloadId, hostId });
  }

  /** One of those it starts after, which is to be started too and does not run yet; null: it may start. */
  #waitsFor(workload: Workload, round: number): Workload | null {
    if (workload.startAfter.length === 0) return null;
    return this.order.find((one) => workload.startAfter.includes(one.id) && (this.started.get(one.id)?.round ?? round) >= round) ?? null;
  }

  /** While they are under way they count where they are and where they go. */
  #makeRoom(workload: Workload, round: number): number {
    const leavesAlone = ({ id }: Workload): boolean => this.moved.some((one) => one.workload.id === id);
    this.#looks += 1;
    const room = this.moved.length >= MOST_MOVED || this.#looks > MOST_LOOKS ? null : roomFor(this.#seen(), { workload, exclude: [], leavesAlone });
    const moves = room?.moves ?? [];
    // Nobody else gets it meanwhile.
    if (room && moves.length > 0) this.#reserved = { workloadId: workload.id, hostId: room.at.id };
    for (const move of moves) {
      this.#promise(move.workload.id, move.to.id);
      this.#moving.push({ ...move, round, for: workload.name });
      this.moved.push({ ...move, round, for: workload.name });
    }
    return moves.length;
  }

  /** What makes room has arrived: all are asked again. False: nothing was on its way. */
  #arrive(): boolean {
    if (this.#moving.length === 0) return false;
    const to = new Map<string, HostId>(this.#moving.map((move) => [move.workload.id, move.to.id]));
    this.#view = { ...this.#view, workloads: this.#view.workloads.map((one) => ({ ...one, hostId: to.get(one.id) ?? one.hostId })) };
    this.#promised = this.#promised.filter((one) => to.get(one.workloadId) !== one.hostId);
    this.#moving = [];
    this.#reserved = null;
    this.#refused.clear();
    return true;
  }

  unplaced(): readonly Unplaced[] {
    return this.order.filter(({ id }) => !this.started.has(id)).map((workload) => {
      const first = this.#waitsFor(workload, Number.POSITIVE_INFINITY);
      return { workload: workload.name, why: this.#refused.get(workload.id) ?? `it starts after ${first?.name ?? 'another'}, which stays down` };
    });
  }
}
