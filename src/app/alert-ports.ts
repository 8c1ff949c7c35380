// Alerts of one cluster: its targets with the ways to them, beside the store that remembers what was sent.
import type { AlertSource } from '../cluster/alert.js';
import type { AlertPorts } from '../cluster/control/alert-delivery.js';
import type { Notifier } from '../cluster/notifier.js';
import { commandNotifier } from '../notifiers/command-notifier.js';
import { webhookNotifier } from '../notifiers/webhook-notifier.js';
import { systemClock } from '../shared/system/system-clock.js';
import type { OpenStore } from '../store/open-store.js';
import type { AlertsConfig, AlertTargetConfig } from './config-alerts.js';

const nowS = (): number => Math.floor(systemClock.nowMs() / 1_000);

function notifierOf({ way, timeoutMs }: AlertTargetConfig): Notifier {
  return way.kind === 'command' ? commandNotifier({ command: way.command, timeoutMs }) : webhookNotifier({ url: way.url, secret: way.secret, timeoutMs, nowS });
}

export function alertPorts({ targets, maxAgeMs }: AlertsConfig, source: AlertSource, { store, alertCursors }: Pick<OpenStore, 'store' | 'alertCursors'>): AlertPorts {
  return {
    targets: targets.map((one) => ({ target: one.name, least: one.least, types: one.types, notifier: notifierOf(one) })),
    cursors: alertCursors, store, source, maxAgeMs,
  };
}
