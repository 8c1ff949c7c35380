// What an agent reaches its own host through. Real adapters: proc/ and watchdog/; simulated: sim/.
import type { GoingDown } from '../cluster/heartbeat-message.js';
import type { PromiseStore } from '../cluster/promises.js';
import type { Clock, Timers } from '../shared/clock.js';
import type { OpenTransport } from './transport.js';

export interface Vitals {
  readonly load1: number;
  readonly freeMemoryMiB: number;
}

/** The guard's note that a workload was started under the lease of this host. */
export interface LeaseMark {
  readonly uuid: string;
  /** Made within the last minute: its process may be about to appear. */
  readonly isFresh: boolean;
}

export type SystemWay = GoingDown | 'stays' | 'unknown';

export interface AgentHost {
  vitals(): Vitals;
  /**
   * uuids of the workloads whose processes run, as the kernel shows them; null when they can't be listed, which must not look like "none". It shows no
   * uuid of containers: of them those that are under the lease, by their notes.
   */
  running(): readonly string[] | null;
  /** The epoch at which this very boot was admitted; null: not admitted. */
  hostEpoch(): number | null;
  leaseMarks(): readonly LeaseMark[];
  /** Differs after each new mark. Asked at every tick, so it must be cheap. */
  leaseMarksStamp(): string;
  /** Ends the processes of these workloads at once; returns without waiting. */
  kill(uuids: readonly string[]): void;
  /** True when no guarded command is under way; one that was let through before may start something yet. */
  isQuiet(): Promise<boolean>;
  /** Tells the guard until when the lease holds, and whether a watchdog stands behind it. `untilMs` is on the agent's monotonic clock. */
  publishLease(lease: { readonly untilMs: number; readonly isArmed: boolean }, nowMs: number): void;
  /** What an agent of this boot published last, on this agent's clock; -Infinity: nothing. */
  publishedLeaseUntilMs(nowMs: number): number;
  /** Writes down, for the agents of this boot after us, by which set of voters we judge; throws when it can't. Before anybody hears of it: a take-over counts on it. */
  publishVoterEpoch(clusterId: string, epoch: number): void;
  /** The newest by which an agent of this boot has judged in this cluster; 0: none. */
  publishedVoterEpoch(clusterId: string): number;
  /** We stop in order, and enforce the lease no more. To the guard that is no lease. */
  publishRelease(): void;
  /** That is what an agent of this boot published last. */
  wasReleased(): boolean;
  /** What the operating system is about to do with the host. */
  systemWay(): Promise<SystemWay>;
  /** `reeve-agent leave` has said so in this boot: the host goes down, and waits for its workloads to move away. */
  goingDown(): GoingDown | null;
  /** It does not go down after all: forgets what was said, and the next shutdown waits again. */
  stay(): void;
}

export interface Watchdog {
  readonly isArmed: boolean;
  /** Arms it at the first call. The reason when it can't be, else null. */
  feed(): string | null;
  /** Stops it in order. Not armed is fine. */
  release(): void;
}

export interface AgentPorts {
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs' | 'sleep'>;
  readonly timers: Timers;
  readonly openTransport: OpenTransport;
  readonly host: AgentHost;
  /** Resets the host when it is not fed for this long. */
  readonly openWatchdog: (timeoutMs: number) => Watchdog;
  readonly promises: PromiseStore;
  readonly log: (line: string) => void;
}
