// What people are told before a host is lost.
import { describe, expect, it } from 'vitest';
import { aHost, aWorkload, NOW_MS } from '../../test/fixtures/cluster.js';
import { recoverableBy } from './recoverable-by.js';
import type { Workload } from './workload.js';

const [home, other] = [aHost('host-1'), aHost('host-2')];
const vm = aWorkload('vm', home);
const contained: Workload = { ...vm, needs: { ...vm.needs, driver: 'lxd', instance: { pool: 'default', profiles: [], networks: [] } } };
const kept: Workload = { ...contained, replication: { everyMs: 300_000 } };
const replica = { hostId: other.id, asOfMs: NOW_MS - 250_000, triedAtMs: NOW_MS, why: null, isToldLate: false };

const nameOf = (id: string): string | null => [home, other].find((one) => one.id === id)?.name ?? null;

describe('recoverableBy', () => {
  it('a pool that others see goes before a copy, and is of use to what is protected only', () => {
    const pool = { pool: 'ha-host-1', takers: ['host-2', 'host-3'], home: 'host-1', isProvenByDevice: true };
    expect(recoverableBy(contained, { nameOf, nowMs: NOW_MS, pool })).toEqual({ by: 'pool', summary: 'pool ha-host-1 taken over by host-2 or host-3, RPO 0, once a fence device says that host-1 has no power', rpoMs: 0 });
    expect(recoverableBy({ ...kept, replica }, { nameOf, nowMs: NOW_MS, pool })).toMatchObject({ by: 'pool', summary: expect.stringMatching(/RPO 0.*; while that is not proven: replica on host-2, RPO 4 m 10 s$/) as string, rpoMs: 0 });
    expect(recoverableBy({ ...contained, isProtected: false }, { nameOf, nowMs: NOW_MS, pool }).by).toBe('nothing');
  });

  it('a pool of a host without a device for its power waits for a person, and a copy goes before it', () => {
    const pool = { pool: 'ha-host-1', takers: ['host-2'], home: 'host-1', isProvenByDevice: false };
    expect(recoverableBy(contained, { nameOf, nowMs: NOW_MS, pool })).toMatchObject({ by: 'pool', summary: expect.stringContaining('once a person has confirmed that host-1 has no power') as string, rpoMs: 0 });
    expect(recoverableBy({ ...kept, replica }, { nameOf, nowMs: NOW_MS, pool })).toMatchObject({ by: 'replica', summary: expect.stringMatching(/^replica on host-2.*its pool ha-host-1 has is newer/) as string, rpoMs: 250_000 });
  });

  it.each<[string, Workload, string, string, number | null]>([
    ['disks that others reach', vm, 'shared-storage', 'its disks, which other hosts reach', null],
    ['not protected', { ...vm, isProtected: false }, 'nothing', 'reeve workload protect vm', null],
    ['data at its host alone', contained, 'nothing', 'reeve workload replicate vm', null],
    ['no copy yet', kept, 'nothing', 'nothing yet: no whole copy of it was made', null],
    ['no copy, and why', { ...kept, replica: { ...replica, asOfMs: null, why: 'no pool' } }, 'nothing', 'was made: no pool', null],
    ['a copy', { ...kept, replica }, 'replica', 'replica on host-2, RPO 4 m 10 s', 250_000],
    ['a fresh copy', { ...kept, replica: { ...replica, asOfMs: NOW_MS - 2_400 } }, 'replica', 'replica on host-2, RPO 2 s', 2_400],
    ['an old copy', { ...kept, replica: { ...replica, asOfMs: NOW_MS - 7_500_000 } }, 'replica', 'RPO 2 h 5 m', 7_500_000],
  ])('%s', (_name, workload, by, summary, rpoMs) => {
    const told = recoverableBy(workload, { nameOf, nowMs: NOW_MS, pool: null });
    expect(told).toMatchObject({ by, rpoMs, summary: expect.stringContaining(summary) });
  });
});
