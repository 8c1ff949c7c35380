// A filter: one reason why a workload may not go to a host. Hard: what it refuses is refused.
import type { Host } from '../hosts/host.js';
import type { HostFacts } from '../hosts/host-facts.js';
import type { Workload } from '../workloads/workload.js';
import type { PlacementPolicy, PlacementRequest, PlacementView, RefusalCode } from './placement.js';
import type { Usage } from './usage.js';

export interface FilterInput {
  readonly view: PlacementView;
  readonly request: PlacementRequest;
  readonly workload: Workload;
  /** Where the workload is placed now; null: nowhere, or on a host that is gone. */
  readonly home: Host | null;
  readonly host: Host;
  readonly facts: HostFacts;
  /** What is on the host already, without this workload. */
  readonly usage: Usage;
  /** Members of its group that come along: there must be room for all of them. */
  readonly companions: readonly Workload[];
  readonly policy: PlacementPolicy;
}

export interface FilterRefusal {
  readonly code: RefusalCode;
  /** With the numbers. */
  readonly why: string;
}

export type Filter = (input: FilterInput) => FilterRefusal | null;

/** A filter that needs to know nothing of the host's sizes. */
export type RuleFilter = (input: Pick<FilterInput, 'view' | 'request' | 'workload' | 'host'>) => FilterRefusal | null;

/** Of a thousand hosts that refuse for want of room, few reasons are read: the sentence is made when it is. */
export function lazily(code: RefusalCode, tell: () => string): FilterRefusal {
  return {
    code,
    get why() {
      return tell();
    },
  };
}
