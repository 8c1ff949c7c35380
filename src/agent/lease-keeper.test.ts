// What an agent that has just started does with workloads under a lease that it does not hold yet: it depends on how the agent before it ended.
import { describe, expect, it } from 'vitest';
import { QuorumLease } from '../cluster/quorum-lease.js';
import type { AgentHost } from './agent-ports.js';
import { LeaseKeeper } from './lease-keeper.js';

const UUID = '0b9d4a1e-0000-4000-8000-000000000001';
const LEASE_MS = 2_400;

interface Bench {
  readonly keeper: LeaseKeeper;
  readonly killed: string[];
  readonly watchdog: { isArmed: boolean };
  readonly published: string[];
  /** The other voters acknowledge what was sent then. */
  acknowledge(sentAtMs: number): void;
}

function bench({ wasReleased, inheritedUntilMs = -Infinity, running = [UUID] }: { readonly wasReleased: boolean; readonly inheritedUntilMs?: number; readonly running?: readonly string[] }): Bench {
  const lease = new QuorumLease('a', LEASE_MS);
  lease.setVoters({ epoch: 1, ids: ['a', 'b', 'c'] });
  const killed: string[] = [];
  const published: string[] = [];
  const watchdog = { isArmed: false, feed: () => ((watchdog.isArmed = true), null), release: () => void (watchdog.isArmed = false) };
  const host: AgentHost = {
    vitals: () => ({ load1: 0, freeMemoryMiB: 0 }), hostEpoch: () => 1, running: () => running, leaseMarks: () => running.map((uuid) => ({ uuid, isFresh: false })), leaseMarksStamp: () => '1',
    kill: (uuids) => void killed.push(...uuids), isQuiet: async () => true, publishLease: ({ untilMs }) => void published.push(`lease ${untilMs}`), publishedLeaseUntilMs: () => inheritedUntilMs,
    publishVoterEpoch: () => undefined, publishedVoterEpoch: () => 0,
    publishRelease: () => void published.push('released'), wasReleased: () => wasReleased, systemWay: async () => 'stays', goingDown: () => null, stay: () => undefined,
  };
  const keeper = new LeaseKeeper(lease, { clock: { nowMs: () => 0, monotonicMs: () => 0, sleep: async () => undefined }, log: () => undefined, host, watchdog });
  return { keeper, killed, watchdog, published, acknowledge: (sentAtMs) => ['b', 'c'].forEach((id) => lease.acknowledged(id, sentAtMs)) };
}

describe('an agent that starts while workloads run under the lease', () => {
  it('after one that stopped in order: ends nothing and claims nothing until its own lease holds, however long that takes', () => {
    const { keeper, killed, watchdog, published, acknowledge } = bench({ wasReleased: true });
    for (const nowMs of [0, 50, 5_000, 60_000]) keeper.tick(nowMs);
    expect({ killed, phase: keeper.phase, isReady: keeper.isReady, isArmed: watchdog.isArmed, published }).toEqual({ killed: [], phase: 'waiting', isReady: false, isArmed: false, published: [] });
    acknowledge(60_000);
    keeper.tick(60_100);
    expect([keeper.phase, keeper.isReady, watchdog.isArmed]).toEqual(['held', true, true]);
  });

  it('and then loses it: they are ended as ever, and the next agent is told of a lease, not of a stop in order', () => {
    const { keeper, killed, published, acknowledge } = bench({ wasReleased: true });
    keeper.tick(0);
    acknowledge(0);
    keeper.tick(100);
    expect(published).toEqual([`lease ${LEASE_MS}`]);
    keeper.tick(LEASE_MS + 1);
    expect([killed, keeper.phase]).toEqual([[UUID], 'ending']);
  });

  it('after one that was killed, and whose lease is over: ends them at once, for somebody else may be starting them', () => {
    const { keeper, killed } = bench({ wasReleased: false, inheritedUntilMs: -1 });
    keeper.tick(0);
    expect([killed, keeper.phase]).toEqual([[UUID], 'ending']);
  });

  it('after one that was killed a moment ago: goes on under its lease, and ends them when that is over', () => {
    const { keeper, killed, watchdog } = bench({ wasReleased: false, inheritedUntilMs: 1_000 });
    keeper.tick(0);
    expect([killed, keeper.phase, watchdog.isArmed]).toEqual([[], 'held', true]);
    keeper.tick(1_001);
    expect([killed, keeper.phase]).toEqual([[UUID], 'ending']);
  });
});

describe('an agent that starts after one that stopped in order, with nothing under the lease', () => {
  it('is ready as soon as it has seen that no command is under way', async () => {
    const { keeper } = bench({ wasReleased: true, running: [] });
    keeper.tick(0);
    await new Promise(setImmediate);
    keeper.tick(50);
    expect([keeper.phase, keeper.isReady]).toEqual(['free', true]);
  });

  it('says so when it stops in order itself', () => {
    const { keeper, published } = bench({ wasReleased: false, running: [] });
    keeper.tick(0);
    keeper.release();
    expect(published.at(-1)).toBe('released');
  });
});
