// Manners: what is started in which order and how often, what is left alone, and what brings it back.
import { describe, expect, it } from 'vitest';
import { aFacts, anOperation, aVerdict, aWorkload, NOW_MS, silentVerdict, aClusterVerdict } from '../../test/fixtures/cluster.js';
import { changesOf, decision, fenced, heard, holdsOf, inventory, one, operationsOf, setOf, shown, Story, three, two, whyOf } from './decide.fixture.js';
import { shownState } from './shown-state.js';
import { aView } from '../../test/fixtures/cluster.js';
import type { ClusterView } from './cluster-view.js';
import type { Workload } from '../workloads/workload.js';

const runs = (host: typeof one, ...workloads: readonly Workload[]): Partial<ClusterView> => ({ workloads, inventories: [inventory(host, workloads.map((vm) => shown(vm, 'running', 'booted')))] });
const lies = (host: typeof one, reason: string, ...workloads: readonly Workload[]): Partial<ClusterView> => ({ workloads, inventories: [inventory(host, workloads.map((vm) => shown(vm, 'stopped', reason)))] });

describe('what its owner wants', () => {
  it('stopped: kept stopped, also when a person starts it', () => {
    const vm = aWorkload('vm', one, { desired: 'stopped', state: 'running' });
    const result = decision(runs(one, { ...vm, state: 'stopped' }));
    expect(operationsOf(result)).toEqual([]);
    expect(changesOf(result)).toContainEqual(expect.objectContaining({ change: 'event', event: expect.objectContaining({ type: 'workload.started-by-hand' }) as unknown }));
    const after = decision(runs(one, { ...vm, why: setOf(result, vm.id).why ?? null }));
    expect(operationsOf(after)).toEqual(['stop vm']);
    expect(operationsOf(decision(runs(one, { ...vm, isProtected: false, why: setOf(result, vm.id).why ?? null })))).toEqual([]);
  });

  it('a guest that does not shut down is asked again after a while, and a person is told how to end it', () => {
    const vm = aWorkload('vm', one, { desired: 'disabled', state: 'running' });
    const failed = anOperation('stop', { workloadId: vm.id, state: 'failed', why: 'did not shut down', endedAtMs: NOW_MS - 5_000 });
    const soon = decision({ ...runs(one, vm), recentOperations: [failed] });
    expect([operationsOf(soon), whyOf(soon, 'cooldown')]).toEqual([[], 'did not shut down; asked again in 55 s; `reeve workload stop vm --force` ends it']);
    expect(operationsOf(decision({ ...runs(one, vm), recentOperations: [{ ...failed, endedAtMs: NOW_MS - 61_000 }] }))).toEqual(['stop vm']);
  });

  it('disabled: stopped once, then left alone', () => {
    const vm = aWorkload('vm', one, { desired: 'disabled', state: 'running' });
    expect(operationsOf(decision(runs(one, vm)))).toEqual(['stop vm']);
    expect(setOf(decision(lies(one, 'shutdown', { ...vm, state: 'stopping' })), vm.id)).toMatchObject({ state: 'stopped' });
    expect(decision(runs(one, { ...vm, state: 'stopped' })).actions).toEqual([]);
  });

  it('unmanaged: watched and never touched, whatever becomes of it', () => {
    const vm = aWorkload('vm', one, { desired: 'unmanaged', state: 'unmanaged' });
    expect(decision(lies(one, 'crashed', vm)).actions).toEqual([]);
    expect(decision(runs(two, vm)).actions).toEqual([]);
    const lost = aWorkload('vm', three, { desired: 'unmanaged', state: 'unmanaged' });
    const result = decision({ hosts: [one, two, fenced], workloads: [lost] }, { verdict: heard(three) });
    expect(result.actions).toEqual([]);
    expect(operationsOf(decision({ hosts: [one, two, { ...three, condition: 'silent' }], workloads: [lost] }, { verdict: heard(three) }))).toEqual([]);
  });

  it('wanted running again: at home, elsewhere when home may not have it, with a reason when nobody may', () => {
    const vm = aWorkload('vm', one, { state: 'waiting' });
    expect(operationsOf(decision(lies(one, 'shutdown', vm)))).toEqual(['start vm host-1']);
    expect(operationsOf(decision({ ...lies(one, 'shutdown', vm), hosts: [{ ...one, cordoned: true }, two, three] }))).toEqual(['relocate vm host-2']);
    expect(holdsOf(decision({ ...lies(one, 'shutdown', vm), hosts: [{ ...one, cordoned: true }] }))).toContain('no-legal-host vm');
    expect(operationsOf(decision({ workloads: [{ ...vm, hostId: null }] }))).toEqual(['start vm host-1']);
  });

  it('a start that failed is tried again, however it was stopped before: counted, after a pause', () => {
    const vm = aWorkload('vm', one, { state: 'waiting', why: 'no storage', failures: { restarts: 0, relocations: 0, failedHostIds: [one.id], lastAtMs: NOW_MS - 60_000 } });
    for (const reason of ['shutdown', 'destroyed', 'crashed']) {
      const result = decision(lies(one, reason, vm));
      expect([operationsOf(result), setOf(result, vm.id).failures?.restarts]).toEqual([['start vm host-1'], 1]);
    }
  });

  it('a stopped one gets a healthy home, and starts there', () => {
    const story = new Story({ hosts: [one, two, fenced], workloads: [aWorkload('vm', three, { desired: 'stopped', state: 'stopped' })] });
    story.verdicts = { 'host-3': silentVerdict(three) };
    story.round();
    expect(story.workload('vm')).toMatchObject({ state: 'stopped', hostId: one.id, isDefinedAtHome: false, workloadEpoch: 3 });
    story.show(one, []);
    story.show(two, []);
    expect(story.round()).toEqual([]);
    expect(story.workload('vm').state).toBe('stopped');
    story.commit([{ change: 'workload', id: story.workload('vm').id, set: { desired: 'running', state: 'waiting' } }]);
    expect(story.round()).toEqual(['start vm host-1']);
    story.end('vm', 'succeeded');
    expect(story.workload('vm')).toMatchObject({ state: 'running', isDefinedAtHome: true });
  });
});

