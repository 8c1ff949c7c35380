// Where the copy of a workload is kept, and made anew.
import { describe, expect, it } from 'vitest';
import { aFacts, aHost, anOperation, aWorkload, NOW_MS } from '../../test/fixtures/cluster.js';
import type { Host } from '../hosts/host.js';
import type { Workload, WorkloadReplica } from '../workloads/workload.js';
import { changesOf, decision, heard, inventory, operationsOf, shown, Story } from './decide.fixture.js';

const withLxd = (name: string): Host => aHost(name, { facts: aFacts({ containerDaemons: [{ driver: 'lxd', version: '5', address: 'x:8443', isClustered: false, criu: false, pools: [{ name: 'default', driver: 'dir', source: null }], filesystems: [], networks: [], profiles: [] }] }) });
const hosts = ['host-1', 'host-2', 'host-3'].map(withLxd);
const [home, second, third] = hosts as [Host, Host, Host];
const vm = aWorkload('ct', home);
const ct: Workload = { ...vm, needs: { ...vm.needs, disks: [], driver: 'lxd', accelerator: 'none', instance: { pool: 'default', profiles: [], networks: [] } }, replication: { everyMs: 60_000 } };
const replica = (set: Partial<WorkloadReplica>): WorkloadReplica => ({ hostId: second.id, asOfMs: null, triedAtMs: NOW_MS - 90_000, why: null, isToldLate: false, ...set });
const failed = (target: Host) => anOperation('replicate', { hostId: home.id, targetHostId: target.id, params: { workload: ct.id }, state: 'failed', endedAtMs: NOW_MS - 80_000, why: 'x' });

const copiesOf = (set: Partial<Workload>, recentOperations: readonly ReturnType<typeof failed>[] = []) => decision({ hosts, workloads: [{ ...ct, ...set }], inventories: hosts.map((one) => inventory(one, one === home ? [shown(ct, 'running')] : [])), recentOperations }, { verdict: heard() });
const targetsOf = (result: ReturnType<typeof copiesOf>): readonly string[] => operationsOf(result).filter((what) => what.startsWith('replicate'));

