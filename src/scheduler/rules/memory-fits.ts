// Memory: what is placed there plus this workload stays below (memory − reserve) × overcommit.
import type { Filter } from '../filter.js';

export const memoryFits: Filter = ({ facts, usage, workload, policy }) => {
  const limit = Math.floor((facts.memoryMiB - policy.reservedMemoryMiB) * policy.memoryOvercommit);
  const free = limit - usage.memoryMiB;
  if (workload.needs.memoryMiB <= free) return null;
  return { code: 'memory', why: `needs ${mib(workload.needs.memoryMiB)}, ${mib(Math.max(0, free))} free of ${mib(limit)}` };
};

const mib = (value: number): string => `${value.toLocaleString('en-US')} MiB`;