describe('a lock', () => {
  const lock = { by: 'backup', reason: 'nightly', sinceMs: NOW_MS };
  it('keeps a drain waiting, by name', () => {
    const draining = { ...three, intent: 'maintenance' as const, cordoned: true };
    const result = decision({ hosts: [one, two, draining], ...runs(draining, aWorkload('vm', three, { lock })), operations: [anOperation('drain', { hostId: three.id })] });
    expect([operationsOf(result), holdsOf(result)]).toEqual([[], ['locked vm']]);
    expect(whyOf(result, 'locked')).toBe('locked by backup (nightly): it stays on host-3 until it is unlocked; `reeve workload unlock vm`');
  });

  it('keeps the rest of its group on the drained host too', () => {
    const draining = { ...three, intent: 'maintenance' as const, cordoned: true };
    const [a, b] = [aWorkload('vm-a', three, { lock }), aWorkload('vm-b', three)];
    const rules = [{ name: 'r', type: 'keep-together' as const, hard: true, workloads: [a.id, b.id] }];
    const result = decision({ hosts: [one, two, draining], ...runs(draining, a, b), rules, operations: [anOperation('drain', { hostId: three.id })] });
    expect([operationsOf(result), holdsOf(result)]).toEqual([[], ['locked vm-a', 'cannot-move vm-b']]);
  });

  it('is not stopped, and is restarted at home, not elsewhere', () => {
    expect(holdsOf(decision(runs(one, aWorkload('vm', one, { lock, desired: 'disabled' }))))).toEqual(['locked vm']);
    const crashed = aWorkload('vm', one, { lock });
    expect(operationsOf(decision(lies(one, 'crashed', crashed)))).toEqual(['start vm host-1']);
    expect(holdsOf(decision(lies(one, 'crashed', { ...crashed, maxRestarts: 0 })))).toEqual(['locked vm']);
  });

  it('does not keep it from being recovered: it is lost there', () => {
    expect(operationsOf(decision({ hosts: [one, two, fenced], workloads: [aWorkload('vm', three, { lock })] }, { verdict: heard(three) }))).toEqual(['recover vm host-1']);
  });
});

