// The last invariant: some time after the last fault everything is as wanted, or says why not.
import type { Workload } from '../../workloads/workload.js';
import type { Simulation } from '../simulation.js';

/** The longest that anything takes by itself: a boot, a drain, a grown pause between tries. What pauses longer says so by its hold. */
const BOUND_S = 240;

/** States that name their reason; a reason must be there. */
const WITH_REASON: ReadonlySet<Workload['state']> = new Set(['waiting', 'awaiting-fence', 'error', 'paused', 'missing']);

export function checkEverythingEnds(simulation: Simulation): void {
  const last = simulation.scenario.timeline?.at(-1)?.at ?? 0;
  if (simulation.time.nowMs / 1000 - last < BOUND_S) return;
  if (!simulation.leader() || simulation.faults.active.some((fault) => fault.startsWith('database') || fault.startsWith('queue'))) return;
  for (const workload of simulation.store.peek().workloads.values()) {
    const trouble = whyNotEnded(simulation, workload);
    if (trouble !== null) simulation.checker.violate('everything-ends', `${workload.name} ${trouble}`);
  }
}

/** Null: as wanted, or held with a reason. */
function whyNotEnded(simulation: Simulation, workload: Workload): string | null {
  const uuid = simulation.uuids.get(workload.name) ?? workload.uuid;
  const on = [...simulation.world.hosts].filter((host) => host.powered && (host.domains.get(uuid)?.running ?? null) !== null).map((host) => host.name);
  if (on.length > 1) return `runs on ${on.join(' and ')}`;
  const isHeld = simulation.holds().some((one) => one.about === workload.name || one.about === workload.hostId || one.about === '');
  if (isHeld) return null;
  const home = workload.hostId === null ? undefined : simulation.store.peek().hosts.get(workload.hostId);
  // What is unreachable can't be brought to an end.
  if (home && (home.condition !== 'online' || simulation.faults.isTouched(home.name))) return null;
  if (WITH_REASON.has(workload.state)) return workload.why === null ? `is ${workload.state} and says no reason` : null;
  if (workload.desired === 'disabled') return null;
  if (workload.desired === 'stopped') return on.length === 0 ? null : `is to be stopped and runs on ${on.join()}`;
  if (workload.state === 'stopped' && workload.why !== null) return null;
  return workload.state === 'running' && on[0] === workload.hostId ? null : `is wanted running; it is ${workload.state} on ${workload.hostId ?? 'no host'}, and runs on ${on.join() || 'no host'}`;
}
