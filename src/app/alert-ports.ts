// Alerts of one cluster: its targets with their webhooks, beside the store that remembers what was sent.
import type { AlertSource } from '../cluster/alert.js';
import type { AlertPorts } from '../cluster/control/alert-delivery.js';
import { webhookNotifier } from '../notifiers/webhook-notifier.js';
import { systemClock } from '../shared/system/system-clock.js';
import type { OpenStore } from '../store/open-store.js';
import type { AlertsConfig } from './config-alerts.js';

const nowS = (): number => Math.floor(systemClock.nowMs() / 1_000);

export function alertPorts({ targets, maxAgeMs }: AlertsConfig, source: AlertSource, { store, alertCursors }: Pick<OpenStore, 'store' | 'alertCursors'>): AlertPorts {
  return {
    targets: targets.map(({ name, least, types, ...webhook }) => ({ target: name, least, types, notifier: webhookNotifier({ ...webhook, nowS }) })),
    cursors: alertCursors, store, source, maxAgeMs,
  };
}
