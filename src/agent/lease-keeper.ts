// LeaseKeeper: does on this host what its lease asks for, at every tick: feed the watchdog, or end what runs under the lease.
import type { QuorumLease } from '../cluster/quorum-lease.js';
import { SelfFence, type LeasePhase } from '../cluster/self-fence.js';
import type { AgentHost, AgentPorts, Watchdog } from './agent-ports.js';

type KeeperPorts = Pick<AgentPorts, 'clock' | 'log'> & { readonly host: AgentHost; readonly watchdog: Watchdog };

/** Listing processes costs milliseconds: not at every tick while all is well. */
const LOOK_MS = 500;

export class LeaseKeeper {
  readonly #fence = new SelfFence();
  #phase: LeasePhase = 'free';
  #under: readonly string[] = [];
  #running: readonly string[] | null = [];
  #lookedAtMs = -Infinity;
  #marksStamp = '';
  /** For which end of the lease quiet was found. */
  #quietSinceMs: number | null = null;
  #asking = false;
  #trouble: string | null = null;
  /** The lease of the agent before us in this boot: what it let run, it may run so long. */
  readonly #inheritedUntilMs: number;
  /** The agent before us stopped in order: a majority knows that nothing is enforced here, so nothing must end before we hold the lease. */
  #isReleased: boolean;
  #isReady = false;

  constructor(
    private readonly lease: QuorumLease,
    private readonly ports: KeeperPorts,
  ) {
    const published = ports.host.publishedLeaseUntilMs(ports.clock.monotonicMs());
    this.#isReleased = published === 'released';
    this.#inheritedUntilMs = published === 'released' ? -Infinity : published;
  }

  /** What runs under the lease here, or may be about to. */
  get under(): readonly string[] {
    return this.#under;
  }

  get phase(): LeasePhase {
    return this.#phase;
  }

  /** Says that the lease is enforced here: from the first time that it held, or that nothing under it ran. */
  get isReady(): boolean {
    return this.#isReady && this.#trouble === null;
  }

  get trouble(): string | null {
    return this.#trouble;
  }

  isHeld(nowMs: number): boolean {
    return nowMs < this.#untilMs(nowMs);
  }

  tick(nowMs: number): void {
    const isOver = !this.isHeld(nowMs);
    this.#look(nowMs, isOver);
    this.#isReleased &&= isOver && this.#under.length > 0;
    if (this.#isReleased) {
      this.#phase = 'waiting';
      return;
    }
    const isQuiet = this.#quietSinceMs !== null && this.#quietSinceMs === this.#fence.endedAtMs;
    const duty = this.#fence.duty({ nowMs, leaseUntilMs: this.#untilMs(nowMs), under: this.#under, running: this.#running, isQuiet });
    if (duty.kill.length > 0) this.ports.host.kill(duty.kill);
    this.#tend(duty.watchdog);
    this.#enter(duty.phase, duty.kill);
    if (duty.phase === 'ending' && !isQuiet) this.#askQuiet();
    this.ports.host.publishLease({ untilMs: this.#untilMs(nowMs), isArmed: this.ports.watchdog.isArmed }, nowMs);
  }

  /** Stops the watchdog in order, and says so to the guard: nothing is started under the lease any more. */
  release(): void {
    this.ports.watchdog.release();
    this.ports.host.publishRelease();
  }

  #untilMs(nowMs: number): number {
    return Math.max(this.lease.untilMs(nowMs), this.#inheritedUntilMs);
  }

  #look(nowMs: number, isOver: boolean): void {
    const { host } = this.ports;
    const stamp = host.leaseMarksStamp();
    if (!isOver && stamp === this.#marksStamp && nowMs - this.#lookedAtMs < LOOK_MS) return;
    this.#marksStamp = stamp;
    this.#lookedAtMs = nowMs;
    const running = host.running();
    const marks = host.leaseMarks();
    this.#under = marks.filter(({ uuid, isFresh }) => isFresh || running === null || running.includes(uuid)).map(({ uuid }) => uuid);
    this.#running = running === null ? null : this.#under.filter((uuid) => running.includes(uuid));
  }

  #tend(what: 'feed' | 'starve' | 'release'): void {
    if (what === 'release') this.ports.watchdog.release();
    if (what !== 'feed') return;
    const trouble = this.ports.watchdog.feed();
    if (trouble !== null && trouble !== this.#trouble) this.ports.log(`the watchdog can't be fed: ${trouble}`);
    this.#trouble = trouble;
  }

  #enter(phase: LeasePhase, killed: readonly string[]): void {
    if (phase !== 'ending') this.#isReady = true;
    if (phase === this.#phase) return;
    if (phase === 'ending' && killed.length > 0) this.ports.log(`the lease is over: ending ${killed.length} workloads under it (${killed.join(', ')})`);
    if (phase === 'ended') this.ports.log('the lease is over and nothing under it runs any more');
    if (phase === 'held' && this.#phase !== 'free') this.ports.log('the lease holds again');
    this.#phase = phase;
  }

  /** One question at a time; its answer counts for the end of the lease that it was asked for. */
  #askQuiet(): void {
    if (this.#asking) return;
    this.#asking = true;
    const askedFor = this.#fence.endedAtMs;
    void this.ports.host
      .isQuiet()
      .then((isQuiet) => {
        if (isQuiet) this.#quietSinceMs = askedFor;
      })
      .catch((error: unknown) => this.ports.log(`cannot tell whether commands are under way: ${String(error)}`))
      .finally(() => {
        this.#asking = false;
      });
  }
}
