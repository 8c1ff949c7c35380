// How many CPUs and how much memory an instance may use, from its limits.
import type { HugepageNeed } from '../../../workloads/hugepage-needs.js';

export interface HostSizes {
  readonly cpus: number;
  readonly memoryMiB: number;
}

export interface InstanceSizes {
  readonly vcpus: number;
  readonly memoryMiB: number;
}

type Config = Readonly<Record<string, string>>;

/**
 * What an instance without limits counts as. A virtual machine gets just that from its daemon. A container may take all that its host has: to count all of it would let
 * it go nowhere, to count nothing would fill hosts beyond what they have. Setting limits.memory (also while it runs) makes it count as what it is.
 */
const UNLIMITED: InstanceSizes = { vcpus: 1, memoryMiB: 1024 };

export function sizesOf(config: Config, host: Pick<HostSizes, 'memoryMiB'>): InstanceSizes {
  return { vcpus: cpusOf(config['limits.cpu']) ?? UNLIMITED.vcpus, memoryMiB: memoryOf(config['limits.memory'], host.memoryMiB) ?? UNLIMITED.memoryMiB };
}

/** "2": so many; "0-3", "1,3", "0-3,7": these. Null: none that can be read. */
export function cpusOf(limit: string | undefined): number | null {
  if (limit === undefined || limit === '') return null;
  if (/^\d+$/.test(limit)) return Number(limit) > 0 ? Number(limit) : null;
  const cpus = new Set<number>();
  for (const part of limit.split(',')) {
    const [, from, to] = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part) ?? [];
    if (from === undefined) return null;
    const last = Number(to ?? from);
    if (last < Number(from) || last - Number(from) > MOST_CPUS) return null;
    for (let cpu = Number(from); cpu <= last; cpu += 1) cpus.add(cpu);
  }
  return cpus.size;
}

/** More than any kernel has; a bound for the loop above. */
const MOST_CPUS = 8192;

const BYTES_OF_UNIT: Readonly<Record<string, number>> = {
  '': 1, B: 1, bit: 1 / 8,
  kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, PB: 1e15, EB: 1e18,
  KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40, PiB: 2 ** 50, EiB: 2 ** 60,
};

/** "512MiB", "1GB", "1073741824", "25%" of the host. Null: none that can be read, which counts as no limit. */
export function memoryOf(limit: string | undefined, hostMemoryMiB: number): number | null {
  const [, digits, unit] = /^(\d+)\s*([A-Za-z]*|%)$/.exec(limit?.trim() ?? '') ?? [];
  if (digits === undefined || unit === undefined || Number(digits) === 0) return null;
  if (unit === '%') return Math.max(1, Math.floor((hostMemoryMiB * Number(digits)) / 100));
  const factor = BYTES_OF_UNIT[unit];
  return factor === undefined ? null : Math.ceil((Number(digits) * factor) / 2 ** 20);
}

/** What a container may take of each size, by its setting. */
const HUGEPAGE_LIMITS = { 'limits.hugepages.64KB': 64, 'limits.hugepages.1MB': 1024, 'limits.hugepages.2MB': 2048, 'limits.hugepages.1GB': 1024 ** 2 } as const;

/** A virtual machine has all of its memory in pages of the host's default size; a container may take some, beside its memory. */
export function instanceHugepages(kind: 'vm' | 'container', config: Config, memoryMiB: number): readonly HugepageNeed[] {
  if (kind === 'vm') return isTrue(config['limits.memory.hugepages']) ? [{ sizeKiB: null, memoryMiB }] : [];
  return Object.entries(HUGEPAGE_LIMITS).flatMap(([key, sizeKiB]) => {
    const limitMiB = memoryOf(config[key], 0);
    return limitMiB === null ? [] : [{ sizeKiB, memoryMiB: limitMiB, isBeside: true as const }];
  });
}

/** As the daemons read it. */
const isTrue = (value: string | undefined): boolean => ['true', '1', 'yes', 'on'].includes(value?.toLowerCase() ?? '');
