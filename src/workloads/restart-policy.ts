// What follows when a workload ends by itself or does not start: here again, elsewhere, or no more.
import type { HostId } from '../shared/ids.js';
import { NO_FAILURES, type Workload, type WorkloadFailures } from './workload.js';

export interface RestartBackoff {
  /** Pause before the second try; doubles with each, up to the maximum. The first try is made at once. */
  readonly firstMs: number;
  readonly maxMs: number;
}

export const DEFAULT_BACKOFF: RestartBackoff = { firstMs: 2_000, maxMs: 60_000 };

/** `failures` is what to store with the decision, before it is carried out. */
export type RestartDecision =
  | { readonly kind: 'restart-here'; readonly failures: WorkloadFailures; readonly why: string }
  /** Place it anew, without the hosts in `failures.failedHostIds` where others will do. */
  | { readonly kind: 'relocate'; readonly failures: WorkloadFailures; readonly why: string }
  | { readonly kind: 'wait'; readonly untilMs: number; readonly why: string }
  | { readonly kind: 'give-up'; readonly why: string };

type Failed = Pick<Workload, 'failures' | 'maxRestarts' | 'maxRelocations' | 'hostId'>;

export function afterFailure(workload: Failed, nowMs: number, backoff: RestartBackoff = DEFAULT_BACKOFF): RestartDecision {
  const { failures, maxRestarts, maxRelocations } = workload;
  if (failures.restarts >= maxRestarts && failures.relocations >= maxRelocations) {
    return { kind: 'give-up', why: `it failed after ${count(failures.restarts, 'restart')} and ${count(failures.relocations, 'relocation')}` };
  }
  const untilMs = notBeforeMs(failures, backoff);
  if (nowMs < untilMs) return { kind: 'wait', untilMs, why: `tried again in ${Math.ceil((untilMs - nowMs) / 1000)} s` };
  if (failures.restarts < maxRestarts) {
    return { kind: 'restart-here', failures: { ...failures, restarts: failures.restarts + 1, lastAtMs: nowMs }, why: `restart ${failures.restarts + 1} of ${maxRestarts}` };
  }
  return {
    kind: 'relocate',
    failures: { restarts: 0, relocations: failures.relocations + 1, failedHostIds: withHost(failures.failedHostIds, workload.hostId), lastAtMs: nowMs },
    why: `relocation ${failures.relocations + 1} of ${maxRelocations}`,
  };
}

/** After it ran well for a while its failures are forgotten. Null: nothing to forget, or too early. */
export function forgetFailures(failures: WorkloadFailures, nowMs: number, forgottenAfterMs: number): WorkloadFailures | null {
  if (failures.lastAtMs === null || nowMs - failures.lastAtMs < forgottenAfterMs) return null;
  return NO_FAILURES;
}

function notBeforeMs({ restarts, relocations, lastAtMs }: WorkloadFailures, { firstMs, maxMs }: RestartBackoff): number {
  const tries = restarts + relocations;
  if (lastAtMs === null || tries === 0) return 0;
  return lastAtMs + Math.min(maxMs, firstMs * 2 ** (tries - 1));
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

function withHost(hosts: readonly HostId[], host: HostId | null): readonly HostId[] {
  return host === null || hosts.includes(host) ? hosts : [...hosts, host];
}
