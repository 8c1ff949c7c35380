// When hosts are asked what runs there: in turn, and all at once when something was lost or has left.
import { describe, expect, it } from 'vitest';
import { aClusterVerdict, aHost, aVerdict, silentVerdict } from '../../../test/fixtures/cluster.js';
import type { ClusterVerdict } from '../verdict.js';
import type { ObservedWorkload } from '../../hosts/hypervisor.js';
import { fakeClock } from '../../shared/workflow.fixture.js';
import { observed } from '../../workloads/hypervisor.fixture.js';
import { InventoryPoller } from './inventory-poller.js';
import type { Log } from '../../shared/log.js';

const [one, two, three] = [aHost('host-1'), aHost('host-2'), aHost('host-3')];
const hosts = [one, two, three];
const all = (...silent: readonly (typeof one)[]): ClusterVerdict => aClusterVerdict(hosts.map((host) => (silent.includes(host) ? silentVerdict(host) : aVerdict(host))));

function setUp() {
  const asked: string[] = [];
  const shown = new Map<string, readonly ObservedWorkload[]>();
  const poller = new InventoryPoller(
    {
      store: { saveInventory: async () => undefined },
      clock: fakeClock(),
      hypervisorOf: (host) => ({
        inventory: async () => {
          asked.push(host.name);
          return shown.get(host.name) ?? [];
        },
      }),
      onNews: () => undefined,
    },
    { debug: () => undefined } as unknown as Log,
  );
  const poll = async (verdict = all()): Promise<readonly string[]> => {
    asked.length = 0;
    poller.poll(hosts, verdict);
    await new Promise(setImmediate);
    return [...asked];
  };
  return { poll, shown };
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

  it('asks all again when a workload has left a host', async () => {
    const { poll, shown } = setUp();
    shown.set('host-1', [observed('running')]);
    await poll();
    shown.set('host-1', []);
    await poll(all(three));
    expect(await poll(all(three))).toEqual(['host-1', 'host-2']);
    expect(await poll(all(three))).toEqual([]);
  });
});
