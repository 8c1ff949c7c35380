// The invariants of every run, checked as the world moves: what is looked at is the ground truth, never what the control plane believes.
import type { CommandToken } from '../../hosts/hypervisor.js';
import type { Change } from '../../cluster/change.js';
import type { Host } from '../../hosts/host.js';
import type { PlacementPolicy } from '../../scheduler/placement.js';
import type { Workload } from '../../workloads/workload.js';
import type { VirtualTime } from '../engine/virtual-time.js';
import type { MemoryClusterStore } from '../memory-cluster-store.js';
import type { InvariantName, Violation } from '../scenario/result.js';
import { LOCAL_STORAGE } from '../simulated-needs.js';
import type { SimulatedDomain, SimulatedHost, SimulatedWorld } from '../simulated-world.js';
import type { WorldObserver } from '../world-observer.js';
import { Capacity } from './capacity.js';
import { HardRules } from './hard-rules.js';
import { LeftAlone } from './left-alone.js';
import { SetAsideHosts } from './set-aside-hosts.js';
import { StopCauses } from './stop-causes.js';

export interface CheckerParts {
  readonly time: VirtualTime;
  readonly world: SimulatedWorld;
  readonly store: MemoryClusterStore;
  readonly placement: Pick<PlacementPolicy, 'reservedMemoryMiB' | 'memoryOvercommit' | 'cpuOvercommit'>;
  readonly maxSilentShare: number;
  /** For so long a leader has to listen before it judges. */
  readonly graceMs: number;
  /** Is this guest being handled by a person (the scenario), so that automation is not to blame? */
  readonly byHand: (workload: string) => boolean;
  /** Has a fault touched this host within the last while? */
  readonly isDisturbed: (host: string) => boolean;
  readonly isStopping: (host: string) => boolean;
}

export interface FenceBegan {
  readonly verdict: { readonly quorum: boolean; readonly trusted: boolean } | null;
  /** How long the leader has listened. */
  readonly listenedMs: number;
  /** The hosts' conditions before that commit. */
  readonly before: ReadonlyMap<string, Host['condition']>;
}

interface Whereabouts {
  host: string;
  bootId: string;
  hostEpoch: number;
  beganAtMs: number;
  /** Null: its process is there. */
  endedAtMs: number | null;
}

/** An operation that has just ended may still have effects under way. */
const RECENT_MS = 60_000;
/** More of the same says nothing new. */
const MOST = 50;

export class InvariantChecker implements WorldObserver {
  readonly violations: Violation[] = [];
  readonly #last = new Map<string, Whereabouts>();
  readonly #leaderEpochs = new Map<string, number>();
  /** By host and guest. */
  readonly #placements = new Map<string, number>();
  /** By host: when its hypervisor was last looked at as a whole; by host and guest: when that guest was. */
  readonly #lookedAtMs = new Map<string, number>();

  readonly #capacity: Capacity;
  readonly #hardRules: HardRules;
  readonly #leftAlone: LeftAlone;
  readonly #setAside: SetAsideHosts;
  readonly #stopCauses: StopCauses;

  constructor(private readonly parts: CheckerParts) {
    this.#capacity = new Capacity(parts);
    this.#hardRules = new HardRules({ ...parts, endedAgoMs: (uuid, host) => this.endedAgoMs(uuid, host) });
    this.#leftAlone = new LeftAlone(parts);
    this.#setAside = new SetAsideHosts(parts);
    this.#stopCauses = new StopCauses(parts);
  }

  /** Since its last process ended; null: that was on another host, or it runs. */
  endedAgoMs(uuid: string, host: string): number | null {
    const last = this.#last.get(uuid);
    return last?.host === host && last.endedAtMs !== null ? this.parts.time.nowMs - last.endedAtMs : null;
  }

