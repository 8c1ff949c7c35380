// When hosts are asked what runs there: in turn, and all at once when something was lost or has left.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aHost, aVerdict, silentVerdict } from '../../../test/fixtures/cluster.js';
import type { ClusterVerdict } from '../verdict.js';
import type { MuteDriver, ObservedWorkload } from '../../hosts/hypervisor.js';
import { fakeClock } from '../../shared/workflow.fixture.js';
import { observed } from '../../workloads/hypervisor.fixture.js';
import { InventoryPoller } from './inventory-poller.js';
import type { HostInventory } from '../cluster-view.js';
import type { Log } from '../../shared/log.js';

const [one, two, three] = [aHost('host-1'), aHost('host-2'), aHost('host-3')];
const hosts = [one, two, three];
const all = (...silent: readonly (typeof one)[]): ClusterVerdict => aClusterVerdict(hosts.map((host) => (silent.includes(host) ? silentVerdict(host) : aVerdict(host))));

function setUp() {
  const asked: string[] = [];
  const shown = new Map<string, readonly ObservedWorkload[]>();
  const mute = new Map<string, readonly MuteDriver[]>();
  const saved: HostInventory[] = [];
  const state = { leads: true, news: 0, gate: Promise.resolve() };
  const poller = new InventoryPoller(
    {
      store: { saveInventory: async (inventory) => void saved.push(inventory) },
      clock: fakeClock(),
      hypervisorOf: (host) => ({
        inventory: async () => {
          asked.push(host.name);
          await state.gate;
          return { workloads: shown.get(host.name) ?? [], mute: mute.get(host.name) ?? [] };
        },
      }),
      leaderEpoch: () => (state.leads ? 1 : null),
      onNews: () => void (state.news += 1),
    },
    { debug: () => undefined } as unknown as Log,
  );
  const poll = async (verdict = all()): Promise<readonly string[]> => {
    asked.length = 0;
    poller.poll(hosts, verdict);
    await new Promise(setImmediate);
    return [...asked];
  };
  return { poll, shown, mute, saved, state, asked };
}

describe('inventory poller', () => {
  it('asks each healthy host, and not again at once', async () => {
    const { poll } = setUp();
    expect(await poll()).toEqual(['host-1', 'host-2', 'host-3']);
    expect(await poll()).toEqual([]);
  });

  it('asks all others as soon as a host is lost, once', async () => {
    const { poll } = setUp();
    await poll();
    expect(await poll(all(three))).toEqual(['host-1', 'host-2']);
    expect(await poll(all(three))).toEqual([]);
  });

  it('tells as soon as an answer is there that a lost host made it ask for, also if nothing has changed', async () => {
    const { poll, state } = setUp();
    await poll();
    expect(state.news).toBe(0);
    await poll(all(three));
    expect(state.news).toBe(2);
  });

  it('asks once more who was being asked when a host was lost: that answer may be older', async () => {
    const { poll, state, asked } = setUp();
    let open: () => void = () => undefined;
    state.gate = new Promise((resolve) => (open = resolve));
    await poll();
    expect(await poll(all(three))).toEqual([]);
    open();
    await new Promise(setImmediate);
    // The lost one is asked by its re-admission, if it comes back.
    expect(asked).toEqual(['host-1', 'host-2']);
  });

  it('asks nobody while another replica leads, and everybody as soon as it leads itself', async () => {
    const { poll, state } = setUp();
    await poll();
    state.leads = false;
    expect(await poll(all(three))).toEqual([]);
    state.leads = true;
    expect(await poll(all(three))).toEqual(['host-1', 'host-2']);
  });

  it('asks all again when a workload has left a host', async () => {
    const { poll, shown } = setUp();
    shown.set('host-1', [observed('running')]);
    await poll();
    shown.set('host-1', []);
    await poll(all(three));
    expect(await poll(all(three))).toEqual(['host-1', 'host-2']);
    expect(await poll(all(three))).toEqual([]);
  });

  it('keeps since when a hypervisor is mute, and takes nothing that it ran for gone', async () => {
    const { poll, shown, mute, saved } = setUp();
    const ofLast = (): HostInventory | undefined => saved.filter(({ hostId }) => hostId === one.id).at(-1);
    shown.set('host-1', [observed('running')]);
    await poll();
    shown.set('host-1', []);
    mute.set('host-1', [{ driver: 'libvirt', why: 'no answer' }]);
    await poll(all(three));
    expect(ofLast()).toMatchObject({ workloads: [], mute: [{ driver: 'libvirt', why: 'no answer', sinceMs: ofLast()?.atMs }] });
    expect(await poll(all(three))).toEqual([]);
    mute.clear();
    shown.set('host-1', [observed('running')]);
    await poll(all(two, three));
    expect(ofLast()?.mute).toBeUndefined();
  });

  it('asks all again when a workload came to a host and another was seen with it', async () => {
    const { poll, shown } = setUp();
    shown.set('host-1', [observed('running')]);
    await poll();
    shown.set('host-2', [observed('running')]);
    await poll(all(three));
    expect(await poll(all(three))).toEqual(['host-1', 'host-2']);
    expect(await poll(all(three))).toEqual([]);
  });
});
