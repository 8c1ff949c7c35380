// What decisions and migrations need of the configuration: the product's policies with the operator's numbers in them.
import { DEFAULT_POLICY, type ClusterPolicy } from '../cluster/cluster-policy.js';
import type { MigrationPolicy } from '../migration/migration-policy.js';
import type { ClusterConfig } from './config.js';

export function policyFrom({ placement, migration, fencing, recovery, shutdown, quarantine, onTrouble, rebalance, admission }: ClusterConfig): ClusterPolicy {
  const { mode, act, threshold, holdRounds, minImprovement, onStart, handMadeS } = rebalance;
  return {
    ...DEFAULT_POLICY,
    placement,
    maxSilentShare: recovery.maxSilentShare,
    fencesInFlight: fencing.perClusterInFlight,
    startsPerHost: recovery.parallelPerHost,
    migrationsPerHost: migration.perHost,
    fenceRetryMs: fencing.retryMs,
    fenceRetryMaxMs: fencing.retryMaxMs,
    failuresForgottenMs: recovery.failuresForgottenS * 1_000,
    failbackAfterMs: recovery.failbackAfterS * 1_000,
    restartBackoff: { firstMs: recovery.restartMs, maxMs: recovery.restartMaxMs },
    gracefulShutdown: shutdown.policy,
    migrateWithinMs: shutdown.migrateWithinS * 1_000,
    rebootReturnMs: shutdown.rebootReturnS * 1_000,
    quarantine: { ...DEFAULT_POLICY.quarantine, lost: quarantine.lost, withinMs: quarantine.withinS * 1_000, firstMs: quarantine.firstS * 1_000, maxMs: quarantine.maxS * 1_000 },
    onTrouble: { uplinkLost: onTrouble.uplinkLost, hardwareFailing: onTrouble.hardwareFailing, afterMs: onTrouble.afterS * 1_000 },
    rebalance: mode === 'off' ? null : { threshold, holdRounds, minImprovement, method: mode, act },
    rebalanceOnStart: onStart,
    handMadeMs: handMadeS * 1_000,
    admission,
  };
}

export function migrationPolicyFrom({ migration }: ClusterConfig): MigrationPolicy {
  const { bandwidthMiBps, maxDowntimeMs, timeoutS, stallS, autoConverge } = migration;
  return { bandwidthMiBps, maxDowntimeMs, timeoutMs: timeoutS * 1_000, stallMs: stallS * 1_000, autoConverge };
}
