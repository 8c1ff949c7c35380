// A live move of a guest that has the CPU of its host goes best to a host with the same: elsewhere its hypervisor may refuse it, or the way back.
import type { Host } from '../hosts/host.js';
import type { HostFacts } from '../hosts/host-facts.js';
import type { Workload } from '../workloads/workload.js';
import type { FilterInput } from './filter.js';

/** After rules of people, before evenness. */
const SAME_CPU = 10_000;

export function addCpuScore({ workload, home, host, facts }: FilterInput, add: (part: string, value: number) => void): void {
  const own = factsAtHome(workload, home);
  if (own !== null && (home?.id === host.id || hasSameCpu(own, facts))) add('sameCpu', SAME_CPU);
}

/** What the best host gets. */
export const mostCpuScore = (workload: Workload, home: Host | null): number => (factsAtHome(workload, home) === null ? 0 : SAME_CPU);

/** Null: its CPU may be another one. */
function factsAtHome({ needs: { cpuModel }, state }: Workload, home: Host | null): HostFacts | null {
  if (cpuModel !== 'host-passthrough' && cpuModel !== 'host-model') return null;
  // Where it is started anew it gets the CPU that is there.
  return home !== null && home.condition === 'online' && state === 'running' ? home.facts : null;
}

function hasSameCpu(one: HostFacts, other: HostFacts): boolean {
  const [flags, others] = [one.cpuFlags, other.cpuFlags];
  if (one.cpuModel !== other.cpuModel || flags === undefined || others === undefined) return false;
  return flags === others || wordOf(flags) === wordOf(others);
}

/** A hundred flags of each of a thousand hosts are not compared one by one for every move. */
const WORDS = new WeakMap<readonly string[], string>();

function wordOf(flags: readonly string[]): string {
  const known = WORDS.get(flags) ?? flags.join(' ');
  WORDS.set(flags, known);
  return known;
}
