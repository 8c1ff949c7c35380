// What becomes of workloads under the lease when an agent is followed by another: after a stop in order, and after a crash.
import { describe, expect, it } from 'vitest';
import { QuorumLease } from '../cluster/quorum-lease.js';
import type { AgentHost } from './agent-ports.js';
import { LeaseKeeper } from './lease-keeper.js';

const LEASE_MS = 2_400;

class Rig {
  nowMs = 1_000_000;
  published: { untilMs: number } | 'released' | null = null;
  armed = false;
  readonly killed: string[] = [];
  running: readonly string[] = ['vm'];
  lease = new QuorumLease('a', LEASE_MS);

  agent(): LeaseKeeper {
    this.lease = new QuorumLease('a', LEASE_MS);
    this.lease.setVoters({ epoch: 1, ids: ['a', 'b', 'c'] });
    const host = {
      running: () => this.running, leaseMarks: () => [{ uuid: 'vm', isFresh: false }], leaseMarksStamp: () => '1', isQuiet: async () => true,
      kill: (uuids: readonly string[]) => void this.killed.push(...uuids),
      publishLease: ({ untilMs }: { readonly untilMs: number }) => void (this.published = { untilMs }),
      publishRelease: () => void (this.published = 'released'),
      publishedLeaseUntilMs: () => (this.published === 'released' ? 'released' : (this.published?.untilMs ?? -Infinity)),
    } as unknown as AgentHost;
    const watchdog = { isArmed: false, feed: () => ((this.armed = true), null), release: () => void (this.armed = false) };
    return new LeaseKeeper(this.lease, { clock: { nowMs: () => this.nowMs, monotonicMs: () => this.nowMs, sleep: async () => undefined }, log: () => undefined, host, watchdog });
  }

  /** For so long, in ticks; acknowledged or not. */
  pass(keeper: LeaseKeeper, ms: number, acknowledged: boolean): void {
    for (const untilMs = this.nowMs + ms; this.nowMs < untilMs; this.nowMs += 50) {
      if (acknowledged) this.lease.acknowledged('b', this.nowMs);
      keeper.tick(this.nowMs);
    }
  }
}

describe('the agent after one that stopped in order', () => {
  it('ends nothing and enforces nothing before it holds the lease', () => {
    const rig = new Rig();
    const first = rig.agent();
    rig.pass(first, 1_000, true);
    first.release();
    rig.nowMs += 60_000;
    const second = rig.agent();
    rig.pass(second, 10_000, false);
    expect([rig.killed, rig.armed, second.phase, second.isReady]).toEqual([[], false, 'waiting', false]);
    rig.pass(second, 1_000, true);
    expect([rig.killed, rig.armed, second.phase, second.isReady]).toEqual([[], true, 'held', true]);
  });

  it('ends what runs once a lease that it held itself is over, and so does one that follows a crash from then on', () => {
    const rig = new Rig();
    rig.agent().release();
    const second = rig.agent();
    rig.pass(second, 1_000, true);
    rig.pass(second, LEASE_MS + 100, false);
    expect(rig.killed).toContain('vm');
    rig.killed.length = 0;
    rig.pass(rig.agent(), 100, false);
    expect(rig.killed).toContain('vm');
  });

  it('enforces at once where nothing runs', () => {
    const rig = new Rig();
    rig.agent().release();
    rig.running = [];
    const second = rig.agent();
    rig.pass(second, 200, false);
    expect(second.phase).not.toBe('waiting');
  });
});

it('an agent after a crash ends what runs when the lease of its predecessor is over, not before', () => {
  const rig = new Rig();
  rig.pass(rig.agent(), 1_000, true);
  const second = rig.agent();
  rig.pass(second, 1_000, false);
  expect([rig.killed, second.phase]).toEqual([[], 'held']);
  rig.pass(second, LEASE_MS, false);
  expect(rig.killed).toContain('vm');
});
