// Reads how it stands with each target; any replica can tell.
import { alertTargetState, type AlertTargetState } from '../alert-target-state.js';
import type { AlertPorts } from './alert-delivery.js';

/** Events looked at for what waits; beyond, people are told "more than". */
const LOOKED_AT = 500;

export async function alertStates({ targets, cursors, store }: AlertPorts): Promise<readonly AlertTargetState[]> {
  if (targets.length === 0) return [];
  const kept = new Map((await cursors.list()).map((one) => [one.target, one]));
  return Promise.all(targets.map(async (target) => {
    const cursor = kept.get(target.target) ?? null;
    const events = cursor === null ? [] : await store.events(cursor.seq, LOOKED_AT);
    return alertTargetState(target, cursor, { events, areAll: events.length < LOOKED_AT });
  }));
}
