// Vocabulary of placement: what is asked, what is answered, and the reason codes of refusals.
import type { Host } from '../hosts/host.js';
import type { DriverName } from '../hosts/hypervisor.js';
import type { HostId } from '../shared/ids.js';
import type { Workload } from '../workloads/workload.js';
import type { PlacementRule } from './placement-rule.js';

/** What is spread evenly. balanced: counts, then size; capacity: declared size; usage: measured usage, declared where none was measured. */
export type PlacementStrategy = 'balanced' | 'capacity' | 'usage';

export interface PlacementPolicy {
  readonly strategy: PlacementStrategy;
  /** Memory of workloads may sum up to this times (host memory − reserve). */
  readonly memoryOvercommit: number;
  readonly cpuOvercommit: number;
  readonly reservedMemoryMiB: number;
}

export interface Room {
  readonly memoryMiB: number;
  readonly vcpus: number;
  readonly workloads: number;
}

/** What the scheduler looks at. Pure data; `heard` holds the hosts whose agent is heard now. */
export interface PlacementView {
  readonly hosts: readonly Host[];
  readonly workloads: readonly Workload[];
  readonly heard: ReadonlySet<HostId>;
  /** Hosts that say that they hold no lease now. */
  readonly leaseless: ReadonlySet<HostId>;
  /** Hypervisors that do not answer, by their host, which is there. */
  readonly hypervisorSilent?: ReadonlyMap<HostId, readonly DriverName[]>;
  /** Places promised by operations under way: they count as used there. */
  readonly promised: readonly { readonly workloadId: string; readonly hostId: HostId }[];
  /** What runs on a host and is no workload of Reeve's; it takes its part. */
  readonly strangers?: ReadonlyMap<HostId, Room>;
  readonly rules: readonly PlacementRule[];
  readonly policy: PlacementPolicy;
}

export type RefusalCode =
  | 'not-online' | 'not-heard' | 'hypervisor-silent' | 'no-lease' | 'cordoned' | 'maintenance' | 'quarantined' | 'leaving' | 'hosts-rule' | 'keep-apart' | 'keep-together' | 'no-facts' | 'memory' | 'cpus' | 'hugepages' | 'disk' | 'cpu-model' | 'cpu-features' | 'architecture' | 'accelerator'
  | 'no-daemon' | 'data-elsewhere' | 'pool-unreachable' | 'profile-missing' | 'network-missing' | 'bridge-missing' | 'pinned' | 'excluded' | 'failed-lately';

export interface HostRefusal {
  readonly hostId: HostId;
  readonly host: string;
  readonly code: RefusalCode;
  /** With the numbers: "needs 2,048 MiB, 512 MiB free of 4,096". */
  readonly why: string;
}

export interface HostScore {
  readonly hostId: HostId;
  readonly host: string;
  readonly total: number;
  readonly parts: Readonly<Record<string, number>>;
}

export interface Placement {
  readonly hostId: HostId;
  readonly host: string;
  /** All accepted hosts, best first. */
  readonly ranking: readonly HostScore[];
  readonly refusals: readonly HostRefusal[];
}

export interface NoPlacement {
  readonly code: 'no-legal-host' | 'no-capacity';
  readonly why: string;
  readonly refusals: readonly HostRefusal[];
}

export interface PlacementRequest {
  readonly workload: Workload;
  /** Hosts that are out of the question for this request, each with a sentence. */
  readonly exclude: readonly { readonly hostId: HostId; readonly why: string }[];
  /** Hosts that those which must stay with it leave together with it. */
  readonly leftByMates?: readonly HostId[];
  /** Its place in a plan for many: taken where nothing stronger is against it. */
  readonly planned?: HostId | undefined;
  /** Hosts that those which must stay in one zone with it leave as well. */
  readonly leftByZoneMates?: readonly HostId[];
}