describe('disarmed', () => {
  const disarm = (mode: 'freeze' | 'ignore', untilMs: number | null = NOW_MS + 1_000): ClusterView['disarm'] => ({ mode, by: 'anna', reason: 'switches', sinceMs: NOW_MS - 1_000, untilMs });
  const vm = aWorkload('vm', one);

  it.each(['freeze', 'ignore'] as const)('%s: nothing is started, stopped, moved, recovered or fenced', (mode) => {
    const view = { disarm: disarm(mode) };
    expect(operationsOf(decision({ ...lies(one, 'crashed', vm), ...view }))).toEqual([]);
    expect(operationsOf(decision({ ...runs(one, { ...vm, desired: 'disabled' }), ...view }))).toEqual([]);
    expect(operationsOf(decision({ hosts: [one, two, fenced], workloads: [aWorkload('vm', three)], ...view }, { verdict: heard(three) }))).toEqual([]);
    expect(operationsOf(decision({ hosts: [one, two, { ...three, condition: 'silent' }], workloads: [aWorkload('vm', three)], ...view }, { verdict: heard(three) }))).toEqual([]);
    const draining = { ...one, intent: 'maintenance' as const };
    expect(operationsOf(decision({ ...runs(one, vm), hosts: [draining, two, three], operations: [anOperation('drain', { hostId: one.id })], ...view }))).toEqual([]);
  });

  it('freeze says why it holds; ignore says nothing about workloads and does not even follow them', () => {
    expect(holdsOf(decision({ ...lies(one, 'crashed', vm), disarm: disarm('freeze') }))).toEqual(['disarmed']);
    const moved = { workloads: [vm], inventories: [inventory(one, []), inventory(two, [shown(vm, 'running', 'migrated')])] };
    expect(setOf(decision({ ...moved, disarm: disarm('freeze') }), vm.id)).toMatchObject({ hostId: two.id });
    expect(decision({ ...moved, disarm: disarm('ignore') }).actions).toEqual([]);
  });

  it('shows what it means for each workload, until it ends by itself', () => {
    const states = (mode: 'freeze' | 'ignore', untilMs?: number): string[] => [vm, { ...vm, state: 'error' as const }, { ...vm, desired: 'unmanaged' as const }].map((one) => shownState(aView({ disarm: disarm(mode, untilMs) }), one, NOW_MS));
    expect(states('freeze')).toEqual(['frozen', 'error', 'unmanaged']);
    expect(states('ignore')).toEqual(['unmanaged', 'error', 'unmanaged']);
    expect(states('freeze', NOW_MS)).toEqual(['running', 'error', 'unmanaged']);
  });

  it('is taken back when it has run out, with everything going on in the same round', () => {
    const result = decision({ ...lies(one, 'crashed', vm), disarm: disarm('freeze', NOW_MS) });
    expect(changesOf(result)[0]).toEqual({ change: 'disarm', disarm: null });
    expect(operationsOf(result)).toEqual(['start vm host-1']);
    expect(decision({ disarm: disarm('freeze', null) }).actions).toEqual([]);
  });
});

