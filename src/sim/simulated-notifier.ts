// The Notifier port in memory: writes down what it is sent, or fails on request.
import type { Alert } from '../cluster/alert.js';
import type { Notifier } from '../cluster/notifier.js';
import { OperationalError } from '../shared/errors.js';

/** `refuses`: answers that it does not want it. `hangs`: does not answer within its bound. `forgetful`: took it, and nobody learns of it. */
export type NotifierFault = 'none' | 'refuses' | 'hangs' | 'forgetful';

export class SimulatedNotifier implements Notifier {
  readonly describe = 'a list in memory';
  readonly taken: Alert[] = [];
  fault: NotifierFault = 'none';

  async send(alert: Alert, signal: AbortSignal): Promise<void> {
    if (this.fault === 'refuses') throw new OperationalError('failed', 'simulated: it answered 500');
    if (this.fault === 'hangs' || signal.aborted) throw new OperationalError('timeout', 'simulated: no answer');
    this.taken.push(alert);
    if (this.fault === 'forgetful') throw new OperationalError('timeout', 'simulated: taken, and no answer');
  }
}