  /** The store changed. */
  follow(wallMs: number): void {
    this.#capacity.follow(wallMs);
    this.#hardRules.follow(wallMs);
    this.#stopCauses.follow();
    for (const touched of this.#leftAlone.follow()) this.violate('error-is-left-alone', touched);
    for (const wrong of this.#setAside.follow()) this.violate('no-fence-without-quorum', wrong);
  }

  /** A person commits this now. */
  commanded(changes: readonly Change[]): void {
    this.#leftAlone.commanded(changes);
  }

  violate(invariant: InvariantName, detail: string): void {
    if (this.violations.length < MOST) this.violations.push({ t: Math.round(this.parts.time.nowMs) / 1000, invariant, detail });
  }

  /** Somebody was shown what runs on a host: all of it, or one guest. */
  looked(host: string, uuid: string | null): void {
    this.#lookedAtMs.set(uuid === null ? host : `${host} ${uuid}`, this.parts.time.nowMs);
  }

  started(host: SimulatedHost, domain: SimulatedDomain): void {
    this.#checkRunsOnce(host, domain);
    if (!this.parts.byHand(domain.name)) {
      this.#checkProof(host, domain);
      this.#checkLeftAlone(domain);
      this.#checkCapacity(host, domain);
      this.#checkHardRules(host, domain);
      this.#checkWrites(host, domain);
    }
    this.#note(host, domain);
  }

  arrived(host: SimulatedHost, domain: SimulatedDomain, from: SimulatedHost): void {
    this.#checkRunsOnce(host, domain);
    if (this.#last.get(domain.uuid)?.host === from.name && !this.parts.byHand(domain.name)) {
      this.#checkCapacity(host, domain);
      this.#checkHardRules(host, domain);
    }
    this.#note(host, domain);
  }

  ended(host: SimulatedHost, domain: SimulatedDomain, how: 'stopped' | 'died'): void {
    const last = this.#last.get(domain.uuid);
    if (last?.host === host.name) last.endedAtMs = this.parts.time.nowMs;
    if (how === 'stopped') this.#checkBystander(host, domain);
  }

  /** Two kernels that write one file system destroy it. */
  mounted(host: SimulatedHost, pool: string): void {
    for (const other of this.parts.world.hosts) if (other !== host && other.powered && other.mounts.has(pool)) this.violate('pool-mounted-once', `${pool} is mounted on ${host.name}, and on ${other.name}`);
  }

  migrationBegan(): void {
    // Nothing runs elsewhere yet.
  }

  startFailed(): void {
    // Nothing began.
  }

  migrateFailed(source: SimulatedHost, name: string, _why: string): void {
    const domain = [...source.domains.values()].find((one) => one.name === name);
    if (source.powered && !domain?.running) this.violate('failed-move-keeps-running', `the migration of ${name} failed and it does not run on ${source.name}`);
  }

  accepted(host: SimulatedHost, { leaderEpoch, workload }: CommandToken): void {
    this.#acceptedPlacement(host, workload);
    const newest = this.#leaderEpochs.get(host.name) ?? 0;
    if (leaderEpoch < newest) this.violate('one-leader-acts', `${host.name} took a command of leader epoch ${leaderEpoch} after one of ${newest}`);
    this.#leaderEpochs.set(host.name, Math.max(newest, leaderEpoch));
  }

  #acceptedPlacement(host: SimulatedHost, workload: CommandToken['workload']): void {
    if (!workload) return;
    const key = `${host.name} ${workload.uuid}`;
    const newest = this.#placements.get(key) ?? 0;
    if (workload.epoch < newest) this.violate('newest-placement-acts', `${host.name} took a command for placement ${workload.epoch} of ${workload.uuid} after one for ${newest}`);
    this.#placements.set(key, Math.max(newest, workload.epoch));
  }

  /** The store took a commit. */
  committed(by: number, leads: number): void {
    if (by < leads) this.violate('one-leader-acts', `a decision of leader epoch ${by} was committed while ${leads} leads`);
  }

  /** A host that was well is not to be reset. */
  reset(host: string, by: 'watchdog' | 'power'): void {
    if (!this.parts.isDisturbed(host)) this.violate('bystanders-untouched', `${host} was reset by ${by === 'power' ? 'its fence device' : 'its watchdog'}, and nothing was wrong with it`);
  }

  /** A fence by automation was committed, by a leader that has listened for so long. */
  fenceBegan(host: Host, { verdict, listenedMs, before }: FenceBegan): void {
    if (listenedMs < this.parts.graceMs) this.violate('no-fence-without-quorum', `${host.name} is fenced by a leader that has listened for ${Math.round(listenedMs)} ms`);
    if (!verdict?.quorum || !verdict.trusted) this.violate('no-fence-without-quorum', `${host.name} is fenced ${verdict?.quorum ? 'during grace' : 'without quorum'}`);
    const isEnrolled = (condition: Host['condition'] | undefined): boolean => condition === 'online' || condition === 'silent' || condition === 'fencing';
    // One that was proven off by the same commit was counted by who decided it.
    const enrolled = [...this.parts.store.peek().hosts.values()].filter((one) => !this.#setAside.has(one.id) && (isEnrolled(one.condition) || isEnrolled(before.get(one.id))));
    const lost = enrolled.filter((one) => one.condition === 'silent' || one.condition === 'fencing');
    if (lost.length / Math.max(1, enrolled.length) > this.parts.maxSilentShare) this.violate('no-fence-without-quorum', `${host.name} is fenced while ${lost.length} of ${enrolled.length} hosts are silent`);
  }

  #note(host: SimulatedHost, { uuid }: SimulatedDomain): void {
    this.#last.set(uuid, { host: host.name, bootId: host.bootId, hostEpoch: this.#row(host.name)?.hostEpoch ?? 0, beganAtMs: this.parts.time.nowMs, endedAtMs: null });
  }

  #checkRunsOnce(host: SimulatedHost, { uuid, name }: SimulatedDomain): void {
    const others = [...this.parts.world.hosts].filter((one) => {
      const state = one.domains.get(uuid)?.running?.state;
      return one !== host && one.powered && state !== undefined && state !== 'migrating-in';
    });
    for (const other of others) this.violate('runs-once', `${name} on ${other.name} and ${host.name}`);
  }

