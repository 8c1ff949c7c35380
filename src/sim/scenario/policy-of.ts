// The cluster's policy in a scenario: the product's own, with what the file says.
import { DEFAULT_POLICY, type ClusterPolicy, type RebalancePolicy } from '../../cluster/cluster-policy.js';
import type { ScenarioPolicy } from './scenario.js';

const REBALANCE: RebalancePolicy = { threshold: 0.3, holdRounds: 3, minImprovement: 0.1, method: 'usage', act: 'automatic' };

export function policyOf(said: ScenarioPolicy = {}): ClusterPolicy {
  return {
    ...DEFAULT_POLICY,
    placement: {
      strategy: said.placement ?? DEFAULT_POLICY.placement.strategy, memoryOvercommit: said.memoryOvercommit ?? DEFAULT_POLICY.placement.memoryOvercommit,
      cpuOvercommit: said.cpuOvercommit ?? DEFAULT_POLICY.placement.cpuOvercommit, reservedMemoryMiB: said.reservedMemoryMiB ?? DEFAULT_POLICY.placement.reservedMemoryMiB,
    },
    maxSilentShare: said.maxSilentShare ?? DEFAULT_POLICY.maxSilentShare,
    gracefulShutdown: said.gracefulShutdown ?? DEFAULT_POLICY.gracefulShutdown,
    migrateWithinMs: said.migrateWithinS === undefined ? DEFAULT_POLICY.migrateWithinMs : said.migrateWithinS * 1_000,
    onTrouble: {
      ...DEFAULT_POLICY.onTrouble,
      uplinkLost: said.onUplinkLost ?? DEFAULT_POLICY.onTrouble.uplinkLost, hardwareFailing: said.onHardwareFailing ?? DEFAULT_POLICY.onTrouble.hardwareFailing,
    },
    rebalance: rebalanceOf(said.rebalance),
    rebalanceOnStart: said.rebalanceOnStart ?? DEFAULT_POLICY.rebalanceOnStart,
    admission: said.admission ?? DEFAULT_POLICY.admission,
  };
}

function rebalanceOf(said: ScenarioPolicy['rebalance']): RebalancePolicy | null {
  if (said === undefined) return DEFAULT_POLICY.rebalance;
  if (said === 'off') return null;
  return {
    threshold: said.threshold ?? REBALANCE.threshold, holdRounds: said.holdRounds ?? REBALANCE.holdRounds,
    minImprovement: said.minImprovement ?? REBALANCE.minImprovement, method: said.method ?? REBALANCE.method, act: said.act ?? REBALANCE.act,
  };
}
