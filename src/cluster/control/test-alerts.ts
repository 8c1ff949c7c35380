// A test by a person: one alert to each target, now, past order and filters; what each target answers is reported.
import type { Clock } from '../../shared/clock.js';
import { messageOf } from '../../shared/errors.js';
import { testAlert } from '../alert.js';
import type { AlertTarget } from '../notifier.js';
import type { AlertPorts } from './alert-delivery.js';

export interface AlertTestReport {
  readonly target: string;
  readonly to: string;
  readonly ok: boolean;
  /** What the target answered, when it was not ok. */
  readonly why: string | null;
  readonly tookMs: number;
}

export interface AlertTest {
  readonly by: string;
  /** Makes this test another than the last. */
  readonly nonce: string;
}

export async function testAlerts({ source, cursors }: AlertPorts, targets: readonly AlertTarget[], clock: Clock, { by, nonce }: AlertTest): Promise<readonly AlertTestReport[]> {
  const alert = testAlert(source, { by, nowMs: clock.nowMs(), nonce });
  const report = async ({ target, notifier }: AlertTarget): Promise<AlertTestReport> => {
    const began = clock.monotonicMs();
    const why = await notifier.send(alert, new AbortController().signal).then(() => null, messageOf);
    const tookMs = Math.round(clock.monotonicMs() - began);
    if (why === null) await cursors.tested(target, clock.nowMs());
    return { target, to: notifier.describe, ok: why === null, why, tookMs };
  };
  return Promise.all(targets.map(report));
}
