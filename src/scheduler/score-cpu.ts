// A live move of a guest that has the CPU of its host goes best to a host with the same: elsewhere its hypervisor may refuse it, or the way back.
import type { HostFacts } from '../hosts/host-facts.js';
import type { FilterInput } from './filter.js';

/** After rules of people, before evenness. */
const SAME_CPU = 10_000;

export function addCpuScore({ workload, home, host, facts }: FilterInput, add: (part: string, value: number) => void): void {
  const { cpuModel } = workload.needs;
  if (cpuModel !== 'host-passthrough' && cpuModel !== 'host-model') return;
  // Where it is started anew it gets the CPU that is there.
  if (home === null || home.facts === null || home.condition !== 'online' || workload.state !== 'running') return;
  if (home.id === host.id || hasSameCpu(home.facts, facts)) add('sameCpu', SAME_CPU);
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
