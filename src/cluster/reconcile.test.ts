// A round of the loop: what it decides is committed, however busy the store is, and only while we lead.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aHost, NOW_MS, silentVerdict, aVerdict } from '../../test/fixtures/cluster.js';
import { MemoryClusterStore } from '../sim/memory-cluster-store.js';
import type { Clock } from '../shared/clock.js';
import { DEFAULT_POLICY } from './cluster-policy.js';
import { reconcile, type ReconcilePorts } from './reconcile.js';

const clock: Clock = { nowMs: () => NOW_MS, monotonicMs: () => 0, sleep: async () => undefined };
const [one, two, three] = [aHost('host-1'), aHost('host-2'), aHost('host-3')];

async function setUp() {
  const store = new MemoryClusterStore(clock);
  const { epoch } = await store.acquireLease('a', 5_000);
  await store.commit([one, two, three].map((host) => ({ change: 'add-host' as const, host })), { viewVersion: null, leaderEpoch: epoch });
  // As the rule about voters leaves it, so that the loss is all there is to decide.
  await store.commit([{ change: 'voters', voters: [{ epoch: 1, ids: [one.id, two.id, three.id] }] }], { viewVersion: null, leaderEpoch: epoch });
  const ports: ReconcilePorts = {
    store, clock, policy: DEFAULT_POLICY, dispatch: async () => undefined,
    verdict: () => aClusterVerdict([aVerdict(one), aVerdict(two), silentVerdict(three)]),
  };
  const conditionOf3 = async (): Promise<string | undefined> => (await store.readView()).hosts.find((host) => host.id === three.id)?.condition;
  return { store, epoch, ports, conditionOf3 };
}

describe('reconcile', () => {
  it('commits what it decided', async () => {
    const { epoch, ports, conditionOf3 } = await setUp();
    expect((await reconcile(ports, epoch)).committed).toBe(1);
    expect(await conditionOf3()).toBe('silent');
  });

  it('is not kept waiting by workers that change the view after each of its looks', async () => {
    const { store, epoch, ports, conditionOf3 } = await setUp();
    let rounds = 0;
    const busy = Object.assign(Object.create(store) as MemoryClusterStore, {
      readView: async () => {
        const view = await store.readView();
        await store.commit([{ change: 'host', id: one.id, set: { why: `busy ${(rounds += 1)}` } }], { viewVersion: null, leaderEpoch: epoch });
        return view;
      },
      commit: store.commit.bind(store),
      decideAndCommit: store.decideAndCommit.bind(store),
    });
    expect((await reconcile({ ...ports, store: busy }, epoch)).committed).toBe(1);
    expect(rounds).toBe(2);
    expect(await conditionOf3()).toBe('silent');
  });

  it('commits nothing once another leads, also under the lock', async () => {
    const { store, epoch, ports, conditionOf3 } = await setUp();
    expect((await reconcile(ports, epoch - 1)).committed).toBe(0);
    const stale = Object.assign(Object.create(store) as MemoryClusterStore, {
      readView: () => store.readView(),
      commit: async () => ({ ok: false as const, error: { code: 'stale-view' as const, why: 'always' } }),
      decideAndCommit: store.decideAndCommit.bind(store),
    });
    expect((await reconcile({ ...ports, store: stale }, epoch - 1)).committed).toBe(0);
    expect(await conditionOf3()).toBe('online');
  });
});
