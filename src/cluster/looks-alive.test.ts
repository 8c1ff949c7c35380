// When an SSH answer speaks for a host that nobody hears, and when it does not.
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, aWorkload } from '../../test/fixtures/cluster.js';
import { looksAlive } from './looks-alive.js';

const plain = aHost('host-1');
const leased = aHost('host-1', { fenceDevices: [{ kind: 'watchdog', options: {} }], facts: aFacts({ watchdogDevice: true }) });
const under = aWorkload('vm', leased, { leasedOn: leased.id });
const look = (...runningUuids: readonly string[]): { bootId: string; runningUuids: readonly string[] } => ({ bootId: 'boot-host-1', runningUuids });

describe('an SSH look that answers', () => {
  it.each([
    ['of a host that enforces no lease, whatever runs', plain, [aWorkload('vm', plain)], look(), true],
    ['while something under its lease runs', leased, [under], look(under.uuid), true],
    ['of a host with nothing under its lease', leased, [aWorkload('vm', leased)], look(), true],
    ['when nothing under its lease runs any more', leased, [under], look(), false],
    ['when only others run there', leased, [under], look('another'), false],
    ['when what is under its lease is not wanted running', leased, [{ ...under, desired: 'stopped' as const }], look(), true],
    ['with another boot id', plain, [], { bootId: 'other', runningUuids: [] }, false],
    ['without a boot id', plain, [], { bootId: null, runningUuids: [] }, false],
  ] as const)('%s', (_what, host, workloads, seen, alive) => {
    expect(looksAlive(host, workloads, seen)).toBe(alive);
  });
});