describe('order', () => {
  const db = aWorkload('db', three);
  const web = aWorkload('web', three, { startAfter: [db.id], priority: 10 });
  const lost = (...workloads: readonly Workload[]): ReturnType<typeof decision> => decision({ hosts: [one, two, fenced], workloads }, { verdict: heard(three) });

  it('comes before priority', () => {
    const result = lost(db, web);
    expect(operationsOf(result)).toEqual(['recover db host-1']);
    expect(whyOf(result, 'start-after')).toBe('it starts after db (running); `reeve workload start web` does not wait');
  });

  it.each<[string, Partial<Workload>, boolean]>([
    ['is starting', { state: 'starting' }, true],
    ['waits for a host', { state: 'waiting', hostId: one.id }, true],
    ['is on a silent host', { state: 'awaiting-fence' }, true],
    ['runs', { hostId: one.id }, false],
    ['is not wanted running', { desired: 'stopped', state: 'stopped' }, false],
    ['is unmanaged', { desired: 'unmanaged', state: 'unmanaged' }, false],
    ['is not protected and lost', { isProtected: false }, false],
    ['was stopped by hand', { hostId: one.id, state: 'stopped' }, false],
  ])('one that %s is waited for: %s → %s', (_name, set, waits) => {
    expect(holdsOf(lost({ ...db, ...set }, web)).includes('start-after web')).toBe(waits);
  });

  it('one in error is not waited for, and that is said', () => {
    const result = lost({ ...db, state: 'error' }, web);
    expect(operationsOf(result)).toEqual(['recover web host-1']);
    expect(whyOf(result, 'predecessor-in-error')).toContain('it should start after db, which failed for good: it is not waited for; `reeve workload clear db`');
  });

  it('one that had to wait and whose host is back meanwhile starts there, and is not counted as failed', () => {
    const story = new Story({ hosts: [one, two, fenced], workloads: [{ ...db, state: 'waiting', needs: { ...db.needs, pinnedBy: ['gpu'] } }, web] });
    story.verdicts = { 'host-3': silentVerdict(three) };
    story.round();
    expect(story.workload('web')).toMatchObject({ state: 'waiting', why: expect.stringContaining('it starts after db') as string });
    story.commit([{ change: 'host', id: three.id, set: { condition: 'online', bootId: 'boot-2' } }]);
    story.verdicts = { 'host-3': { bootId: 'boot-2' } };
    story.show(three, [shown(db, 'running'), shown(web, 'stopped', 'unknown')]);
    story.round();
    expect(story.round()).toEqual(['start web host-3']);
    expect(story.workload('web').failures.restarts).toBe(0);
  });

  it('holds between crashed ones too', () => {
    const [a, b] = [aWorkload('a', one), aWorkload('b', one, { startAfter: [aWorkload('a', one).id] })];
    expect(operationsOf(decision(lies(one, 'crashed', a, b)))).toEqual(['start a host-1']);
  });

  it('no more starts at once on a host than allowed, the most important first', () => {
    const many = [0, 1, 2, 3, 4].map((index) => aWorkload(`vm-${index}`, three, { priority: index }));
    const result = decision({ hosts: [one, fenced], workloads: many }, { verdict: heard(three), policy: { startsPerHost: 2 } });
    expect(operationsOf(result)).toEqual(['recover vm-4 host-1', 'recover vm-3 host-1']);
    expect(holdsOf(result).filter((hold) => hold.startsWith('too-many'))).toHaveLength(3);
  });
});

