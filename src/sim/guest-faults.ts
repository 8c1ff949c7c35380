// A guest that misbehaves: starts and migrations that fail so many times, shutdowns that it ignores, everywhere or on one host only.

export interface GuestFaultsInput {
  readonly startFails?: number;
  readonly migrateFails?: number;
  readonly crashesAfterS?: number;
  readonly neverStops?: boolean;
  /** Only there. */
  readonly onlyOn?: string;
}

export class GuestFaults {
  #startsLeft: number;
  #migrationsLeft: number;

  constructor(private readonly input: GuestFaultsInput) {
    this.#startsLeft = input.startFails ?? 0;
    this.#migrationsLeft = input.migrateFails ?? 0;
  }

  strikesStart(host: string): string | null {
    if (!this.#applies(host) || this.#startsLeft === 0) return null;
    this.#startsLeft -= 1;
    return 'internal error: qemu unexpectedly closed the monitor: simulated';
  }

  strikesMigration(host: string): string | null {
    if (!this.#applies(host) || this.#migrationsLeft === 0) return null;
    this.#migrationsLeft -= 1;
    return 'internal error: migration of this guest is made to fail: simulated';
  }

  ignoresShutdown(host: string): boolean {
    return this.#applies(host) && this.input.neverStops === true;
  }

  /** Null: it does not crash there. */
  crashesAfterMs(host: string): number | null {
    return this.#applies(host) && this.input.crashesAfterS !== undefined ? this.input.crashesAfterS * 1000 : null;
  }

  #applies(host: string): boolean {
    return this.input.onlyOn === undefined || this.input.onlyOn === host;
  }
}
