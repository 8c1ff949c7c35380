// The kernel's watchdog: once it is open and not written to for its time, the machine is reset. https://docs.kernel.org/watchdog/watchdog-api.html
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import type { Watchdog } from '../agent-ports.js';

export const WATCHDOG_DEVICE = '/dev/watchdog';

/** wdctl asks the driver and ends; a driver that hangs must not hang the agent. */
const SET_MS = 1_000;

export class DevWatchdog implements Watchdog {
  #fd: number | null = null;

  constructor(
    private readonly timeoutMs: number,
    private readonly device = WATCHDOG_DEVICE,
    private readonly sysDir = '/sys/class/watchdog/watchdog0',
  ) {}

  get isArmed(): boolean {
    return this.#fd !== null;
  }

  feed(): string | null {
    try {
      if (this.#fd === null) {
        const trouble = this.#setTimeout();
        if (trouble !== null) return trouble;
        // A stand-in that is a pipe without a reader refuses at once instead of blocking.
        this.#fd = openSync(this.device, constants.O_WRONLY | constants.O_NONBLOCK);
      }
      writeSync(this.#fd, '1');
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** The letter V tells the driver that the close is meant. */
  release(): void {
    const fd = this.#fd;
    this.#fd = null;
    if (fd === null) return;
    try {
      writeSync(fd, 'V');
    } finally {
      closeSync(fd);
    }
  }

  /** Node has no ioctl: util-linux's wdctl sets the time, and the driver shows which one it took. */
  #setTimeout(): string | null {
    if (!statSync(this.device).isCharacterDevice()) return null;
    if (text(`${this.sysDir}/nowayout`) === '1') return `${this.device} has nowayout set: a planned stop would reset the host; load its driver with nowayout=0`;
    const wanted = Math.floor(this.timeoutMs / 1000);
    spawnSync('wdctl', ['--settimeout', String(wanted), this.device], { timeout: SET_MS });
    const taken = Number(text(`${this.sysDir}/timeout`));
    if (taken > 0 && taken <= wanted) return null;
    return `${this.device} resets after ${taken || 'an unknown number of'} s and can't be set to ${wanted} s; set timing.watchdogMs to what it can do`;
  }
}

function text(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}
