// The machine: architecture, accelerator and CPU model that the workload's definition asks for.
import type { Filter } from '../filter.js';

export const architectureMatches: Filter = ({ facts, workload }) =>
  facts.architecture === workload.needs.architecture ? null : { code: 'architecture', why: `needs ${workload.needs.architecture}, it is ${facts.architecture}` };

export const acceleratorIsThere: Filter = ({ facts, workload }) =>
  workload.needs.accelerator === 'kvm' && facts.accelerator !== 'kvm' ? { code: 'accelerator', why: 'needs KVM, which does not work there' } : null;

/** host-passthrough and host-model are judged by the hypervisor itself before a migration. */
const HOST_BOUND = new Set(['host-passthrough', 'host-model', 'maximum']);

export const cpuModelUsable: Filter = ({ facts, workload }) => {
  const model = workload.needs.cpuModel;
  if (model === null || HOST_BOUND.has(model) || facts.usableCpuModels.length === 0 || facts.usableCpuModels.includes(model)) return null;
  return { code: 'cpu-model', why: `needs CPU model ${model}, which it cannot offer (its own is ${facts.cpuModel})` };
};
