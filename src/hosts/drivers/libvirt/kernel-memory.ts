// What the kernel of a host says of its memory beyond its size: hugepages, and what it saves by sharing equal pages.
import type { HugepagePool } from '../../hugepages.js';

/** Lines for the host's answer about itself; `Hugepagesize:` comes from /proc/meminfo. Each counter is a file of its own. */
export const KERNEL_MEMORY_SCRIPT = `number() { value=0; [ ! -r "$1" ] || read -r value < "$1" || value=0; echo "\${value:-0}"; }
for pages in /sys/kernel/mm/hugepages/hugepages-*kB; do
  [ -r "$pages/nr_hugepages" ] || continue
  size=\${pages##*hugepages-}
  echo "hugepages \${size%kB} $(number "$pages/nr_hugepages") $(number "$pages/free_hugepages") $(number "$pages/resv_hugepages") $(number "$pages/surplus_hugepages")"
done
[ ! -r /sys/kernel/mm/ksm/pages_sharing ] || echo "ksm $(number /sys/kernel/mm/ksm/pages_sharing) $(getconf PAGESIZE)"`;

export interface KernelMemory {
  readonly hugepages: readonly HugepagePool[];
  readonly ksmSavedMiB: number;
}

/** Sizes of which the host has no page are left out. */
export function parseKernelMemory(words: readonly (readonly [string, string])[]): KernelMemory {
  const valuesOf = (key: string): readonly (readonly number[])[] => words.filter(([name]) => name === key).map(([, text]) => text.split(' ').map(Number));
  const defaultKiB = valuesOf('Hugepagesize:')[0]?.[0];
  const hugepages = valuesOf('hugepages').flatMap(([sizeKiB = NaN, all = NaN, free = NaN, reserved = 0, surplus = 0]): readonly HugepagePool[] => {
    // Surplus pages are lent from ordinary memory for a while: the host does not have them.
    const total = all - surplus;
    return sizeKiB > 0 && total > 0 ? [{ sizeKiB, total, free: Math.min(total, Math.max(0, free - reserved)), isDefault: sizeKiB === defaultKiB }] : [];
  });
  const [sharing = 0, pageBytes = 0] = valuesOf('ksm')[0] ?? [];
  return { hugepages: [...hugepages].sort((one, other) => one.sizeKiB - other.sizeKiB), ksmSavedMiB: Math.floor((sharing * pageBytes) / 1024 ** 2) || 0 };
}
