// CPUs: vCPUs placed there plus this workload's stay below CPUs × overcommit.
import { lazily, type Filter } from '../filter.js';
import { cpus } from '../resources.js';
import { strangersAt } from '../strangers-at.js';

export const cpusFit: Filter = ({ facts, usage, workload, companions, policy, view, host }) => {
  const limit = cpus.limit(facts, policy);
  const free = limit - usage.vcpus;
  const needed = [workload, ...companions].reduce((sum, one) => sum + cpus.need(one), 0);
  if (needed <= free) return null;
  return lazily('cpus', () => `${companions.length > 0 ? `with ${companions.map((one) => one.name).join(', ')} ` : ''}needs ${needed} vCPUs, ${Math.max(0, free)} free of ${limit} (${facts.cpus} CPUs × ${policy.cpuOvercommit})${strangersAt({ view, host }, ({ vcpus }) => `${vcpus} vCPUs`)}`);
};
