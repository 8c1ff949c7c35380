// Which connections to hosts are kept from one look at the cluster to the next.
import { describe, expect, it } from 'vitest';
import { aHost, aView } from '../../test/fixtures/cluster.js';
import { RealHostWorld } from './host-world.js';

const [one, two] = [aHost('host-1'), aHost('host-2')];
const seen = (...hosts: readonly (typeof one)[]): ReturnType<typeof aView> => aView({ hosts, workloads: [] });

function aWorld(): { readonly world: RealHostWorld; readonly pass: (ms: number) => void } {
  let nowMs = 0;
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, sleep: async (): Promise<void> => undefined };
  const config = { ssh: { identityFile: '/nowhere/key' } } as unknown as ConstructorParameters<typeof RealHostWorld>[0]['config'];
  const world = new RealHostWorld({ config, clock, log: {} as never, clusterId: 'c-1', witnesses: () => [], voters: () => ({ epoch: 0, ids: [] }), agentBundle: '/nowhere/agent' });
  return { world, pass: (ms) => (nowMs += ms) };
}

describe('connections to hosts', () => {
  it('stay while their host is in the view, and end with it', async () => {
    const { world } = aWorld();
    const first = world.agentOf(one);
    await world.follow(seen(one, two));
    await world.follow(seen(one));
    expect(world.agentOf(one)).toBe(first);
    await world.follow(seen(two));
    expect(world.agentOf(one)).not.toBe(first);
    await world.close();
  });

  it('stay while a machine is looked at that is in no view yet, and not for ever', async () => {
    const { world, pass } = aWorld();
    await world.follow(seen(two));
    const first = world.agentOf(one);
    for (let round = 0; round < 3; round += 1) await world.follow(seen(two));
    expect(world.agentOf(one)).toBe(first);
    pass(600_000);
    await world.follow(seen(two));
    expect(world.agentOf(one)).not.toBe(first);
    await world.close();
  });

  it('are made anew when their host is reached another way', async () => {
    const { world } = aWorld();
    const first = world.agentOf(one);
    await world.follow(seen({ ...one, address: '10.0.0.99' }));
    expect(world.agentOf({ ...one, address: '10.0.0.99' })).not.toBe(first);
    await world.close();
  });
});