describe('a workload that fails', () => {
  /** Every start ends like this until it is in error; returns where it was tried. */
  function tries(story: Story, code: string): readonly string[] {
    const where: string[] = [];
    for (let turn = 0; turn < 40 && story.workload('vm').state !== 'error'; turn += 1) {
      for (const host of [one, two, three]) story.show(host, []);
      for (const begun of story.round(5_000)) {
        where.push(begun);
        story.end('vm', { failed: code });
      }
    }
    return where;
  }

  it('to start after a recovery: again there, then elsewhere, again there, then a person', () => {
    const story = new Story({ hosts: [one, two, fenced], workloads: [aWorkload('vm', three)] });
    story.verdicts = { 'host-3': silentVerdict(three) };
    expect(tries(story, 'start-failed')).toEqual(['recover vm host-1', 'start vm host-1', 'relocate vm host-2', 'start vm host-2']);
    expect(story.workload('vm')).toMatchObject({ state: 'error', hostId: two.id });
    story.round();
    expect(whyOf(story.last, 'in-error')).toContain('it is left alone until `reeve workload clear vm`');
    expect(story.round(600_000)).toEqual([]);
  });

  it.each([[0, 0, 1], [2, 0, 3], [0, 2, 3], [1, 2, 6]])('%i restarts and %i relocations make %i tries', (maxRestarts, maxRelocations, expected) => {
    const story = new Story({ hosts: [one, two, three], workloads: [aWorkload('vm', one, { maxRestarts, maxRelocations, isDefinedAtHome: false, state: 'waiting' })] });
    expect(tries(story, 'start-failed')).toHaveLength(expected);
  });

  it('whose target can\'t be reached is not blamed: it is tried on, elsewhere', () => {
    const story = new Story({ hosts: [one, two, fenced], workloads: [aWorkload('vm', three)] });
    story.verdicts = { 'host-3': silentVerdict(three) };
    expect(tries(story, 'target-unreachable').slice(0, 3)).toEqual(['recover vm host-1', 'recover vm host-2', 'recover vm host-1']);
    expect(story.workload('vm')).toMatchObject({ state: 'waiting', hostId: three.id, failures: { restarts: 0, relocations: 0 } });
  });

  it('again and again after it started: with growing pauses, elsewhere, then a person', () => {
    const story = new Story({ workloads: [aWorkload('vm', one, { maxRestarts: 2 })] }, { restartBackoff: { firstMs: 10_000, maxMs: 60_000 } });
    const began: [string, number][] = [];
    for (let turn = 0; turn < 200 && story.workload('vm').state !== 'error'; turn += 1) {
      const home = [one, two, three].find((host) => host.id === story.workload('vm').hostId) ?? one;
      story.show(home, [shown(story.workload('vm'), 'stopped', 'crashed')]);
      for (const operation of story.round()) {
        began.push([operation, Math.round((story.nowMs - NOW_MS) / 1_000)]);
        story.end('vm', 'succeeded');
      }
    }
    expect(began.map(([operation]) => operation)).toEqual(['start vm host-1', 'start vm host-1', 'relocate vm host-2', 'start vm host-2', 'start vm host-2']);
    const pauses = began.slice(1).map(([, at], index) => at - (began[index]?.[1] ?? 0));
    expect(pauses[1]! > pauses[0]!).toBe(true);
    expect(story.workload('vm').state).toBe('error');
  });

  it('and ran well for a while since: its failures are forgotten', () => {
    const vm = aWorkload('vm', one, { failures: { restarts: 1, relocations: 1, failedHostIds: [two.id], lastAtMs: NOW_MS - 600_000 } });
    expect(setOf(decision(runs(one, vm)), vm.id).failures).toEqual({ restarts: 0, relocations: 0, failedHostIds: [], lastAtMs: null });
    expect(decision(runs(one, { ...vm, failures: { ...vm.failures, lastAtMs: NOW_MS - 599_000 } })).actions).toEqual([]);
  });

  it('and may go nowhere else: that can\'t help, so a person is asked', () => {
    const vm = aWorkload('vm', one, { maxRestarts: 0 });
    const rules = [{ name: 'r', type: 'hosts' as const, hard: true, workloads: [vm.id], hosts: [{ hostId: one.id, priority: 0 }] }];
    expect(setOf(decision({ ...lies(one, 'crashed', vm), rules }), vm.id)).toMatchObject({ state: 'error' });
    const full = decision({ ...lies(one, 'crashed', { ...vm, needs: { ...vm.needs, memoryMiB: 15_000 } }), hosts: [{ ...one, facts: { ...one.facts!, memoryMiB: 99_000 } }, { ...two, facts: { ...two.facts!, memoryMiB: 8_000 } }] });
    expect(setOf(full, vm.id)).toMatchObject({ state: 'waiting', failures: { lastAtMs: NOW_MS } });
  });

  it('is not restarted where a hard rule has come to be against it', () => {
    const [vm, enemy] = [aWorkload('vm', one), aWorkload('enemy', one)];
    const rules = [{ name: 'r', type: 'keep-apart' as const, hard: true, workloads: [vm.id, enemy.id] }];
    const view = { workloads: [vm, enemy], rules, inventories: [inventory(one, [shown(vm, 'stopped', 'crashed'), shown(enemy, 'running', 'booted')])] };
    expect(operationsOf(decision(view))).toContain('relocate vm host-2');
    expect(operationsOf(decision({ ...view, hosts: [one] }))).toEqual([]);
  });
});

