// Who stands where, as a plan changes it: room left, and places of keep-apart rules, counted at each step.
import type { WorkloadId } from '../../shared/ids.js';
import { RESOURCES } from '../resources.js';
import { NOWHERE, type ClusterModel } from './cluster-model.js';

const WIDTH = RESOURCES.length;

export class Packing {
  readonly model: ClusterModel;
  /** Host row of each unit, or NOWHERE. */
  readonly at: Int32Array;
  /** Hosts × resources. */
  readonly free: Float64Array;
  /** Units on each host. */
  readonly standing: readonly Set<number>[];
  /** Hosts that nothing may be put on in this plan. */
  readonly closed: Uint8Array;
  /** Of each keep-apart rule: how many of its units stand at each place. */
  readonly #apart: readonly Int16Array[];

  constructor(model: ClusterModel) {
    this.model = model;
    this.at = new Int32Array(model.units.length).fill(NOWHERE);
    this.free = Float64Array.from(model.limits);
    this.standing = model.hosts.map(() => new Set<number>());
    this.closed = new Uint8Array(model.hosts.length);
    this.#apart = model.spots.map(() => new Int16Array(model.hosts.length));
    model.units.forEach(({ home }, unit) => {
      if (home !== NOWHERE) this.put(unit, home);
    });
    this.#countPromises();
  }

  /** One on its way stands on both ends; its room there is off the limits already. */
  #countPromises(): void {
    const { view, unitRow, hostRow, units, spots } = this.model;
    for (const { workloadId, hostId } of view.promised) {
      const unit = unitRow.get(workloadId as WorkloadId) ?? NOWHERE;
      const host = hostRow.get(hostId) ?? NOWHERE;
      if (unit === NOWHERE || host === NOWHERE || host === this.at[unit]) continue;
      for (const rule of units[unit]?.apart ?? []) this.#stand(rule, spots[rule]?.[host] ?? 0, 1);
    }
  }

  #stand(rule: number, spot: number, times: 1 | -1): void {
    const counts = this.#apart[rule];
    if (counts) counts[spot] = (counts[spot] ?? 0) + times;
  }

  /** Null: nothing is against it. */
  fits(unit: number, host: number): boolean {
    return this.hasRoom(unit, host) && this.maySit(unit, host);
  }

  hasRoom(unit: number, host: number): boolean {
    const { needs } = this.model;
    for (let nth = 0; nth < WIDTH; nth += 1) if ((needs[unit * WIDTH + nth] ?? 0) > (this.free[host * WIDTH + nth] ?? 0)) return false;
    return true;
  }

  /** All but room: filters, and where others stand. `where`: by what those are judged that must stand with it, as by where they go. */
  maySit(unit: number, host: number, where: Int32Array = this.at): boolean {
    return this.closed[host] === 0 && this.model.may.ask(unit, host) && this.#keepsTogether(unit, host, where) && this.#keepsApart(unit, host);
  }

  /** It is on its way there: it counts at both ends. */
  hold(unit: number, host: number): void {
    this.#count(unit, host, 1);
  }

  /** It has arrived. */
  settle(unit: number, host: number): void {
    this.#count(unit, host, -1);
    this.take(unit);
    this.put(unit, host);
  }

  put(unit: number, host: number): void {
    this.#count(unit, host, 1);
    this.at[unit] = host;
    this.standing[host]?.add(unit);
  }

  /** From where it stands; gives that host. */
  take(unit: number): number {
    const host = this.at[unit] ?? NOWHERE;
    if (host === NOWHERE) return host;
    this.#count(unit, host, -1);
    this.at[unit] = NOWHERE;
    this.standing[host]?.delete(unit);
    return host;
  }

  #count(unit: number, host: number, times: 1 | -1): void {
    const { needs, spots, units } = this.model;
    for (let nth = 0; nth < WIDTH; nth += 1) this.free[host * WIDTH + nth] = (this.free[host * WIDTH + nth] ?? 0) - times * (needs[unit * WIDTH + nth] ?? 0);
    for (const rule of units[unit]?.apart ?? []) this.#stand(rule, spots[rule]?.[host] ?? 0, times);
  }

  #keepsTogether(unit: number, host: number, where: Int32Array): boolean {
    for (const sibling of this.model.units[unit]?.siblings ?? []) {
      const there = where[sibling] ?? NOWHERE;
      if (there !== NOWHERE && there !== host) return false;
    }
    const { zones } = this.model;
    for (const sibling of this.model.units[unit]?.zoneSiblings ?? []) {
      const there = where[sibling] ?? NOWHERE;
      if (there !== NOWHERE && zones[there] !== zones[host]) return false;
    }
    return true;
  }

  #keepsApart(unit: number, host: number): boolean {
    const { units, spots } = this.model;
    for (const rule of units[unit]?.apart ?? []) {
      const spot = spots[rule]?.[host] ?? 0;
      const own = this.at[unit] !== NOWHERE && spots[rule]?.[this.at[unit] ?? 0] === spot ? 1 : 0;
      if ((this.#apart[rule]?.[spot] ?? 0) > own) return false;
    }
    return true;
  }
}
