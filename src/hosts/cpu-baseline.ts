// What CPU a guest may have that is to run on every host: the newest model and the features that all have, and which host keeps it from more.
import { isNewer, newestModel } from './cpu-models.js';
import type { Host } from './host.js';
import { hasLibvirt, type HostFacts } from './host-facts.js';

export interface HostCpu {
  readonly host: string;
  /** What libvirt calls its own. */
  readonly model: string;
  readonly accelerator: HostFacts['accelerator'];
  /** What each of the others has and this one alone lacks: without it, they were in the baseline. */
  readonly lacksAlone: readonly string[];
  /** A newer model than the baseline's that all others have; null: it keeps from none. */
  readonly keepsFrom: string | null;
  /** Features that are not known of it: it was left out of them. */
  readonly isUnknown: boolean;
  /** What it has beyond the baseline. */
  readonly beyond: number;
}

export interface CpuBaseline {
  readonly architecture: string;
  /** Null: there is none that all have. */
  readonly model: string | null;
  readonly flags: readonly string[];
  readonly hosts: readonly HostCpu[];
}

interface Known {
  readonly name: string;
  readonly facts: HostFacts;
}

/** Of the hosts that are there now and run VMs, by architecture. */
export function cpuBaselines(hosts: readonly Host[]): readonly CpuBaseline[] {
  const known = hosts.flatMap(({ name, facts, condition }): readonly Known[] => (condition === 'online' && facts !== null && hasLibvirt(facts) ? [{ name, facts }] : []));
  const architectures = [...new Set(known.map(({ facts }) => facts.architecture))].sort();
  return architectures.map((architecture) => baselineOf(architecture, known.filter(({ facts }) => facts.architecture === architecture)));
}

function baselineOf(architecture: string, hosts: readonly Known[]): CpuBaseline {
  const sorted = [...hosts].sort((one, other) => (one.name < other.name ? -1 : 1));
  const flagged = sorted.filter(({ facts }) => facts.cpuFlags !== undefined);
  const counts = countOf(flagged.map(({ facts }) => facts.cpuFlags ?? []));
  const flags = [...counts].filter(([, count]) => count === flagged.length).map(([flag]) => flag).sort();
  const model = newestModel(sharedModels(sorted));
  return { architecture, model, flags, hosts: sorted.map((one) => hostCpu(one, { hosts: sorted, counts, flagged: flagged.length, flags, model })) };
}

interface Shared {
  readonly hosts: readonly Known[];
  readonly counts: ReadonlyMap<string, number>;
  readonly flagged: number;
  readonly flags: readonly string[];
  readonly model: string | null;
}

function hostCpu(one: Known, { hosts, counts, flagged, flags, model }: Shared): HostCpu {
  const { cpuFlags, cpuModel, accelerator } = one.facts;
  const own = new Set(cpuFlags ?? []);
  const lacksAlone = cpuFlags === undefined || flagged < 2 ? [] : [...counts].filter(([flag, count]) => count === flagged - 1 && !own.has(flag)).map(([flag]) => flag).sort();
  const without = hosts.length < 2 ? null : newestModel(sharedModels(hosts.filter((other) => other !== one)));
  return { host: one.name, model: cpuModel, accelerator, lacksAlone, keepsFrom: without !== null && isNewer(without, model) ? without : null, isUnknown: cpuFlags === undefined, beyond: cpuFlags === undefined ? 0 : cpuFlags.length - flags.length };
}

function sharedModels(hosts: readonly Known[]): readonly string[] {
  const counts = countOf(hosts.map(({ facts }) => facts.usableCpuModels));
  return [...counts].filter(([, count]) => count === hosts.length).map(([model]) => model);
}

function countOf(lists: readonly (readonly string[])[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const list of lists) for (const one of new Set(list)) counts.set(one, (counts.get(one) ?? 0) + 1);
  return counts;
}
