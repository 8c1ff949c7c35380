// What operators may say of a host, and what the facts contradict.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aHost, aVerdict, aView, NOW_MS, silentVerdict } from '../../../test/fixtures/cluster.js';
import type { Host } from '../../hosts/host.js';
import { observed } from '../../workloads/hypervisor.fixture.js';
import type { HostVerdict } from '../verdict.js';
import { confirmOff } from './host-commands.js';

const host = aHost('host-3', { condition: 'silent' });
const asked = { by: 'anna', nowMs: NOW_MS, reason: 'the plug is out' };
const confirm = (verdict: HostVerdict) => confirmOff(aView({ hosts: [host] }), aClusterVerdict([verdict]), 'host-3', asked);
const answered = (bootId: string | null, agoMs: number) => silentVerdict(host, { probe: { answered: true, bootId, runningUuids: ['u'], atMs: NOW_MS - agoMs } });

describe('confirmOff', () => {
  it('takes a person at their word, and keeps it as the proof', () => {
    expect(confirm(silentVerdict(host))).toContainEqual(
      expect.objectContaining({ change: 'host', set: expect.objectContaining({ condition: 'fenced', proof: expect.objectContaining({ kind: 'operator', evidence: 'anna vouched that host-3 is off: the plug is out' }) }) }),
    );
  });

  it('is taken for a host whose lease is over: what did not run under it may run on', () => {
    const proven = (kind: 'lease-expired' | 'power-off' | 'new-boot' | 'stopped'): Host => ({ ...host, condition: 'fenced', proof: { kind, evidence: 'proven', atMs: NOW_MS, bootId: host.bootId, hostEpoch: 1 } });
    const vouch = (one: Host) => confirmOff(aView({ hosts: [one] }), aClusterVerdict([silentVerdict(one)]), 'host-3', asked);
    expect(vouch(proven('lease-expired'))).toContainEqual(expect.objectContaining({ change: 'host', set: expect.objectContaining({ proof: expect.objectContaining({ kind: 'operator' }) }) }));
    // What only a host without power gives up, a pool on a LUN, waits for that word too.
    for (const kind of ['new-boot', 'stopped'] as const) expect(vouch(proven(kind))).not.toEqual([]);
    expect(() => vouch(proven('power-off'))).toThrow('only a silent host');
    // It came back since, was seen, and is gone again.
    const seenSince = { hostId: host.id, atMs: NOW_MS + 1, bootId: 'boot-b', workloads: [observed('running')], unadmitted: { proofAtMs: NOW_MS } };
    const again: Host = { ...proven('power-off'), conditionSinceMs: NOW_MS };
    const view = aView({ hosts: [again], inventories: [seenSince] });
    expect(confirmOff(view, aClusterVerdict([silentVerdict(again)]), 'host-3', asked)).not.toEqual([]);
    // Its agent is dead, and it answers with the boot in which the copy runs.
    expect(() => confirmOff(view, aClusterVerdict([{ ...answered('boot-b', 500), hostId: again.id }]), 'host-3', asked)).toThrow('answers SSH right now');
  });

  it('is refused while the host is heard, or answers SSH with the same boot', () => {
    expect(() => confirm(aVerdict(host))).toThrow('is heard right now');
    expect(() => confirm(answered(host.bootId, 500))).toThrow('answers SSH right now');
  });

  it('is not held up by an old answer', () => {
    expect(confirm(answered(host.bootId, 30_000))).not.toEqual([]);
  });
});
