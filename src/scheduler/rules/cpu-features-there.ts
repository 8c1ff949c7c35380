// CPU features: the host can give a guest every feature that the workload's definition requires.
import type { Filter } from '../filter.js';

/** A guest that is emulated there, or runs by KVM, has other features: only flags of the same accelerator say something. */
export const cpuFeaturesThere: Filter = ({ facts, workload }) => {
  const { cpuFeatures, accelerator } = workload.needs;
  const { cpuFlags } = facts;
  if (cpuFeatures === undefined || cpuFlags === undefined || accelerator !== facts.accelerator) return null;
  const missing = cpuFeatures.filter((feature) => !cpuFlags.includes(feature));
  if (missing.length === 0) return null;
  return { code: 'cpu-features', why: `needs CPU features that it lacks: ${missing.join(', ')} (its CPU is ${facts.cpuModel})` };
};
