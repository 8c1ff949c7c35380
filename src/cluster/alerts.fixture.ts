// Events and targets for tests of alerts.
import type { ClusterEvent } from './cluster-event.js';
import type { AlertTarget, Notifier } from './notifier.js';

export const SOURCE = { clusterId: '5f3a', cluster: 'lab' } as const;
export const AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

export function anEvent(seq: number, set: Partial<ClusterEvent> = {}): ClusterEvent {
  return { seq, atMs: AT_MS, type: 'host.silent', severity: 'alert', host: 'host-1', workload: null, operationId: null, message: `event ${seq}`, data: {}, ...set };
}

export function aTarget(notifier: Notifier, set: Partial<Omit<AlertTarget, 'notifier'>> = {}): AlertTarget {
  return { target: 'ops', least: 'warning', types: null, notifier, ...set };
}
