// What decisions need of the configuration: the product's policy with the operator's numbers in it.
import { DEFAULT_POLICY, type ClusterPolicy } from '../cluster/cluster-policy.js';
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
