// CPUs: vCPUs placed there plus this workload's stay below CPUs × overcommit.
import type { Filter } from '../filter.js';

export const cpusFit: Filter = ({ facts, usage, workload, policy }) => {
  const limit = Math.floor(facts.cpus * policy.cpuOvercommit);
  const free = limit - usage.vcpus;
  if (workload.needs.vcpus <= free) return null;
  return { code: 'cpus', why: `needs ${workload.needs.vcpus} vCPUs, ${Math.max(0, free)} free of ${limit} (${facts.cpus} CPUs × ${policy.cpuOvercommit})` };
};
