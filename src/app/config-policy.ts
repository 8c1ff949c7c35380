// What decisions and migrations need of the configuration: the product's policies with the operator's numbers in them.
import { DEFAULT_POLICY, type ClusterPolicy } from '../cluster/cluster-policy.js';
import type { MigrationPolicy } from '../migration/migration-policy.js';
import type { Config } from './config.js';

export function policyFrom({ placement, migration, fencing, recovery }: Config): ClusterPolicy {
  return {
    ...DEFAULT_POLICY,
    placement,
    maxSilentShare: recovery.maxSilentShare,
    fencesInFlight: fencing.perClusterInFlight,
    startsPerHost: recovery.parallelPerHost,
    migrationsPerHost: migration.perHost,
    fenceRetryMs: fencing.retryMs,
    fenceRetryMaxMs: fencing.retryMaxMs,
  };
}

export function migrationPolicyFrom({ migration }: Config): MigrationPolicy {
  const { bandwidthMiBps, maxDowntimeMs, timeoutS, stallS, autoConverge } = migration;
  return { bandwidthMiBps, maxDowntimeMs, timeoutMs: timeoutS * 1_000, stallMs: stallS * 1_000, autoConverge };
}