describe('hard rules that are broken', () => {
  const [a, b, c] = [aWorkload('vm-a', one), aWorkload('vm-b', one), aWorkload('vm-c', two)];
  const all = { workloads: [a, b, c], inventories: [inventory(one, [shown(a, 'running'), shown(b, 'running')]), inventory(two, [shown(c, 'running')])] };

  it('apart: one of them moves, not both', () => {
    const rules = [{ name: 'r', type: 'keep-apart' as const, hard: true, workloads: [a.id, b.id, c.id] }];
    expect(operationsOf(decision({ ...all, rules }))).toEqual(['migrate vm-b host-3']);
    expect(operationsOf(decision({ ...all, rules: [{ ...rules[0]!, hard: false }] }))).toEqual([]);
  });

  it('together: the smaller part goes to the larger', () => {
    const rules = [{ name: 'r', type: 'keep-together' as const, hard: true, workloads: [a.id, b.id, c.id] }];
    expect(operationsOf(decision({ ...all, rules }))).toEqual(['migrate vm-c host-1']);
  });

  it('together: what is in error draws nobody to where it lies', () => {
    const rules = [{ name: 'r', type: 'keep-together' as const, hard: true, workloads: [a.id, b.id, c.id] }];
    expect(operationsOf(decision({ ...all, workloads: [a, b, { ...c, state: 'error', why: 'x' }], rules }))).toEqual([]);
  });

  it('together: all leave a host on which another rule allows none of them', () => {
    const rules = [
      { name: 'r', type: 'keep-together' as const, hard: true, workloads: [a.id, b.id] },
      { name: 's', type: 'hosts' as const, hard: true, workloads: [a.id, b.id], hosts: [{ hostId: three.id, priority: 0 }] },
    ];
    expect([...operationsOf(decision({ ...all, rules }))].sort()).toEqual(['migrate vm-a host-3', 'migrate vm-b host-3']);
  });

  it('together: one that failed at home for good takes the others along, but for one that is locked', () => {
    const lock = { by: 'x', reason: 'y', sinceMs: 0 };
    const [crashed, mate, kept] = [aWorkload('vm-x', one, { maxRestarts: 0 }), aWorkload('vm-y', one), aWorkload('vm-z', one, { lock })];
    const rules = [{ name: 'r', type: 'keep-together' as const, hard: true, workloads: [crashed.id, mate.id, kept.id] }];
    const found = lies(one, 'crashed', crashed);
    const view = { ...found, workloads: [...(found.workloads ?? []), mate, kept], inventories: [...(found.inventories ?? []), ...(runs(one, mate, kept).inventories ?? [])].slice(0, 1), rules };
    expect(operationsOf(decision(view))).toEqual(expect.arrayContaining(['relocate vm-x host-2', 'migrate vm-y host-2']));
    expect(operationsOf(decision(view))).toHaveLength(2);
  });

  it('together: one that failed at home goes with the others, so it waits until all may be under way at once', () => {
    const [crashed, mate] = [aWorkload('vm-x', one, { maxRestarts: 0 }), aWorkload('vm-y', one)];
    const rules = [{ name: 'r', type: 'keep-together' as const, hard: true, workloads: [crashed.id, mate.id] }];
    const found = lies(one, 'crashed', crashed);
    const view = { ...found, workloads: [...(found.workloads ?? []), mate], inventories: [{ ...inventory(one, [shown(crashed, 'stopped', 'crashed'), shown(mate, 'running')]) }], rules };
    const busy = anOperation('migrate', { hostId: one.id, targetHostId: three.id, state: 'running' });
    const held = decision({ ...view, operations: [busy] });
    expect([operationsOf(held), holdsOf(held)]).toEqual([[], ['too-many-in-flight vm-x']]);
    expect(operationsOf(decision(view))).toEqual(expect.arrayContaining(['relocate vm-x host-2', 'migrate vm-y host-2']));
  });

  it('together: those that are left behind by one that failed at home follow it, however many they are', () => {
    const moved = aWorkload('vm-x', two);
    const rules = [{ name: 'r', type: 'keep-together' as const, hard: true, workloads: [a.id, b.id, moved.id] }];
    const view = { ...all, workloads: [a, b, moved], inventories: [inventory(one, [shown(a, 'running'), shown(b, 'running')]), inventory(two, [shown(moved, 'running')])], rules };
    expect(operationsOf(decision(view))).toEqual(['migrate vm-x host-1']);
    const left = anOperation('relocate', { workloadId: moved.id, hostId: one.id, targetHostId: two.id, state: 'succeeded', endedAtMs: NOW_MS - 5_000, params: { isRestart: true } });
    expect(operationsOf(decision({ ...view, recentOperations: [left] }))).toEqual(['migrate vm-b host-2']);
    // It went back since, for a reason of its own: that counts.
    const back = anOperation('migrate', { workloadId: a.id, hostId: two.id, targetHostId: one.id, state: 'succeeded', endedAtMs: NOW_MS - 1_000, params: { cause: 'failback' } });
    expect(operationsOf(decision({ ...view, recentOperations: [back, left] }))).toEqual(['migrate vm-x host-1']);
  });

  it('hosts: moves there, or says that nobody is legal', () => {
    const rules = [{ name: 'r', type: 'hosts' as const, hard: true, workloads: [a.id], hosts: [{ hostId: three.id, priority: 0 }] }];
    expect(operationsOf(decision({ ...all, rules }))).toEqual(['migrate vm-a host-3']);
    const held = decision({ ...all, rules, hosts: [one, two] });
    expect([operationsOf(held), whyOf(held, 'rule-broken')]).toEqual([[], expect.stringContaining('on host-1 rule r allows only a host that is gone, and no host may take it')]);
    expect(holdsOf(decision({ ...all, workloads: [{ ...a, lock: { by: 'x', reason: 'y', sinceMs: 0 } }, b, c], rules }))).toEqual(['locked vm-a']);
  });
});

