// Recovery in waves, as its rule begins it: in each wave what may start now, the rest after what it waits for.
import type { HostId, WorkloadId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import type { LossOptions } from './plan-loss.js';
import { placeWorkload } from './place-workload.js';
import type { PlacementView } from './placement.js';
import type { Unplaced } from './plan.js';
import { matesOf } from './standing.js';

export interface Started {
  readonly workload: Workload;
  readonly hostId: HostId;
  readonly round: number;
}

export class LossWaves {
  readonly started = new Map<WorkloadId, Started>();
  #promised: { workloadId: string; hostId: HostId }[];
  readonly #refused = new Map<WorkloadId, string>();

  /** `order`: those that are to be started, what matters most first. */
  constructor(
    private readonly view: PlacementView,
    private readonly order: readonly Workload[],
    private readonly options: LossOptions,
  ) {
    this.#promised = [...view.promised];
  }

  /** Goes on after what was started before. */
  run(): void {
    const first = 1 + [...this.started.values()].reduce((most, { round }) => Math.max(most, round), 0);
    for (let round = first; this.#wave(round) > 0; round += 1);
  }

  #wave(round: number): number {
    const begun = new Map<HostId, number>();
    let count = 0;
    for (const workload of this.order) {
      if (this.started.has(workload.id) || this.#refused.has(workload.id) || this.#waitsFor(workload, round) !== null) continue;
      const seen = { ...this.view, promised: this.#promised };
      const request = { workload, exclude: [] };
      const placed = placeWorkload(seen, request);
      if (!placed.ok) {
        this.#refused.set(workload.id, placed.error.why);
        continue;
      }
      const { hostId } = placed.value;
      const there = begun.get(hostId) ?? 0;
      if (there >= this.options.startsPerHost) continue;
      begun.set(hostId, there + 1);
      // The room of those that must come along was looked at with its own.
      for (const one of [workload, ...matesOf(seen, request).companions]) this.#promise(one.id, hostId);
      this.started.set(workload.id, { workload, hostId, round });
      count += 1;
    }
    return count;
  }

  #promise(workloadId: WorkloadId, hostId: HostId): void {
    if (!this.#promised.some((one) => one.workloadId === workloadId && one.hostId === hostId)) this.#promised.push({ workloadId, hostId });
  }

  /** One of those it starts after, which is to be started too and does not run yet; null: it may start. */
  #waitsFor(workload: Workload, round: number): Workload | null {
    if (workload.startAfter.length === 0) return null;
    return this.order.find((one) => workload.startAfter.includes(one.id) && (this.started.get(one.id)?.round ?? round) >= round) ?? null;
  }

  /** Those that found no place, what matters most first; not those that wait for another. */
  refused(): readonly Workload[] {
    return this.order.filter(({ id }) => this.#refused.has(id));
  }

  /** It has another place than the one that was found for it alone, or one at all. */
  settle(workload: Workload, hostId: HostId): void {
    const { round } = this.started.get(workload.id) ?? { round: this.#roundAfter(workload) };
    const before = this.started.get(workload.id)?.hostId;
    if (before !== hostId) {
      this.#promised = this.#promised.filter((one) => one.workloadId !== workload.id || one.hostId !== before);
      this.#promise(workload.id, hostId);
    }
    this.#refused.delete(workload.id);
    this.started.set(workload.id, { workload, hostId, round });
  }

  #roundAfter({ startAfter }: Workload): number {
    return 1 + Math.max(0, ...startAfter.map((id) => this.started.get(id)?.round ?? 0));
  }

  unplaced(): readonly Unplaced[] {
    return this.order.filter(({ id }) => !this.started.has(id)).map((workload) => {
      const first = this.#waitsFor(workload, Number.POSITIVE_INFINITY);
      return { workload: workload.name, why: this.#refused.get(workload.id) ?? `it starts after ${first?.name ?? 'another'}, which stays down` };
    });
  }
}
