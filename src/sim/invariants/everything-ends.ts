// The last invariant: some time after the last fault everything is as wanted, or says why not.
import type { Host } from '../../hosts/host.js';
import type { Workload } from '../../workloads/workload.js';
import type { Simulation } from '../simulation.js';

/** The longest that anything takes by itself: a boot, a drain, a grown pause between tries. What pauses longer says so by its hold. */
export const BOUND_S = 240;

/** Between two looks at a host, and what the answer takes. */
const UNSEEN_MS = 3_000;

/** States that name their reason; a reason must be there. */
const WITH_REASON: ReadonlySet<Workload['state']> = new Set(['waiting', 'error', 'paused', 'missing']);

/** Of the holds on the whole cluster only a person's will lasts; all others pass by themselves, or something was not healed. */
const LASTING = 'disarmed';

export function checkEverythingEnds(simulation: Simulation): void {
  const last = simulation.scenario.timeline?.at(-1)?.at ?? 0;
  if (simulation.time.nowMs / 1000 - last < BOUND_S) return;
  const isWhole = simulation.faults.active.length === 0;
  if (!isWhole && (!simulation.leader() || simulation.faults.active.some((fault) => fault.startsWith('database') || fault.startsWith('queue')))) return;
  if (!simulation.leader()) simulation.checker.violate('everything-ends', 'nobody leads');
  const { hosts, workloads } = simulation.store.peek();
  for (const host of isWhole ? hosts.values() : []) {
    const trouble = isOver(simulation, host) || isHeld(simulation, host.name, isWhole) ? null : `is ${host.condition}: ${host.why ?? 'no reason'}`;
    if (trouble !== null) simulation.checker.violate('everything-ends', `${host.name} ${trouble}`);
  }
  for (const workload of workloads.values()) {
    const trouble = whyNotEnded(simulation, workload, isWhole);
    if (trouble !== null) simulation.checker.violate('everything-ends', `${workload.name} ${trouble}`);
  }
}

/** Is everything as wanted, without an excuse, and nothing under way? */
export function hasEverythingEnded(simulation: Simulation): boolean {
  const { hosts, workloads } = simulation.store.peek();
  if (!simulation.leader() || simulation.store.activeOperations() > 0) return false;
  if ([...hosts.values()].some((host) => !isOver(simulation, host))) return false;
  return [...workloads.values()].every((workload) => unlikeWanted(simulation, workload) === null);
}

const isOver = (simulation: Simulation, host: Host): boolean => host.condition === 'online' || !simulation.world.host(host.name).powered;

function isHeld(simulation: Simulation, about: string | null, isWhole: boolean): boolean {
  return simulation.holds().some((one) => one.about === about || (one.about === '' && (!isWhole || one.code === LASTING)));
}

function runsOn(simulation: Simulation, workload: Workload): readonly string[] {
  const uuid = simulation.uuids.get(workload.name) ?? workload.uuid;
  return [...simulation.world.hosts].filter((host) => host.powered && (host.domains.get(uuid)?.running ?? null) !== null).map((host) => host.name);
}

/** Null: as wanted, or held with a reason. */
function whyNotEnded(simulation: Simulation, workload: Workload, isWhole: boolean): string | null {
  const on = runsOn(simulation, workload);
  if (on.length > 1) return `runs on ${on.join(' and ')}`;
  if (isHeld(simulation, workload.name, isWhole) || isHeld(simulation, workload.hostId, isWhole)) return null;
  const home = workload.hostId === null ? undefined : simulation.store.peek().hosts.get(workload.hostId);
  // What is unreachable can't be brought to an end.
  if (home && (home.condition !== 'online' || (!isWhole && simulation.faults.isTouched(home.name)))) return null;
  if (WITH_REASON.has(workload.state)) return workload.why === null ? `is ${workload.state} and says no reason` : null;
  if (workload.state === 'stopped' && workload.desired === 'running' && workload.why !== null) return null;
  return hasJustEnded(simulation, workload, home) ? null : unlikeWanted(simulation, workload);
}

/** One that crashes again and again may do so right before the end: nobody can have seen it yet. */
function hasJustEnded(simulation: Simulation, workload: Workload, home: Host | undefined): boolean {
  const agoMs = home === undefined ? null : simulation.checker.endedAgoMs(simulation.uuids.get(workload.name) ?? workload.uuid, home.name);
  return agoMs !== null && agoMs < UNSEEN_MS;
}

/** Asked in order again and again, never ended by force: that is its owner's to say. */
const ignoresShutdown = (simulation: Simulation, name: string, host: string): boolean => simulation.world.guestFaults.get(simulation.uuids.get(name) ?? '')?.ignoresShutdown(host) === true;

function unlikeWanted(simulation: Simulation, { desired, state, hostId, ...workload }: Workload): string | null {
  const on = runsOn(simulation, { ...workload, desired, state, hostId });
  if (desired === 'disabled' || desired === 'unmanaged') return null;
  if (desired === 'stopped') return on.every((host) => ignoresShutdown(simulation, workload.name, host)) ? null : `is to be stopped and runs on ${on.join()}`;
  return state === 'running' && on.length === 1 && on[0] === hostId ? null : `is wanted running; it is ${state} on ${hostId ?? 'no host'}, and runs on ${on.join() || 'no host'}`;
}
