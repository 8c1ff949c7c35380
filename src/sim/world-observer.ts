// What the simulated world tells whoever watches it: the ground truth about guests, as it happens.
import type { CommandToken } from '../hosts/hypervisor.js';
import type { SimulatedDomain, SimulatedHost } from './simulated-world.js';

export interface WorldObserver {
  /** A process began to execute there. */
  started(host: SimulatedHost, domain: SimulatedDomain): void;
  /** A live migration ended there: it executes there now, and at its source no more. */
  arrived(host: SimulatedHost, domain: SimulatedDomain, from: SimulatedHost, downtimeMs: number): void;
  /** `stopped`: in order or on command. `died`: with its host, by a crash, or by self-fencing. */
  ended(host: SimulatedHost, domain: SimulatedDomain, how: 'stopped' | 'died'): void;
  /** Its kernel has the file system of that pool mounted from now on. */
  mounted(host: SimulatedHost, pool: string): void;
  startFailed(host: SimulatedHost, name: string, why: string): void;
  migrateFailed(host: SimulatedHost, name: string, why: string): void;
  /** A live migration is under way; it ends at that time on the world's monotonic clock, if nothing comes between. */
  migrationBegan(endsAtMs: number): void;
  /** A guard let a command with these epochs through. */
  accepted(host: SimulatedHost, token: CommandToken): void;
}
