// Network: every bridge that the workload's interfaces name exists on the host.
import type { Filter } from '../filter.js';

export const bridgesExist: Filter = ({ facts, workload, host }) => {
  const missing = workload.needs.bridges.filter((bridge) => !facts.bridges.includes(bridge));
  return missing.length === 0 ? null : { code: 'bridge-missing', why: `${host.name} has no bridge ${missing.join(', ')}` };
};
