// A host belongs to one cluster of a control plane, however many ask at once.
import { describe, expect, it } from 'vitest';
import type { ClusterView } from '../cluster/cluster-view.js';
import type { Host } from '../hosts/host.js';
import { Neighbours } from './neighbours.js';

function clusters(): { neighbours: Neighbours; hosts: Record<'a' | 'b', Host[]> } {
  const neighbours = new Neighbours();
  const hosts: Record<'a' | 'b', Host[]> = { a: [], b: [] };
  for (const name of ['a', 'b'] as const) neighbours.join({ name, store: { readView: async () => ({ hosts: hosts[name] }) as unknown as ClusterView } });
  return { neighbours, hosts };
}

const host = (name: string, address: string, port = 22): Host => ({ name, address, ssh: { port } }) as Host;

describe('a host', () => {
  it('that another cluster has is refused, with whose it is', async () => {
    const { neighbours, hosts } = clusters();
    hosts.a.push(host('host-1', '10.0.0.1'));
    await expect(neighbours.assertFree('b', host('x', '10.0.0.1'))).rejects.toMatchObject({ code: 'conflict', message: 'address: 10.0.0.1 (SSH port 22) is host-1 of the cluster a; a host belongs to one cluster', remedy: 'reeve --cluster a host show host-1' });
    // Behind one address there may be several machines; its own cluster has its own say.
    await neighbours.assertFree('b', host('x', '10.0.0.1', 2222));
    await neighbours.assertFree('a', host('x', '10.0.0.1'));
  });

  it('is added to one of two clusters that ask at once', async () => {
    const { neighbours, hosts } = clusters();
    const add = (to: 'a' | 'b'): Promise<void> => neighbours.adding(to, host('host-1', '10.0.0.1'), async () => {
      await new Promise((done) => setTimeout(done, 5));
      hosts[to].push(host('host-1', '10.0.0.1'));
    });
    const ended = await Promise.allSettled([add('a'), add('b')]);
    expect(ended.map((one) => one.status)).toEqual(['fulfilled', 'rejected']);
    expect([hosts.a.length, hosts.b.length]).toEqual([1, 0]);
    // One that failed holds nobody up.
    await neighbours.adding('b', host('host-2', '10.0.0.2'), async () => void hosts.b.push(host('host-2', '10.0.0.2')));
    expect(hosts.b.map((one) => one.name)).toEqual(['host-2']);
  });
});