describe('the copy of a workload', () => {
  it('is made where it is, when it is due, and not before', () => {
    expect(targetsOf(copiesOf({ replica: replica({ hostId: third.id, asOfMs: NOW_MS - 90_000 }) }))).toEqual([expect.stringContaining('host-3')]);
    expect(targetsOf(copiesOf({ replica: replica({ hostId: third.id, asOfMs: NOW_MS - 30_000, triedAtMs: NOW_MS - 30_000 }) }))).toEqual([]);
  });

  it('that can not be written where it was tried is made on another host, and is known to be there', () => {
    const [only] = targetsOf(copiesOf({ replica: null }));
    const first = only?.includes('host-2') ? second : third;
    const other = first === second ? third : second;
    const result = copiesOf({ replica: replica({ hostId: first.id, why: 'the destination has what it wrote before' }) }, [failed(first)]);
    expect(targetsOf(result)).toEqual([expect.stringContaining(other.name)]);
    expect(changesOf(result).find((one) => one.change === 'workload')).toMatchObject({ set: { replica: { hostId: other.id, asOfMs: null } } });
  });

  it('that is whole stays what it is recovered from, though it can not be made anew', () => {
    const whole = replica({ asOfMs: NOW_MS - 90_000, why: 'no answer' });
    expect(targetsOf(copiesOf({ replica: whole }, [failed(second)]))).toEqual([expect.stringContaining('host-2')]);
  });

  it('is kept in another zone where one is heard, and in its own where there is no other', () => {
    const inZones = (zones: readonly (string | null)[]): readonly string[] => {
      const zoned = hosts.map((host, nth) => ({ ...host, zone: zones[nth] ?? null }));
      return targetsOf(decision({ hosts: zoned, workloads: [ct], inventories: zoned.map((one) => inventory(one, one === zoned[0] ? [shown(ct, 'running')] : [])) }, { verdict: heard() }));
    };
    for (const [zones, target] of [[['a', 'b', 'a'], 'host-2'], [['a', 'a', 'b'], 'host-3'], [['a', null, 'b'], 'host-3'], [['a', 'b', null], 'host-2']] as const) expect(inZones(zones)).toEqual([expect.stringContaining(target)]);
    expect(inZones(['a', 'a', 'a'])).toHaveLength(1);
  });

  it('in another zone that failed is tried in its own', () => {
    const zoned = hosts.map((host, nth) => ({ ...host, zone: nth === 1 ? 'b' : 'a' }));
    expect(targetsOf(decision({ hosts: zoned, workloads: [{ ...ct, replica: replica({ why: 'no space' }) }], inventories: zoned.map((one) => inventory(one, one === zoned[0] ? [shown(ct, 'running')] : [])), recentOperations: [failed(second)] }, { verdict: heard() }))).toEqual([expect.stringContaining('host-3')]);
  });

  describe('of one that was recovered from its copy', () => {
    const told = (story: Story): readonly string[] => story.view.workloads.length === 0 ? [] : changesOf(story.last).flatMap((change) => (change.change === 'event' && change.event.type === 'workload.replica-late' ? [change.event.message] : []));
    const rounds = (story: Story, times: number, stepMs: number): readonly string[] => Array.from({ length: times }).flatMap(() => {
      story.nowMs += stepMs;
      for (const host of story.view.hosts) story.show(host, host.id === home.id ? [shown(ct, 'running')] : []);
      story.round();
      return told(story);
    });

    it('is not late when the first one at its new home has just begun', () => {
      const story = new Story({ hosts: [home, third], workloads: [{ ...ct, replication: { everyMs: 3_600_000, sinceMs: NOW_MS - 30 * 86_400_000 } }] });
      expect(rounds(story, 5, 1_000)).toEqual([]);
      expect(story.view.operations.map(({ kind }) => kind)).toEqual(['replicate']);
    });

    it('is told of again when there is none again', () => {
      const away = { ...second, intent: 'maintenance' as const };
      const story = new Story({ hosts: [home, away], workloads: [{ ...ct, replica: null, replication: { everyMs: 60_000, sinceMs: NOW_MS } }] });
      expect(rounds(story, 20, 60_000)).toHaveLength(1);
      story.view = { ...story.view, hosts: [home, second] };
      rounds(story, 1, 1_000);
      expect(story.workload('ct').replication).not.toHaveProperty('isToldNone');
      story.view = { ...story.view, hosts: [home, away], operations: [], workloads: [{ ...story.workload('ct'), replica: null }] };
      expect(rounds(story, 20, 60_000)).toHaveLength(1);
    });
  });

  describe('that was never made', () => {
    const alone = (set: Partial<Workload>) => decision({ hosts: [home], workloads: [{ ...ct, ...set }], inventories: [inventory(home, [shown(ct, 'running')])] }, { verdict: heard() });
    const late = (result: ReturnType<typeof alone>): readonly string[] => changesOf(result).flatMap((one) => (one.change === 'event' && one.event.type === 'workload.replica-late' ? [one.event.message] : []));

    it('is told once, with what keeps it from being made', () => {
      const asked = { everyMs: 60_000, sinceMs: NOW_MS - 700_000 };
      const first = alone({ replication: asked });
      expect(late(first)).toEqual([expect.stringMatching(/there is none: no host may keep a copy of it/)]);
      expect(changesOf(first).find((one) => one.change === 'workload')).toMatchObject({ set: { replication: { ...asked, isToldNone: true } } });
      expect(late(alone({ replication: { ...asked, isToldNone: true } }))).toEqual([]);
    });

    it('is not late while a first copy may still be on its way', () => {
      expect(late(alone({ replication: { everyMs: 60_000, sinceMs: NOW_MS - 300_000 } }))).toEqual([]);
      const begun = replica({ triedAtMs: NOW_MS - 30_000 });
      expect(late(copiesOf({ replication: { everyMs: 60_000, sinceMs: NOW_MS - 300_000 }, replica: begun }))).toEqual([]);
      expect(late(copiesOf({ replication: { everyMs: 60_000, sinceMs: NOW_MS - 700_000 }, replica: begun }))).toEqual([expect.stringContaining('there is none')]);
    });
  });

  it('that failed everywhere is tried again', () => {
    expect(targetsOf(copiesOf({ replica: replica({ why: 'x' }) }, [failed(second), failed(third)]))).toHaveLength(1);
  });
});
