// Recorded and simulated facts, by the same measure as those of real hosts.
import { describe, expect, it } from 'vitest';
import { parseFacts } from '../../src/hosts/drivers/libvirt/facts.js';
import { FACTS, KERNEL_MEMORY } from '../../src/hosts/drivers/libvirt/recorded.fixture.js';
import { SimulatedGuard } from '../../src/sim/simulated-guard.js';
import { SimulatedHypervisor } from '../../src/sim/simulated-hypervisor.js';
import { storageIn } from '../../src/sim/simulated-needs.js';
import { SimulatedWorld } from '../../src/sim/simulated-world.js';
import { expectSoundFacts } from './host-facts.conformance.js';
import { definition, JumpingClock } from './simulated-rig.js';

describe('facts of a host', () => {
  it('recorded', () => {
    expectSoundFacts(parseFacts(FACTS, 0));
    const withPages = parseFacts(FACTS.replace(/Hugepagesize: 2048\n(hugepages .*\n)+ksm .*\n/, KERNEL_MEMORY.replace(/^MemTotal.*\n/, '')), 0);
    expectSoundFacts(withPages);
    expect([withPages.hugepages?.length, withPages.ksmSavedMiB]).toEqual([2, 1024]);
  });

  it('simulated, with guests that take of what it has', async () => {
    const world = new SimulatedWorld(new JumpingClock());
    const host = world.addHost({ name: 'host-1', address: '10.0.0.1', hugepages: new Map([[2048, 64]]), cpuFlags: ['aes', 'avx'], localDiskMiB: 1_000 });
    host.guard = new SimulatedGuard('host-1');
    host.guard.admit({ leaderEpoch: 0, hostEpoch: 1 }, host.bootId, host.bootId);
    const hypervisor = new SimulatedHypervisor(world, 'host-1');
    const token = { leaderEpoch: 1, hostEpoch: 1 };
    const backed = (name: string, feature: string): string => definition({ uuid: `00000000-0000-4000-8000-00000000000${name}`, name, memoryMiB: 32 }).replace('<vcpu', `<memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages></memoryBacking><cpu><feature policy='require' name='${feature}'/></cpu><vcpu`);
    await hypervisor.define(token, backed('1', 'avx'));
    await hypervisor.define(token, backed('2', 'avx512f'));
    await hypervisor.start(token, '00000000-0000-4000-8000-000000000001');
    await expect(hypervisor.start(token, '00000000-0000-4000-8000-000000000002')).rejects.toThrow('does not provide required features: avx512f');
    expect((await hypervisor.compatibility(backed('3', 'avx512f'))).map(({ code }) => code)).toEqual(['cpu-incompatible']);
    host.domains.set('ct', { uuid: 'ct', name: 'ct', kind: 'container', definition: definition({ uuid: 'ct', name: 'ct' }).replace('</name>', `</name>${storageIn('default', 300)}`), running: null, reason: 'unknown', autostart: false, statistics: null });
    const facts = await hypervisor.facts();
    expectSoundFacts(facts);
    expect([facts.hugepages, facts.cpuFlags, facts.containerDaemons[0]?.pools]).toMatchObject([[{ total: 64, free: 48 }], ['aes', 'avx'], [{ name: 'default', freeMiB: 700, totalMiB: 1_000 }]]);
  });
});
