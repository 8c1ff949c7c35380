// Which hypervisors a host has, as far as it is known.
import { hasLibvirt, type HostFacts } from './host-facts.js';
import type { DriverName } from './hypervisor.js';

export function driversOf(facts: HostFacts | null): readonly DriverName[] {
  return [...(hasLibvirt(facts) ? (['libvirt'] as const) : []), ...(facts?.containerDaemons ?? []).map(({ driver }) => driver)];
}