describe('failback', () => {
  const vm = aWorkload('vm', two);
  const rules = [{ name: 'r', type: 'hosts' as const, hard: false, workloads: [vm.id], hosts: [{ hostId: one.id, priority: 2 }, { hostId: two.id, priority: 1 }] }];
  const back = (sinceMs: number): typeof one => ({ ...one, conditionSinceMs: NOW_MS - sinceMs });

  it('goes back live once the preferred host has been well for a while', () => {
    const soon = decision({ ...runs(two, vm), rules, hosts: [back(59_000), two] });
    expect([operationsOf(soon), whyOf(soon, 'cooldown')]).toEqual([[], 'it goes back to host-1 once that has been well for 60 s; `reeve workload migrate vm` does not wait']);
    const later = decision({ ...runs(two, vm), rules, hosts: [back(60_000), two] });
    expect(operationsOf(later)).toEqual(['migrate vm host-1']);
    expect(changesOf(later)).toContainEqual(expect.objectContaining({ change: 'operation', operation: expect.objectContaining({ params: { cause: 'failback' } }) as unknown }));
  });

  it.each<[string, Partial<ClusterView>]>([
    ['its owner does not want that', runs(two, { ...vm, failback: false })],
    ['it is on the best there is', runs(one, { ...vm, hostId: one.id })],
    ['the preferred host is cordoned', { hosts: [{ ...back(60_000), cordoned: true }, two] }],
    ['the preferred host is quarantined', { hosts: [{ ...back(60_000), flapping: { lostAtMs: [], quarantine: { sinceMs: 0, untilMs: NOW_MS + 1, times: 1, isOver: false } } }, two] }],
    ['that failed lately', { hosts: [back(60_000), two], recentOperations: [anOperation('migrate', { workloadId: vm.id, targetHostId: one.id, state: 'failed', createdAtMs: NOW_MS - 1_000 })] }],
    ['it is locked', runs(two, { ...vm, lock: { by: 'x', reason: 'y', sinceMs: 0 } })],
  ])('not when %s', (_name, view) => {
    expect(operationsOf(decision({ ...runs(two, vm), rules, hosts: [back(60_000), two], ...view }))).toEqual([]);
  });
});

const LXD = { driver: 'lxd' as const, version: '5.0.2', address: '10.0.0.1:8443', isClustered: false, criu: false, pools: [{ name: 'default', driver: 'dir', source: null }], filesystems: [], networks: [], profiles: [] };

