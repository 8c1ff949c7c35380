// Whom the leader tells who the members are, and when again.
import { describe, expect, it } from 'vitest';
import { aHost } from '../../../test/fixtures/cluster.js';
import type { AgentConfig } from '../../hosts/host-agent.js';
import type { Host } from '../../hosts/host.js';
import type { Log } from '../../shared/log.js';
import type { ClusterVerdict } from '../verdict.js';
import { AgentConfigurer } from './agent-configurer.js';

const VOTERS = { epoch: 3, ids: ['a', 'b', 'c'] };
const log = { debug: () => undefined } as unknown as Log;
const nobodyHeard = { hosts: [] } as unknown as ClusterVerdict;
const heardBy = (host: Host, voterEpoch: number): ClusterVerdict => ({ hosts: [{ hostId: host.id, hearing: 'heard', lease: { voterEpoch } }] }) as unknown as ClusterVerdict;

function rig({ leads = true, fails = false } = {}) {
  const sent: string[] = [];
  const state = { nowMs: 0, leads, fails, members: 0 };
  const configurer = new AgentConfigurer(
    {
      clock: { nowMs: () => state.nowMs, monotonicMs: () => state.nowMs, sleep: async () => undefined },
      agentOf: (host) => ({
        configure: async () => {
          if (state.fails) throw new Error('no route');
          sent.push(host.name);
        },
      }),
      configOf: () => ({ voters: VOTERS, members: Array.from({ length: state.members }) }) as unknown as AgentConfig,
      leaderEpoch: () => (state.leads ? 1 : null),
    },
    log,
  );
  const look = async (hosts: readonly Host[], verdict: ClusterVerdict, nowMs = state.nowMs, writers: readonly string[] = []): Promise<readonly string[]> => {
    state.nowMs = nowMs;
    sent.length = 0;
    configurer.configure(hosts, verdict, writers);
    await new Promise((resolve) => setImmediate(resolve));
    return [...sent];
  };
  return { state, look };
}

describe('configurer of agents', () => {
  const host = aHost('host-1');

  it('tells a host that it does not hear: to a replica that is new it would never speak else', async () => {
    const { look } = rig();
    expect(await look([host], nobodyHeard)).toEqual(['host-1']);
  });

  it('tells again only what has changed, or after a while to who has not taken it', async () => {
    const { look, state } = rig();
    await look([host], heardBy(host, 2));
    expect(await look([host], heardBy(host, 2), 4_000)).toEqual([]);
    expect(await look([host], heardBy(host, 2), 5_001)).toEqual(['host-1']);
    expect(await look([host], heardBy(host, 3), 60_000)).toEqual([]);
    state.members = 1;
    expect(await look([host], heardBy(host, 3))).toEqual(['host-1']);
  });

  it('tells everybody again once an enrolment or a removal has begun or ended: that writes to all of them too', async () => {
    const { look } = rig();
    const rounds = [[], ['enrol-1'], ['enrol-1'], []];
    const told: number[] = [];
    for (const writers of rounds) told.push((await look([host], heardBy(host, 3), 0, writers)).length);
    expect(told).toEqual([1, 1, 0, 1]);
  });

  it('tries again what failed', async () => {
    const { look, state } = rig({ fails: true });
    expect(await look([host], nobodyHeard)).toEqual([]);
    state.fails = false;
    expect(await look([host], nobodyHeard, 6_000)).toEqual(['host-1']);
  });

  it('leaves hosts that are not admitted, and all of them where another replica leads', async () => {
    const { look, state } = rig();
    expect(await look([{ ...host, condition: 'fenced' }, { ...aHost('host-2'), condition: 'silent' }], nobodyHeard)).toEqual([]);
    state.leads = false;
    expect(await look([host], nobodyHeard)).toEqual([]);
  });
});
