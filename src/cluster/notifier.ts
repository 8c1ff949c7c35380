// The Notifier port: a way on which alerts reach people. It carries one alert; order, retries and what was sent are kept by who calls it.
import type { Alert, AlertFilter } from './alert.js';

export interface Notifier {
  /** For people: "webhook https://hooks.example". No secrets. */
  readonly describe: string;
  /**
   * Resolves once the far side took the alert. Throws OperationalError: it refused, did not answer within the notifier's own bound, or the
   * signal aborted; it may have taken the alert all the same, and gets it again with the same id.
   */
  send(alert: Alert, signal: AbortSignal): Promise<void>;
}

/** Where alerts go, and which. */
export interface AlertTarget extends AlertFilter {
  readonly notifier: Notifier;
}
