// The FenceDevice port: something that can cut a host's power and say whether it is on. The library verifies; a device only acts.

export type PowerState = 'on' | 'off';

export interface FenceDevice {
  /** For people: "ipmi 10.66.2.11". No secrets. */
  readonly describe: string;
  /** False for manual confirmation: it is never tried, it waits for a person. */
  readonly automatic: boolean;
  /** Tells the device to cut power. An answer "ok" proves nothing. Throws OperationalError. */
  off(): Promise<void>;
  /** Tells the device to power on. Throws OperationalError. */
  on(): Promise<void>;
  /** Asks for the power state. Throws OperationalError when it can't be told. */
  status(): Promise<PowerState>;
}
