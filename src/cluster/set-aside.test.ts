// A silent host with nothing protected on it: without a vote after a while, in no count, and back among the voters as soon as it matters again.
import { describe, expect, it } from 'vitest';
import { anOperation, aVerdict, aClusterVerdict, aWorkload, NOW_MS, silentVerdict } from '../../test/fixtures/cluster.js';
import { changesOf, decision, holdsOf, one, operationsOf, three, two, whyOf } from './decide.fixture.js';
import type { Host } from '../hosts/host.js';
import type { ClusterView } from './cluster-view.js';
import { isSetAside } from './set-aside.js';

const silentFor = (host: Host, ms: number): Host => ({ ...host, condition: 'silent', conditionSinceMs: NOW_MS - ms });
const set = (epoch: number, ...hosts: readonly Host[]): ClusterView['voters'][number] => ({ epoch, ids: hosts.map(({ id }) => id as string).sort() });
const verdictOf = (...silent: readonly Host[]) => aClusterVerdict([one, two, three].map((host) => (silent.includes(host) ? silentVerdict(host) : aVerdict(host))), { witnesses: [] });
const votersOf = (result: ReturnType<typeof decision>): readonly string[] | null => {
  const change = changesOf(result).find((item) => item.change === 'voters');
  return change?.change === 'voters' ? (change.voters.at(-1)?.ids ?? null) : null;
};
const all = [set(1, one, two, three)];
const vm = aWorkload('vm', one);

describe('a silent host with nothing protected on it', () => {
  it('loses its vote after 30 s, and not what it may judge by', () => {
    const view = (ms: number): Partial<ClusterView> => ({ hosts: [one, two, silentFor(three, ms)], workloads: [vm], voters: all });
    expect(votersOf(decision(view(29_000), { verdict: verdictOf(three) }))).toBeNull();
    const result = decision(view(30_000), { verdict: verdictOf(three) });
    expect(votersOf(result)).toEqual([one.id, two.id]);
    expect(changesOf(result).find((item) => item.change === 'voters')).toMatchObject({ voters: [{ epoch: 1 }, { epoch: 2 }] });
  });

  it('keeps it while something protected is there or on its way, and gets it back with the first such thing', () => {
    const there = aWorkload('there', three);
    for (const more of [{ workloads: [there] }, { workloads: [vm], operations: [anOperation('migrate', { workloadId: vm.id, hostId: one.id, targetHostId: three.id })] }, { workloads: [vm], operations: [anOperation('fence', { hostId: three.id })] }]) {
      expect(votersOf(decision({ hosts: [one, two, silentFor(three, 60_000)], voters: all, ...more }, { verdict: verdictOf(three) }))).toBeNull();
    }
    const back = decision({ hosts: [one, two, silentFor(three, 60_000)], voters: [...all, set(2, one, two)], workloads: [there] }, { verdict: verdictOf(three) });
    expect(votersOf(back)).toEqual([one.id, two.id, three.id]);
    expect(votersOf(decision({ hosts: [one, two, three], voters: [set(2, one, two)], workloads: [vm] }, { verdict: verdictOf() }))).toEqual([one.id, two.id, three.id]);
  });

  it('keeps its vote while more are silent than the brake allows, and without a quorum: else that brake would lift itself', () => {
    const lost = [one, silentFor(two, 60_000), silentFor(three, 60_000)];
    const held = decision({ hosts: lost, workloads: [vm], voters: all }, { verdict: verdictOf(two, three) });
    expect([votersOf(held), holdsOf(held)]).toEqual([null, expect.arrayContaining(['no-fence-device host-2', 'no-fence-device host-3'])]);
    const alone = decision({ hosts: [one, two, silentFor(three, 60_000)], workloads: [vm], voters: all }, { verdict: { ...verdictOf(three), quorum: false } });
    expect(votersOf(alone)).toBeNull();
  });

  it('that is set aside stays so when the brake comes to hold for others', () => {
    const before = [...all, set(2, one, two)];
    expect(votersOf(decision({ hosts: [silentFor(one, 1_000), silentFor(two, 1_000), silentFor(three, 60_000)], workloads: [vm], voters: before }, { verdict: verdictOf(one, two, three) }))).toBeNull();
  });

  it('counts in no share of silent hosts once it is set aside', () => {
    const lost = [silentFor(one, 1_000), two, silentFor(three, 60_000)];
    const before = decision({ hosts: lost, workloads: [vm], voters: all }, { verdict: verdictOf(one, three) });
    expect(holdsOf(before)).toContain('too-many-silent-hosts');
    const after = decision({ hosts: lost, workloads: [vm], voters: [...all, set(2, one, two)] }, { verdict: verdictOf(one, three) });
    expect(operationsOf(after)).toContain('fence host-1');
    expect(whyOf(after, 'no-fence-device')).toContain('it has no vote until it is heard again; `reeve host confirm-off host-3`');
  });

  it('is known by the newest set of voters, to all replicas alike', () => {
    const aside = (voters: ClusterView['voters'], host: Host, workloads: ClusterView['workloads'] = [vm]): boolean => isSetAside({ voters, workloads, operations: [] }, host);
    expect(aside([], silentFor(three, 60_000))).toBe(false);
    expect(aside([...all, set(2, one, two)], silentFor(three, 60_000))).toBe(true);
    expect(aside([...all, set(2, one, two)], three)).toBe(false);
    // In the very round in which it matters again: the brake counts it before the next set does.
    expect(aside([...all, set(2, one, two)], silentFor(three, 60_000), [aWorkload('there', three)])).toBe(false);
  });
});
