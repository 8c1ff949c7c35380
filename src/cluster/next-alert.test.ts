// What is sent next, what is passed over, what is too old; and what a try makes of the cursor.
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { alertWaitMs, failed, isDue, newCursor, succeeded, type AlertCursor } from './alert-cursor.js';
import { anEvent, AT_MS, SOURCE } from './alerts.fixture.js';
import { nextAlert } from './next-alert.js';

const HOUR_MS = 3_600_000;
const input = { filter: { target: 'ops', least: 'alert', types: null } as const, source: SOURCE, nowMs: AT_MS, maxAgeMs: 24 * HOUR_MS };
const cursor = newCursor('ops', 10);
const old = { atMs: AT_MS - 25 * HOUR_MS };

describe('next', () => {
  it('is nothing where there is nothing, and then nothing moves', () => {
    expect(nextAlert(cursor, [], input)).toEqual({ cursor, alert: null, seq: null, rest: [] });
  });

  it('is the first that is wanted; those before are passed over, those behind are left', () => {
    const events = [anEvent(11, { severity: 'info' }), anEvent(13), anEvent(14)];
    expect(nextAlert(cursor, events, input)).toMatchObject({ cursor: { seq: 11, skipped: null }, alert: { seq: 13 }, seq: 13, rest: [{ seq: 14 }] });
  });

  it('moves on over a batch of which nothing is wanted', () => {
    expect(nextAlert(cursor, [anEvent(11, { severity: 'info' }), anEvent(12, { severity: 'notice' })], input)).toMatchObject({ cursor: { seq: 12 }, alert: null, rest: [] });
  });

  it('sends what is just young enough', () => {
    expect(nextAlert(cursor, [anEvent(11, { atMs: AT_MS - 24 * HOUR_MS })], input).alert).toMatchObject({ seq: 11 });
  });

  it('counts what is too old and wanted, and tells that before what follows', () => {
    const events = [anEvent(11, old), anEvent(12, { ...old, severity: 'info' }), anEvent(13, old), anEvent(14)];
    const next = nextAlert(cursor, events, input);
    expect(next).toMatchObject({ cursor: { seq: 13, skipped: { count: 2, firstSeq: 11, lastSeq: 13 } }, alert: { type: 'alert.skipped', id: '5f3a-skipped-11-13' }, seq: null, rest: [{ seq: 14 }] });
    const told = succeeded(next.cursor, next.seq, AT_MS).cursor;
    expect(told).toMatchObject({ seq: 13, skipped: null });
    expect(nextAlert(told, next.rest, input).alert).toMatchObject({ seq: 14 });
  });

  it('goes on counting while the summary itself can’t be sent', () => {
    const first = failed(nextAlert(cursor, [anEvent(11, old)], input).cursor, 'down', AT_MS).cursor;
    expect(nextAlert(first, [anEvent(12)], { ...input, nowMs: AT_MS + 25 * HOUR_MS })).toMatchObject({ cursor: { seq: 12, skipped: { count: 2, firstSeq: 11, lastSeq: 12 } }, alert: { id: '5f3a-skipped-11-12' } });
  });

  it('sends or counts each event that is wanted once, in order, whatever there is', () => {
    const kinds = fc.record({ isOld: fc.boolean(), severity: fc.constantFrom('info' as const, 'alert' as const) });
    fc.assert(fc.property(fc.array(kinds, { maxLength: 30 }), fc.integer({ min: 1, max: 7 }), (list, batch) => {
      const events = list.map(({ isOld, severity }, nth) => anEvent(11 + nth, { severity, ...(isOld ? old : {}) }));
      const [sent, counted] = run(cursor, events, batch);
      expect(sent).toEqual(events.filter((one) => one.severity === 'alert' && one.atMs === AT_MS).map((one) => one.seq));
      expect(counted).toBe(events.filter((one) => one.severity === 'alert' && one.atMs !== AT_MS).length);
    }));
  });
});

/** Sends all of it, with a read of `batch` events at a time. */
function run(from: AlertCursor, events: readonly ReturnType<typeof anEvent>[], batch: number): [number[], number] {
  let at = from;
  const sent: number[] = [];
  let counted = 0;
  for (;;) {
    const next = nextAlert(at, events.filter((one) => one.seq > at.seq).slice(0, batch), input);
    if (next.alert === null && next.cursor === at) return [sent, counted];
    if (next.seq !== null) sent.push(next.seq);
    else if (next.alert) counted += next.cursor.skipped?.count ?? 0;
    at = next.alert === null ? next.cursor : succeeded(next.cursor, next.seq, AT_MS).cursor;
  }
}

describe('after a failure', () => {
  it('waits a second, doubling to five minutes, for ever', () => {
    expect([1, 2, 3, 4, 9, 10, 1_000_000].map(alertWaitMs)).toEqual([1_000, 2_000, 4_000, 8_000, 256_000, 300_000, 300_000]);
  });

  it('counts tries and keeps since when; the position stays', () => {
    const twice = failed(failed(cursor, 'first', AT_MS).cursor, 'second', AT_MS + 1_000).cursor;
    expect(twice).toEqual({ ...cursor, failure: { sinceMs: AT_MS, attempts: 2, why: 'second', lastAtMs: AT_MS + 1_000, nextAtMs: AT_MS + 3_000 } });
  });

  it('tells it once, from the second on, and once that it works again', () => {
    let at = cursor;
    const told: string[] = [];
    const tell = ({ cursor: next, events }: ReturnType<typeof failed>): void => {
      at = next;
      told.push(...events.map((one) => `${one.type} ${String(one.data['target'])}`));
    };
    tell(failed(at, 'down', AT_MS));
    tell(succeeded(at, 11, AT_MS));
    expect(told).toEqual([]);
    for (let attempt = 0; attempt < 5; attempt += 1) tell(failed(at, 'down', AT_MS));
    expect(told).toEqual(['alert.delivery-failing ops']);
    tell(succeeded(at, 12, AT_MS));
    tell(succeeded(at, 13, AT_MS));
    expect(told).toEqual(['alert.delivery-failing ops', 'alert.delivery-works ops']);
    expect(at).toMatchObject({ seq: 13, lastSuccessAtMs: AT_MS, failure: null });
  });

  it('is due when its time has come, when a later test succeeded, or when the clock was set back', () => {
    const { failure } = failed(cursor, 'down', AT_MS).cursor;
    const due = (nowMs: number, testedAtMs: number | null = null): boolean => isDue({ failure, testedAtMs }, nowMs);
    expect([due(AT_MS + 999), due(AT_MS + 1_000)]).toEqual([false, true]);
    expect([due(AT_MS + 1, AT_MS - 1), due(AT_MS + 3, AT_MS + 2)]).toEqual([false, true]);
    expect(due(AT_MS - HOUR_MS)).toBe(true);
    expect(isDue({ failure: null, testedAtMs: null }, AT_MS)).toBe(true);
  });
});
