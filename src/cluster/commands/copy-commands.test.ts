// Copies as people see them, and which of them a person may delete.
import { describe, expect, it } from 'vitest';
import { aHost, anOperation, aView, aWorkload, NOW_MS } from '../../../test/fixtures/cluster.js';
import type { Replica, ReplicaKind, ReplicasLook } from '../../hosts/hypervisor.js';
import type { Workload } from '../../workloads/workload.js';
import type { ClusterView } from '../cluster-view.js';
import { assertDiscardable, copiesDocument, discarding } from './copy-commands.js';

const [home, standby, other] = [aHost('host-1'), aHost('host-2'), aHost('host-3')];
const kept = { hostId: standby.id, asOfMs: NOW_MS - 60_000, triedAtMs: NOW_MS - 60_000, why: null, isToldLate: false };
const web = (set: Partial<Workload> = {}): Workload => aWorkload('web', home, { replica: kept, replication: { everyMs: 60_000 }, ...set });
const view = (set: Partial<ClusterView> = {}): ClusterView => aView({ hosts: [home, standby, other], workloads: [web()], ...set });
const copy = (kind: ReplicaKind, asOfMs: number | null = NOW_MS - 60_000, uuid = web().uuid): Replica => ({ uuid, name: 'web', kind, asOfMs });
const shown = (host: typeof home, ...replicas: readonly Replica[]) => ({ hostId: host.id, answer: { replicas, mute: [] as ReplicasLook['mute'] } });

describe('copiesDocument', () => {
  it('says what each copy is good for, and of whom nothing is known', () => {
    const asked = [shown(standby, copy('replica'), copy('spare', null)), shown(home, copy('spare', null)), { hostId: other.id, answer: { why: 'it does not answer' } }];
    expect(copiesDocument(view(), asked, 'web')).toEqual({
      copies: [
        expect.objectContaining({ host: 'host-1', kind: 'spare', isLeftover: true, isRecoveredFrom: false }),
        expect.objectContaining({ host: 'host-2', kind: 'replica', isLeftover: false, isRecoveredFrom: true }),
        expect.objectContaining({ host: 'host-2', kind: 'spare', isLeftover: false, isRecoveredFrom: false, asOfMs: null }),
      ],
      unseen: [{ host: 'host-3', why: 'it does not answer' }],
    });
  });

  it('shows what one daemon of a host has, and of which other nothing is known', () => {
    const asked = [{ hostId: standby.id, answer: { replicas: [copy('replica')], mute: [{ driver: 'incus' as const, why: 'it did not answer in time' }] } }];
    expect(copiesDocument(view(), asked, 'web')).toMatchObject({ copies: [{ host: 'host-2', kind: 'replica' }], unseen: [{ host: 'host-2', why: 'incus: it did not answer in time' }] });
  });

  it('shows those of workloads that are not known any more among all, and none of them for one', () => {
    const asked = [shown(other, copy('replica', 1, 'gone'), copy('set-aside', null))];
    expect(copiesDocument(view(), asked, null).copies.map(({ workload, kind, isLeftover }) => [workload, kind, isLeftover])).toEqual([[null, 'replica', true], ['web', 'set-aside', false]]);
    expect(copiesDocument(view(), asked, 'web').copies.map(({ kind }) => kind)).toEqual(['set-aside']);
    expect(() => copiesDocument(view(), asked, 'nobody')).toThrow(/nobody/);
  });
});

describe('assertDiscardable', () => {
  const there = [copy('replica'), copy('spare'), copy('set-aside', null)];
  const ask = (host: string, kind: ReplicaKind, { force = false, isAtHome = true, on = view() } = {}) => () => assertDiscardable(on, 'web', { host, kind, force }, { there, isAtHome });

  it('lets go what nothing would be recovered from', () => {
    expect(ask('host-2', 'spare')()).toMatchObject({ copy: { kind: 'spare' } });
    expect(ask('host-3', 'replica')()).toMatchObject({ host: { name: 'host-3' } });
    expect(ask('host-3', 'set-aside')()).toMatchObject({ copy: { kind: 'set-aside' } });
  });

  it('refuses what it would be recovered from, unless it is forced', () => {
    expect(ask('host-2', 'replica')).toThrow(/would be recovered from the replica on host-2/);
    expect(ask('host-2', 'replica', { force: true })()).toMatchObject({ copy: { kind: 'replica' } });
  });

  it.each<ReplicaKind>(['replica', 'spare', 'set-aside'])('refuses a %s while it is not seen at its home, unless it is forced', (kind) => {
    expect(ask('host-3', kind, { isAtHome: false })).toThrow(/all that is left/);
    expect(ask('host-3', kind, { isAtHome: false, force: true })()).toMatchObject({ copy: { kind } });
  });

  it('refuses what is not there, and while something is under way with it, forced or not', () => {
    expect(() => assertDiscardable(view(), 'web', { host: 'host-3', kind: 'spare', force: true }, { there: [], isAtHome: true })).toThrow(/no copy of web that is a spare/);
    for (const operation of [anOperation('recover', { workloadId: web().id }), anOperation('replicate', { params: { workload: web().id } })]) {
      expect(ask('host-3', 'spare', { force: true, on: view({ operations: [operation] }) })).toThrow(/under way/);
    }
  });
});

describe('discarding', () => {
  const changes = (host: string, kind: ReplicaKind) => discarding(view(), { by: 'anna', name: 'web', host, kind });

  it('is written down before it is done: what it was recovered from counts no more', () => {
    expect(changes('host-2', 'replica')).toMatchObject([{ change: 'workload', set: { replica: null } }, { change: 'event', event: { type: 'workload.copy-discarded' } }]);
    expect(changes('host-2', 'spare')).toMatchObject([{ change: 'event' }]);
    expect(changes('host-3', 'replica')).toMatchObject([{ change: 'event' }]);
  });
});
