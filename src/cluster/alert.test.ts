// Which events a target wants, and how an alert looks.
import { describe, expect, it } from 'vitest';
import { alertOf, DELIVERY_FAILING, DELIVERY_WORKS, SEVERITIES, skippedAlert, testAlert, wants, type AlertFilter } from './alert.js';
import { anEvent, AT_MS, SOURCE } from './alerts.fixture.js';

const filter = (set: Partial<AlertFilter>): AlertFilter => ({ target: 'ops', least: 'info', types: null, ...set });

describe('a target wants', () => {
  it.each(SEVERITIES.map((least, rank) => [least, SEVERITIES.slice(rank)] as const))('at least %s: %j', (least, wanted) => {
    expect(SEVERITIES.filter((severity) => wants(filter({ least }), anEvent(1, { severity })))).toEqual(wanted);
  });

  it.each<[readonly string[] | null, string, boolean]>([
    [null, 'host.silent', true],
    [['host.silent'], 'host.silent', true],
    [['host.silent'], 'host.silently', false],
    [['host.*'], 'host.silent', true],
    [['host.*'], 'hosts.silent', false],
    [['host.*'], 'workload.error', false],
    [['*.error'], 'workload.error', true],
    [['host.*', 'workload.*'], 'workload.error', true],
    [['*'], 'leader', true],
    [['host.silen.'], 'host.silent', false],
    [['(', 'host.+'], 'host.silent', false],
  ])('types %j: %s is %s', (types, type, expected) => {
    expect(wants(filter({ types }), anEvent(1, { type }))).toBe(expected);
  });

  it('both: the severity and the type', () => {
    expect(wants(filter({ least: 'alert', types: ['host.*'] }), anEvent(1, { severity: 'warning' }))).toBe(false);
  });

  it('to hear of delivery to others, never of its own', () => {
    for (const type of [DELIVERY_FAILING, DELIVERY_WORKS]) {
      expect(wants(filter({}), anEvent(1, { type, data: { target: 'ops' } }))).toBe(false);
      expect(wants(filter({}), anEvent(1, { type, data: { target: 'others' } }))).toBe(true);
    }
  });
});

describe('an alert', () => {
  it('says what the event says, and is the same whenever it is made', () => {
    const event = anEvent(7, { operationId: 'op-1', workload: 'vm-1', message: 'host-1 is silent' });
    const alert = alertOf(SOURCE, event);
    expect(alert).toEqual({ id: '5f3a-7', cluster: 'lab', seq: 7, type: 'host.silent', severity: 'alert', host: 'host-1', workload: 'vm-1', operation: 'op-1', why: 'host-1 is silent', at: '2026-01-02T03:04:05.678Z' });
    expect(alertOf(SOURCE, event)).toEqual(alert);
  });

  it('that is a test says by whom, and is another than the last', () => {
    const [one, other] = ['a', 'b'].map((nonce) => testAlert(SOURCE, { by: 'anna', nowMs: AT_MS, nonce }));
    expect(one).toMatchObject({ type: 'alert.test', severity: 'alert', seq: null, why: expect.stringContaining('anna') as string });
    expect(one?.id).not.toBe(other?.id);
  });

  it('about those that were skipped says how many, and how to read them', () => {
    expect(skippedAlert(SOURCE, { count: 2, firstSeq: 4, lastSeq: 9 }, AT_MS)).toMatchObject({ id: '5f3a-skipped-4-9', type: 'alert.skipped', why: '2 alerts were too old to be sent once this target could be reached; `reeve events --after 3` shows them' });
  });
});
