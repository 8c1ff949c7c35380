// Memory: what is placed there plus this workload stays below (memory − hugepages − reserve) × overcommit.
import { lazily, type Filter } from '../filter.js';
import { memory } from '../resources.js';
import { strangersAt } from '../strangers-at.js';

export const memoryFits: Filter = ({ facts, usage, workload, companions, policy, view, host }) => {
  const limit = memory.limit(facts, policy);
  const free = limit - usage.memoryMiB;
  const needed = [workload, ...companions].reduce((sum, one) => sum + memory.need(one), 0);
  if (needed <= free) return null;
  return lazily('memory', () => `${companions.length > 0 ? `with ${companions.map((one) => one.name).join(', ')} ` : ''}needs ${mib(needed)}, ${mib(Math.max(0, free))} free of ${mib(limit)}${strangersAt({ view, host }, ({ memoryMiB }) => mib(memoryMiB))}`);
};

const mib = (value: number): string => `${value.toLocaleString('en-US')} MiB`;
