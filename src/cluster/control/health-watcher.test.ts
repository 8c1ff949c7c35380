// When hosts are asked how they are, what is kept of it, and what is told.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aHost, aVerdict, NOW_MS, silentVerdict } from '../../../test/fixtures/cluster.js';
import type { HealthLook, HostTrouble } from '../../hosts/host-health.js';
import type { Host } from '../../hosts/host.js';
import type { Log } from '../../shared/log.js';
import type { Change } from '../change.js';
import { HealthWatcher } from './health-watcher.js';

const WELL: HealthLook = { deadBridges: [], failing: [] };
const CUT: HealthLook = { deadBridges: [{ bridge: 'br0', why: 'its uplink eth0 has no carrier' }], failing: [] };
const errors = (count: number): HealthLook => ({ deadBridges: [], failing: [`memory controller mc0 counts uncorrectable errors (${count})`] });
const AGO_MS = NOW_MS - 60_000;
const since = (look: HealthLook): HostTrouble => ({ ...look, bridgesSinceMs: look.deadBridges.length > 0 ? AGO_MS : null, failingSinceMs: look.failing.length > 0 ? AGO_MS : null });

function setUp(trouble: HostTrouble | null = null) {
  const state = { host: aHost('host-1', { trouble }), says: WELL, asked: 0, atMs: 0, leads: true, fails: false };
  const told: string[] = [];
  const keep = (changes: readonly Change[]): void => {
    for (const one of changes) {
      if (one.change === 'host') state.host = { ...state.host, ...one.set };
      if (one.change === 'event') told.push(`${one.event.type} ${one.event.severity}`);
    }
  };
  const watcher = new HealthWatcher(
    {
      store: { commit: async (changes) => { keep(changes); return { ok: true, value: {} } as never; } },
      clock: { nowMs: () => NOW_MS + state.atMs, monotonicMs: () => state.atMs, sleep: async () => undefined },
      agentOf: () => ({
        health: async () => {
          state.asked += 1;
          if (state.fails) throw new Error('no route');
          return state.says;
        },
      }),
      leaderEpoch: () => (state.leads ? 1 : null),
    },
    { debug: () => undefined } as unknown as Log,
  );
  const pass = async (ms: number, verdict = aVerdict): Promise<void> => {
    for (const endMs = state.atMs + ms; state.atMs < endMs; state.atMs += 250) {
      watcher.look([state.host], aClusterVerdict([verdict(state.host as Host)]));
      await new Promise(setImmediate);
    }
  };
  return { state, told, pass };
}

describe('health watcher', () => {
  it('keeps trouble that it has seen twice, tells it once, and tells its end', async () => {
    const { state, told, pass } = setUp();
    await pass(6_000);
    expect([state.host.trouble, state.asked, told]).toEqual([null, 2, []]);
    state.says = CUT;
    await pass(20_000);
    expect(state.host.trouble).toMatchObject(CUT);
    state.says = WELL;
    await pass(10_000);
    expect([state.host.trouble, told]).toEqual([null, ['host.unhealthy alert', 'host.healthy notice']]);
  });

  it('is not alarmed by what is gone at the second look', async () => {
    const { state, told, pass } = setUp();
    await pass(250);
    state.says = CUT;
    state.atMs = 5_000;
    await pass(250);
    state.says = WELL;
    await pass(30_000);
    expect([state.host.trouble, told]).toEqual([null, []]);
  });

  it('tells no news of a count that rises, keeps it, and keeps since when there is trouble', async () => {
    const { state, told, pass } = setUp(since(errors(1)));
    state.says = errors(2);
    await pass(20_000);
    expect([state.host.trouble, told]).toEqual([since(errors(2)), []]);
    state.says = { ...CUT, failing: errors(2).failing };
    await pass(20_000);
    expect(told).toEqual(['host.unhealthy alert']);
    expect(state.host.trouble).toMatchObject({ failingSinceMs: AGO_MS, bridgesSinceMs: expect.any(Number) as number });
    expect(state.host.trouble?.bridgesSinceMs).toBeGreaterThan(NOW_MS);
  });

  it('keeps what it knows of a host that does not answer, and asks neither one that is not heard nor for another leader', async () => {
    const { state, pass } = setUp(since(CUT));
    state.fails = true;
    await pass(20_000);
    expect([state.host.trouble, state.asked]).toEqual([since(CUT), 10]);
    await pass(20_000, silentVerdict);
    state.leads = false;
    await pass(20_000);
    expect(state.asked).toBe(10);
  });
});
