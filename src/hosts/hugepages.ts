// Hugepages of a host: memory that its kernel keeps apart in large pages, for what asks for such pages alone.
import type { HostFacts } from './host-facts.js';

export interface HugepagePool {
  readonly sizeKiB: number;
  readonly total: number;
  /** Neither used nor promised to anybody, by the kernel's word. */
  readonly free: number;
  /** What is meant where no size is named. */
  readonly isDefault: boolean;
}

const KIB_OF_MIB = 1024;

/** Taken off ordinary memory whether they are used or not. Hosts that an older release looked at say nothing of them. */
export function reservedHugepagesMiB({ hugepages }: Pick<HostFacts, 'hugepages'>): number {
  if (hugepages === undefined) return 0;
  let reservedKiB = 0;
  for (const { sizeKiB, total } of hugepages) reservedKiB += sizeKiB * total;
  return Math.ceil(reservedKiB / KIB_OF_MIB);
}

/** "2 MiB", "1 GiB". */
export function pageSizeText(sizeKiB: number): string {
  if (sizeKiB % KIB_OF_MIB ** 2 === 0) return `${sizeKiB / KIB_OF_MIB ** 2} GiB`;
  return sizeKiB % KIB_OF_MIB === 0 ? `${sizeKiB / KIB_OF_MIB} MiB` : `${sizeKiB} KiB`;
}
