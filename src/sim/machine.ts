// One simulated host as a machine: power, boots, freezes, orderly shutdowns, its watchdog, and the processes that live on it.
import type { SimProcess } from './engine/sim-process.js';
import type { TimerEvent, VirtualTime } from './engine/virtual-time.js';
import type { SimulatedHost, SimulatedWorld } from './simulated-world.js';

/** From power-on to the services of the host. */
export const BOOT_MS = 20_000;
/** Guests that were asked to shut down are gone after this; those that do not listen are ended at the end of the host's patience. */
const GUEST_SHUTDOWN_MS = 2_000;
const GUEST_PATIENCE_MS = 20_000;
/** Services that do not stop are killed. */
const SERVICE_PATIENCE_MS = 15_000;

/** A service of the host's operating system: started at each boot, told to stop in an orderly shutdown. */
export interface Service {
  start(): void;
  /** Resolves when it has stopped by itself. */
  stop(why: 'shutdown' | 'reboot'): Promise<void>;
  readonly process: SimProcess | null;
}

export interface MachineEvents {
  readonly off: (host: string) => void;
  readonly booted: (host: string) => void;
  readonly reset: (host: string, by: 'watchdog' | 'power') => void;
}

interface RunningWatchdog {
  readonly timeoutMs: number;
  fedAtMs: number;
  /** It was starved, and being dead did nothing: the next feed begins anew. */
  isOver: boolean;
}

/** Moments are sums of fractions: what is left may be too little to make any moment a later one. */
const ROUNDING_MS = 0.001;

export class Machine {
  readonly services: Service[] = [];
  /** What an orderly shutdown waits for before anything is stopped. */
  beforeShutdown: () => Promise<void> = async () => undefined;
  /** A fault: the device takes every feed, and resets nothing when none comes. */
  isWatchdogDead = false;
  #boot: TimerEvent | null = null;
  #watchdog: RunningWatchdog | null = null;
  #goingDown: 'shutdown' | 'reboot' | null = null;
  #isStopping = false;
  /** Raised by whatever ends this boot: what was begun in it is void. */
  #life = 0;

  constructor(
    readonly host: SimulatedHost,
    private readonly world: SimulatedWorld,
    private readonly time: VirtualTime,
    private readonly events: MachineEvents,
  ) {}

  get isUp(): boolean {
    return this.host.powered && !this.host.booting;
  }

  /** An orderly shutdown is under way. */
  get goingDown(): 'shutdown' | 'reboot' | null {
    return this.#goingDown;
  }

  /** Its guests and services are being stopped, or are about to be. */
  get isStopping(): boolean {
    return this.#isStopping;
  }

  startServices(): void {
    for (const service of this.services) service.start();
  }

  switchOn(): void {
    if (this.host.powered) return;
    this.host.powered = true;
    this.host.booting = true;
    this.#boot = this.time.after(BOOT_MS, () => this.#bootUp());
  }

  /** Abrupt: nothing of it goes on. */
  cut(): void {
    if (!this.host.powered) return;
    this.#end();
    this.events.off(this.host.name);
  }

  /** Forced from outside or by its watchdog. By power it stays off; a watchdog boots it anew. */
  reset(by: 'watchdog' | 'power'): void {
    if (!this.host.powered) return;
    this.events.reset(this.host.name, by);
    this.cut();
    if (by === 'watchdog') this.switchOn();
  }

  hang(ms: number): void {
    if (!this.isUp) return;
    const life = this.#life;
    this.host.hung = true;
    for (const { process } of this.services) process?.pause(null);
    this.time.after(ms, () => {
      if (life !== this.#life) return;
      this.host.hung = false;
      for (const { process } of this.services) process?.resume();
    });
  }

  /** By the host's own operating system: what puts it off, then guests, then the services, then the power. */
  async shutDown(why: 'shutdown' | 'reboot'): Promise<void> {
    if (!this.isUp || this.#goingDown !== null) return;
    const life = this.#life;
    this.#goingDown = why;
    await this.beforeShutdown();
    if (life !== this.#life) return;
    this.#isStopping = true;
    await this.#stopGuests(life);
    if (life !== this.#life) return;
    await Promise.race([Promise.all(this.services.map((service) => service.stop(why))), this.#sleep(SERVICE_PATIENCE_MS)]);
    if (life !== this.#life) return;
    this.#end();
    this.events.off(this.host.name);
    if (why === 'reboot') this.switchOn();
  }

  // --- the watchdog ---

  feedWatchdog(timeoutMs: number): void {
    if (this.#watchdog && !this.#watchdog.isOver) {
      this.#watchdog.fedAtMs = this.time.nowMs;
      return;
    }
    const watchdog: RunningWatchdog = { timeoutMs, fedAtMs: this.time.nowMs, isOver: false };
    this.#watchdog = watchdog;
    this.#watch(watchdog);
  }

  releaseWatchdog(): void {
    this.#watchdog = null;
  }

  get isWatchdogArmed(): boolean {
    return this.#watchdog !== null;
  }

  #watch(watchdog: RunningWatchdog): void {
    const leftMs = watchdog.fedAtMs + watchdog.timeoutMs - this.time.nowMs;
    this.time.after(leftMs, () => {
      if (this.#watchdog !== watchdog) return;
      if (watchdog.fedAtMs + watchdog.timeoutMs - this.time.nowMs >= ROUNDING_MS) this.#watch(watchdog);
      else if (this.isWatchdogDead) watchdog.isOver = true;
      else this.reset('watchdog');
    }, true);
  }

  #bootUp(): void {
    this.#boot = null;
    this.host.booting = false;
    this.world.boot(this.host.name);
    this.events.booted(this.host.name);
    this.startServices();
  }

  #end(): void {
    this.#life += 1;
    this.#goingDown = null;
    this.#isStopping = false;
    this.#watchdog = null;
    if (this.#boot) this.#boot.run = null;
    this.#boot = null;
    this.host.booting = false;
    for (const { process } of this.services) process?.kill();
    this.world.powerOff(this.host.name);
  }

  async #stopGuests(life: number): Promise<void> {
    const running = (): boolean => [...this.host.domains.values()].some((domain) => domain.running !== null && domain.running.state !== 'migrating-in');
    const until = this.time.nowMs + GUEST_PATIENCE_MS;
    if (running()) await this.#sleep(GUEST_SHUTDOWN_MS);
    while (life === this.#life && running()) {
      const patient = this.time.nowMs < until;
      for (const domain of [...this.host.domains.values()]) {
        if (!domain.running || domain.running.state === 'migrating-in') continue;
        if (patient && this.world.guestFaults.get(domain.uuid)?.ignoresShutdown(this.host.name)) continue;
        this.world.endProcess(this.host, domain, 'shutdown', 'stopped');
      }
      if (running()) await this.#sleep(GUEST_SHUTDOWN_MS);
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.time.after(ms, resolve));
  }
}