describe('failback of a group', () => {
  const [vm, mate] = [aWorkload('vm', two), aWorkload('vm-mate', two)];
  const together = { name: 't', type: 'keep-together' as const, hard: true, workloads: [vm.id, mate.id] };
  const prefers = (id: typeof vm.id, host: typeof one, name = 'r'): { name: string; type: 'hosts'; hard: boolean; workloads: (typeof vm.id)[]; hosts: { hostId: typeof one.id; priority: number }[] } => ({ name, type: 'hosts', hard: false, workloads: [id], hosts: [{ hostId: host.id, priority: 1 }] });
  const well = { ...one, conditionSinceMs: NOW_MS - 60_000 };
  const view = { ...runs(two, vm, mate), hosts: [well, two] };

  it('takes along what must stay together with it', () => {
    expect(operationsOf(decision({ ...view, rules: [together, prefers(vm.id, one)] }))).toEqual(['migrate vm host-1', 'migrate vm-mate host-1']);
  });

  it('is none where another of the group prefers to stay, or is locked', () => {
    expect(operationsOf(decision({ ...view, rules: [together, prefers(vm.id, one), prefers(mate.id, two, 's')] }))).toEqual([]);
    const locked = { ...mate, lock: { by: 'x', reason: 'y', sinceMs: 0 } };
    expect(operationsOf(decision({ ...view, ...runs(two, vm, locked), rules: [together, prefers(vm.id, one)] }))).toEqual([]);
  });

  it('is none where one of the group would have to be stopped for it', () => {
    const contained = { ...mate, needs: { ...mate.needs, driver: 'lxd' as const, instance: { pool: 'default', profiles: [], networks: [] } }, drainPolicy: 'relocate' as const };
    const held = decision({ ...view, ...runs(two, vm, contained), rules: [together, prefers(vm.id, one)], hosts: [{ ...well, facts: aFacts({ containerDaemons: [LXD] }) }, { ...two, facts: aFacts({ containerDaemons: [LXD] }) }] });
    expect([operationsOf(held), whyOf(held, 'cannot-move')]).toEqual([[], expect.stringContaining('reeve workload relocate vm-mate --to host-1')]);
  });

  it('waits until all of it may be under way at once', () => {
    const busy = anOperation('migrate', { hostId: two.id, targetHostId: three.id, state: 'running' });
    const held = decision({ ...view, operations: [busy], rules: [together, prefers(vm.id, one)] });
    expect([operationsOf(held), holdsOf(held)]).toEqual([[], ['too-many-in-flight vm']]);
  });
});

describe('a host that is lost again and again', () => {
  const often = { lostAtMs: [1, 2, 3].map((ago) => NOW_MS - ago * 600_000).reverse(), quarantine: null };
  it('is quarantined, kept out of placement, and comes back by itself', () => {
    const story = new Story({ hosts: [{ ...one, flapping: often }, two], workloads: [] });
    story.round();
    const host = story.view.hosts[0]!;
    expect(host.flapping.quarantine).toMatchObject({ times: 1, untilMs: story.nowMs + 600_000, isOver: false });
    story.commit([{ change: 'workload', id: aWorkload('vm', null).id, set: {} }]);
    story.view = { ...story.view, workloads: [aWorkload('vm', null, { state: 'waiting' })] };
    expect(story.round()).toEqual(['start vm host-2']);
    expect(whyOf(story.last, 'quarantined')).toMatch(/nothing new is placed there until 2023-11-14 22:23:21 UTC; `reeve host release host-1` ends it/);
    story.round(600_000);
    expect(story.view.hosts[0]!.flapping).toEqual({ lostAtMs: [], quarantine: expect.objectContaining({ isOver: true, times: 1 }) as unknown });
  });

  it('is counted when it is declared silent and when it reboots on its own, not when it goes down in order', () => {
    const silent = decision({ hosts: [one, two, three] }, { verdict: heard(three) });
    expect(setOf(silent, three.id).flapping).toEqual({ lostAtMs: [NOW_MS], quarantine: null });
    const rebooted = aClusterVerdict([aVerdict(one), aVerdict(two), aVerdict(three, { bootId: 'boot-new' })]);
    expect(setOf(decision({}, { verdict: rebooted }), three.id).flapping?.lostAtMs).toEqual([NOW_MS]);
    expect(setOf(decision({ hosts: [one, two, { ...three, leaving: { purpose: 'reboot', sinceMs: 0 } }] }, { verdict: rebooted }), three.id).flapping).toBeUndefined();
    expect(setOf(decision({ hosts: [one, two, { ...three, condition: 'silent' }] }, { verdict: rebooted }), three.id).flapping).toBeUndefined();
  });
});
