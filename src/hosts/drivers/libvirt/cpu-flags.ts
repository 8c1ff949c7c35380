// Which CPU features a host can give its guests: libvirt names those of a model only when it is asked to spell them out.
import { all, type XmlElement } from './xml.js';

/** Finds the answers to `capabilities` and `domcapabilities` in variables of these names. A libvirt that can't say it says nothing. */
export const CPU_FLAGS_SCRIPT = `mark cpu-of-host
[ -z "$capabilities" ] || printf '%s\\n' "$capabilities" | virsh -q cpu-baseline --features /dev/stdin 2> /dev/null
mark cpu-of-guests
[ -z "$domcapabilities" ] || printf '%s\\n' "$domcapabilities" | virsh -q hypervisor-cpu-baseline --features /dev/stdin 2> /dev/null`;

export interface CpuAnswers {
  readonly ofHost: XmlElement | null;
  readonly ofGuests: XmlElement | null;
  readonly accelerator: 'kvm' | 'tcg';
}

/**
 * Null: not known. What a guest gets as host-model leaves out what keeps it from moving (invtsc), though it can be asked for by name: under KVM, what the host's own CPU has
 * counts too. What is emulated has nothing of the host's CPU.
 */
export function cpuFlagsOf({ ofHost, ofGuests, accelerator }: CpuAnswers): readonly string[] | null {
  if (ofGuests === null || (accelerator === 'kvm' && ofHost === null)) return null;
  const flags = [...requiredBy(ofGuests), ...(accelerator === 'kvm' && ofHost !== null ? requiredBy(ofHost) : [])];
  return flags.length === 0 ? null : [...new Set(flags)].sort();
}

/** Without a word about it, a feature is required. */
export function requiredBy(cpu: XmlElement): readonly string[] {
  return all(cpu, 'feature').filter(({ attributes }) => (attributes['policy'] ?? 'require') === 'require').flatMap(({ attributes }) => attributes['name'] ?? []);
}
