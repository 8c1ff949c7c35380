// What a simulated host has beyond CPUs and memory, and what of it is left: hugepages, CPU flags, its own disk.
import type { HostFacts } from '../hosts/host-facts.js';
import type { WorkloadNeeds } from '../workloads/workload.js';
import { simulatedNeeds } from './simulated-needs.js';
import type { SimulatedDomain, SimulatedHost } from './simulated-world.js';

export interface SimulatedResources {
  /** By page size in KiB. */
  readonly hugepages: ReadonlyMap<number, number>;
  /** Null: nobody knows them, and everything runs there. */
  readonly cpuFlags: readonly string[] | null;
  /** Of the pool `default` of its daemon for containers; null: it does not say. */
  readonly localDiskMiB: number | null;
}

export const NO_RESOURCES: SimulatedResources = { hugepages: new Map(), cpuFlags: null, localDiskMiB: null };

/** Sizes that a scenario can name. */
export const PAGE_KIB = { '2MiB': 2048, '1GiB': 1024 ** 2 } as const;
export type PageName = keyof typeof PAGE_KIB;
/** As most machines have it. */
const DEFAULT_PAGE_KIB: number = PAGE_KIB['2MiB'];

export function pagesOf({ hugepages = [] }: Pick<WorkloadNeeds, 'hugepages'>, sizeKiB: number): number {
  return hugepages.filter((one) => (one.sizeKiB ?? DEFAULT_PAGE_KIB) === sizeKiB).reduce((sum, { memoryMiB }) => sum + Math.ceil((memoryMiB * 1024) / sizeKiB), 0);
}

export function resourceFacts(host: SimulatedHost): Pick<HostFacts, 'hugepages' | 'ksmSavedMiB' | 'cpuFlags'> {
  const running = [...host.domains.values()].flatMap(({ running }) => (running ? [simulatedNeeds(running.definition, [])] : []));
  const free = (sizeKiB: number, total: number): number => Math.max(0, total - running.reduce((sum, needs) => sum + pagesOf(needs, sizeKiB), 0));
  return {
    hugepages: [...host.hugepages].map(([sizeKiB, total]) => ({ sizeKiB, total, free: free(sizeKiB, total), isDefault: sizeKiB === DEFAULT_PAGE_KIB })),
    ksmSavedMiB: 0,
    ...(host.cpuFlags === null ? {} : { cpuFlags: host.cpuFlags }),
  };
}

/** Features that a guest requires and does not get there. */
export function lackedFeatures({ cpuFlags }: Pick<SimulatedHost, 'cpuFlags'>, { cpuFeatures = [], driver }: WorkloadNeeds): readonly string[] {
  return cpuFlags === null || driver !== 'libvirt' ? [] : cpuFeatures.filter((feature) => !cpuFlags.includes(feature));
}

/** Copies take their part too. */
export function localRoom({ localDiskMiB, domains }: SimulatedHost): { readonly freeMiB?: number; readonly totalMiB?: number } {
  if (localDiskMiB === null) return {};
  const taken = [...domains.values()].reduce((sum, domain) => sum + rootOf(domain), 0);
  return { freeMiB: Math.max(0, localDiskMiB - taken), totalMiB: localDiskMiB };
}

const rootOf = ({ definition, running }: SimulatedDomain): number => localRootMiB(simulatedNeeds(running?.definition ?? definition ?? '', []));

export const localRootMiB = ({ instance }: Pick<WorkloadNeeds, 'instance'>): number => (instance?.pool === 'default' ? (instance.rootMiB ?? 0) : 0);
