// Leases follow protection, care and disarming; what the store believes is never more than what the host enforces.
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, anOperation, aWorkload, NOW_MS } from '../../test/fixtures/cluster.js';
import { decision, inventory, one, operationsOf, setOf, shown } from './decide.fixture.js';
import type { ClusterView } from './cluster-view.js';
import type { Workload } from '../workloads/workload.js';

const host = aHost('host-1', { fenceDevices: [{ kind: 'watchdog', options: {} }], facts: aFacts({ watchdogDevice: true, bootId: 'boot-host-1' }) });
const vm = aWorkload('vm', one);
const held: Workload = { ...vm, leasedOn: host.id };
const disarm: ClusterView['disarm'] = { mode: 'freeze', by: 'anna', reason: 'switches', sinceMs: NOW_MS, untilMs: NOW_MS + 1_000 };
const view = (workload: Workload, more: Partial<ClusterView> = {}): Partial<ClusterView> => ({ hosts: [host], workloads: [workload], inventories: [inventory(host, [shown(workload, 'running')])], ...more });
const failedRelease = anOperation('lease', { workloadId: vm.id, state: 'failed', endedAtMs: NOW_MS - 60_000, params: { hold: false } });

describe('leases', () => {
  it.each<[string, Partial<ClusterView>, readonly string[]]>([
    ['protected, not yet under one: it comes under it', view(vm), ['lease vm']],
    ['under it: nothing', view(held), []],
    ['no longer protected: given up', view({ ...held, isProtected: false }), ['lease vm']],
    ['unmanaged: given up', view({ ...held, desired: 'unmanaged', state: 'unmanaged' }), ['lease vm']],
    ['disarmed: given up, so that planned work on the network ends nothing', view(held, { disarm }), ['lease vm']],
    ['disarmed: not taken', view(vm, { disarm }), []],
    ['the disarming has run out: taken again', view(vm, { disarm: { ...disarm, untilMs: NOW_MS } }), ['lease vm']],
    ['a release that failed is tried again', view({ ...vm, isProtected: false }, { recentOperations: [failedRelease] }), ['lease vm']],
  ])('%s', (_name, given, expected) => {
    expect(operationsOf(decision(given))).toEqual(expected);
  });

  it('a release is believed before the host is told, a hold only after', () => {
    expect(setOf(decision(view(held, { disarm })), vm.id)).toEqual({ leasedOn: null });
    expect(setOf(decision(view(vm)), vm.id)).toEqual({});
  });
});
