// An adoption has looked at the host: what was seen of it before must not say that the workload is missing.
import { expect, it } from 'vitest';
import { aHost, aView, aWorkload } from '../../test/fixtures/cluster.js';
import type { HostInventory } from '../cluster/cluster-view.js';
import { shown } from '../cluster/decide.fixture.js';
import { fakeClock } from '../shared/workflow.fixture.js';
import { RealClusterCommands, type ClusterCommandPorts } from './cluster-commands.js';

const host = aHost('host-1');
const vm = aWorkload('vm-1', host);

function adopting(mute: readonly { readonly driver: 'lxd'; readonly why: string }[]) {
  const clock = fakeClock();
  const steps: string[] = [];
  const saved: HostInventory[] = [];
  const view = aView({ hosts: [host], workloads: [], inventories: [{ hostId: host.id, atMs: clock.nowMs() - 4_000, bootId: host.bootId ?? '', workloads: [] }] });
  const store = {
    readView: async () => view,
    saveInventory: async (one: HostInventory) => { steps.push('look saved'); saved.push(one); },
    decideAndCommit: async (changes: (of: typeof view) => unknown) => { steps.push('adopted'); changes(view); return { ok: true, value: { operationIds: [] } }; },
  };
  const hypervisor = { inventory: async () => ({ workloads: [shown(vm, 'running')], mute }), definition: async () => vm.definition, setAutostart: async () => undefined };
  const ports = { store, clock, audit: { append: async () => undefined }, committed: async () => undefined, world: { hypervisorOf: () => hypervisor, needsOf: () => vm.needs } } as unknown as ClusterCommandPorts;
  return { commands: new RealClusterCommands(ports), steps, saved, nowMs: clock.nowMs() };
}
const wanted = { host: 'host-1', name: 'vm-1', isProtected: false, priority: 0, drainPolicy: null, labels: {} };

it('the look of an adoption is kept before the workload is known', async () => {
  const { commands, steps, saved, nowMs } = adopting([]);
  await commands.adopt('anna', wanted);
  expect([steps, saved]).toEqual([['look saved', 'adopted'], [{ hostId: host.id, atMs: nowMs, bootId: host.bootId, workloads: [shown(vm, 'running')] }]]);
});

it('a look in which one of the hypervisors was mute stands for nothing of that one', async () => {
  const { commands, steps } = adopting([{ driver: 'lxd', why: 'no answer' }]);
  await commands.adopt('anna', wanted);
  expect(steps).toEqual(['adopted']);
});