  /** Where it ran last, that host must be over by proof, or somebody must have seen that it runs there no more. */
  #checkProof(host: SimulatedHost, { uuid, name }: SimulatedDomain): void {
    const last = this.#last.get(uuid);
    if (!last || last.host === host.name) return;
    const row = this.#row(last.host);
    // A higher epoch alone proves nothing: an excluded host gets one while it lives.
    const proven = !row || (row.proof !== null && row.proof.hostEpoch >= last.hostEpoch);
    const seenAtMs = Math.max(this.#lookedAtMs.get(last.host) ?? -1, this.#lookedAtMs.get(`${last.host} ${uuid}`) ?? -1);
    const seen = last.endedAtMs !== null && seenAtMs >= last.endedAtMs;
    if (!proven && !seen) this.violate('proof-before-start', `${name} starts on ${host.name}; ${last.host} is ${row.condition}, and nobody saw it stopped there`);
  }

  /** It writes as long as it runs. What a lost host had alone is gone with it, and said so by the age of the copy. */
  #checkWrites(host: SimulatedHost, { uuid, name, definition, pool, dataAtMs = 0, madeOfMs = null }: SimulatedDomain): void {
    const last = this.#last.get(uuid);
    if (!last || last.endedAtMs === null || last.host === host.name || !definition?.includes(LOCAL_STORAGE)) return;
    // What lies on a LUN is not lost with its host.
    if (pool !== undefined && dataAtMs < last.endedAtMs) this.violate('no-write-lost', `${name} starts on ${host.name} from ${pool} without what it wrote in the last ${Math.round(last.endedAtMs - dataAtMs)} ms on ${last.host}`);
    const row = this.#row(last.host);
    const wasLost = !row || row.condition !== 'online' || (row.proof !== null && row.proof.hostEpoch >= last.hostEpoch);
    if (!wasLost && dataAtMs < last.endedAtMs) this.violate('no-write-lost', `${name} starts on ${host.name} without what it wrote in the last ${Math.round(last.endedAtMs - dataAtMs)} ms on ${last.host}`);
    // People were told how old the copy is from which it would be recovered: it is no older.
    const shown = this.#workload(name)?.replica;
    if (wasLost && shown && this.#row(host.name)?.id === shown.hostId && shown.asOfMs !== null && (madeOfMs ?? -1) < shown.asOfMs) this.violate('no-write-lost', `${name} starts on ${host.name} from a copy that is ${Math.round(shown.asOfMs - (madeOfMs ?? 0))} ms older than it was said to be`);
  }

  #checkLeftAlone({ name }: SimulatedDomain): void {
    const workload = this.#workload(name);
    if (workload?.state === 'error' && !this.#hasOperation(workload)) this.violate('error-is-left-alone', `${name} is in error (${workload.why ?? ''}) and was started`);
  }

  #checkHardRules(host: SimulatedHost, { name }: SimulatedDomain): void {
    for (const broken of this.#hardRules.brokenBy(host, name)) this.violate('hard-rules-hold', broken);
  }

  #checkCapacity(host: SimulatedHost, domain: SimulatedDomain): void {
    if (this.#last.get(domain.uuid)?.host === host.name) return;
    for (const exceeded of this.#capacity.exceededBy(host, domain)) this.violate('capacity-holds', exceeded);
  }

  #checkBystander(host: SimulatedHost, { name, uuid }: SimulatedDomain): void {
    const workload = this.#workload(name);
    if (!workload || this.parts.byHand(name) || this.parts.isStopping(host.name)) return;
    const missing = this.#stopCauses.missingFor(host, workload, this.#last.get(uuid)?.beganAtMs ?? 0);
    if (missing !== null) this.violate('bystanders-untouched', `${name} was stopped on ${host.name} ${missing}`);
  }

  #hasOperation({ id }: Workload): boolean {
    return this.parts.store.peekOperations().some((one) => one.workloadId === id && (one.endedAtMs === null || this.parts.store.ageMs(one.endedAtMs) < RECENT_MS));
  }

  #row(host: string): Host | undefined {
    return this.parts.store.peek().hosts.get(host);
  }

  #workload(name: string): Workload | undefined {
    return this.parts.store.peek().workloads.get(name);
  }
}
