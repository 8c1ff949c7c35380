// What lists of changes come to.
import { describe, expect, it } from 'vitest';
import { aHost, aWorkload } from '../../test/fixtures/cluster.js';
import type { PlacementRule } from '../scheduler/placement-rule.js';
import type { Change } from './change.js';
import { event } from './cluster-event.js';
import { namedIn, settleChanges, type Before, type Settled } from './settle-changes.js';

const host = aHost('h1');
const workload = aWorkload('w1', host, { workloadEpoch: 4 });
const rule: PlacementRule = { name: 'r1', type: 'keep-apart', workloads: [workload.id], hard: true };
const before: Before = { hosts: new Map([[host.id, host]]), workloads: new Map([[workload.id, workload]]), rules: new Map([['r1', rule]]) };
const start: Change = { change: 'operation', operation: { kind: 'start', workloadId: workload.id, hostId: host.id, targetHostId: null, requestedBy: 'test', reason: 'test' } };
const epoch = (to: number): Change => ({ change: 'workload', id: workload.id, set: { workloadEpoch: to } });

function settled(...changes: Change[]): Settled {
  const result = settleChanges(changes, before);
  if (!result.ok) throw new Error(result.error.why);
  return result.value;
}

describe('what changes come to', () => {
  it('gives an operation an epoch of its own, above the way there and the way back of the one before', () => {
    for (const [changes, expected] of [[[start], 6], [[epoch(5), start], 7], [[start, epoch(5)], 6]] as const) {
      const after = settled(...changes);
      expect(after.operations[0]?.workloadEpoch).toBe(expected);
      expect(after.workloads.get(workload.id)?.workloadEpoch).toBe(expected);
    }
  });

  it('never lowers the epoch of a workload', () => {
    expect(settled(epoch(9), epoch(3)).workloads.get(workload.id)?.workloadEpoch).toBe(9);
  });

  it('merges fields one change after the other', () => {
    const after = settled({ change: 'host', id: host.id, set: { cordoned: true } }, { change: 'host', id: host.id, set: { why: 'x' } }).hosts.get(host.id);
    expect(after).toEqual({ ...host, cordoned: true, why: 'x' });
  });

  it('takes a change of something removed as void', () => {
    const other = aHost('gone');
    expect(settled({ change: 'host', id: other.id, set: { cordoned: true } }).hosts.size).toBe(0);
    expect(settled({ change: 'remove-workload', id: workload.id }, epoch(9)).workloads.get(workload.id)).toBeNull();
  });

  it('refuses an operation on a workload that is not there, and a second thing with the same id', () => {
    expect(settleChanges([{ change: 'remove-workload', id: workload.id }, start], before)).toMatchObject({ ok: false, error: { code: 'stale-view' } });
    expect(settleChanges([{ change: 'add-host', host }], before)).toMatchObject({ ok: false, error: { code: 'name-taken' } });
    expect(settleChanges([{ change: 'add-workload', workload }], before)).toMatchObject({ ok: false, error: { code: 'name-taken' } });
  });

  it('keeps rules by name: a taken name is refused, a name that was freed is not', () => {
    expect(settleChanges([{ change: 'add-rule', rule }], before)).toMatchObject({ ok: false, error: { code: 'name-taken' } });
    expect(settled({ change: 'remove-rule', name: 'r1' }, { change: 'add-rule', rule }).rules.get('r1')).toEqual(rule);
    expect(settled({ change: 'remove-rule', name: 'r1' })).toMatchObject({ raisesVersion: true, rules: new Map([['r1', null]]) });
    expect(namedIn([{ change: 'add-rule', rule }]).ruleNames).toEqual(['r1']);
  });

  it('raises the version for all but events', () => {
    expect(settled({ change: 'event', event: event('x', 'y') }).raisesVersion).toBe(false);
    expect(settled({ change: 'disarm', disarm: null })).toMatchObject({ raisesVersion: true, disarm: null });
    expect(settled(epoch(5)).disarm).toBeUndefined();
  });

  it('names all that must be known beforehand', () => {
    const added = aWorkload('w2', null);
    expect(namedIn([start, epoch(5), { change: 'add-workload', workload: added }, { change: 'host', id: host.id, set: {} }])).toEqual({ hostIds: [host.id], workloadIds: [workload.id, added.id], ruleNames: [] });
  });
});
