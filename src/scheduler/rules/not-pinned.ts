// Things tied to one host keep the workload there.
import type { Filter } from '../filter.js';

export const notPinned: Filter = ({ workload, host }) => {
  if (workload.needs.pinnedBy.length === 0 || workload.hostId === null || workload.hostId === host.id) return null;
  return { code: 'pinned', why: `it is tied to its host by ${workload.needs.pinnedBy.join(', ')}` };
};
