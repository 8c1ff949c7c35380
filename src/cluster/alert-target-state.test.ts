// What people are shown of a target, and which problems that is.
import { describe, expect, it } from 'vitest';
import { SimulatedNotifier } from '../sim/simulated-notifier.js';
import { failed, newCursor, succeeded, type AlertCursor } from './alert-cursor.js';
import { alertProblems, alertTargetState } from './alert-target-state.js';
import { anEvent, AT_MS, aTarget } from './alerts.fixture.js';

const target = aTarget(new SimulatedNotifier());
const events = [anEvent(11), anEvent(12, { severity: 'info' }), anEvent(13)];
const state = (cursor: AlertCursor | null, testedAtMs: number | null = null, areAll = true) => alertTargetState(target, cursor && { ...cursor, testedAtMs }, { events, areAll });

describe('a target', () => {
  it('that is new: nothing waits, and nobody knows whether it works', () => {
    const fresh = alertTargetState(target, null, { events: [], areAll: true });
    expect(fresh).toMatchObject({ name: 'ops', waiting: 0, lastSuccessAtMs: null, failure: null });
    expect(alertProblems([fresh])).toMatchObject([{ code: 'alerts-untried', severity: 'warning', about: 'ops', remedy: 'reeve alert test ops' }]);
  });

  it('that was told, or tested, is no problem', () => {
    expect(alertProblems([state(succeeded(newCursor('ops', 10), 10, AT_MS).cursor), state(newCursor('ops', 10), AT_MS)])).toEqual([]);
    expect(state({ ...newCursor('ops', 10), lastSuccessAtMs: AT_MS - 5 }, AT_MS).lastSuccessAtMs).toBe(AT_MS);
  });

  it('that fails says why, how often and what waits', () => {
    const failing = failed(newCursor('ops', 10), 'it answered 500', AT_MS).cursor;
    expect(state(failing)).toMatchObject({ waiting: 2, moreWait: false, oldestWaitingAtMs: AT_MS });
    expect(alertProblems([state(failing)])).toMatchObject([{ code: 'alerts-failing', severity: 'alert', about: 'ops', evidence: 'alerts do not arrive (1 try, 2 wait): it answered 500' }]);
    expect(alertProblems([state(failing, null, false)])[0]?.evidence).toContain('more than 2 wait');
  });

  it('that failed before a test succeeded does not fail any more', () => {
    const failing = failed(newCursor('ops', 10), 'down', AT_MS).cursor;
    expect([state(failing, AT_MS - 1).failure?.why, state(failing, AT_MS + 1).failure]).toEqual(['down', null]);
  });
});
