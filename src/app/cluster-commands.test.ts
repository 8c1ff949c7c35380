// What a person asks for while something of ours is in the way.
import { describe, expect, it } from 'vitest';
import { aHost, anOperation, aView, aWorkload } from '../../test/fixtures/cluster.js';
import type { ClusterView } from '../cluster/cluster-view.js';
import { fakeClock } from '../shared/workflow.fixture.js';
import { RealClusterCommands, type ClusterCommandPorts } from './cluster-commands.js';

const host = aHost('host-1');
const vm = aWorkload('vm-1', host);

/** A store that shows these operations, one set at each look, the last one for ever. */
function commandsOver(...operations: readonly ClusterView['operations'][]) {
  const state = { looks: 0 };
  const clock = fakeClock();
  const store = {
    decideAndCommit: async (changes: (view: ClusterView) => readonly unknown[]) => {
      const active = operations[Math.min(state.looks, operations.length - 1)] ?? [];
      state.looks += 1;
      changes(aView({ hosts: [host], workloads: [vm], operations: active }));
      return { ok: true, value: { operationIds: ['op-1'] } };
    },
  };
  const ports = { store, clock, audit: { append: async () => undefined }, committed: async () => undefined } as unknown as ClusterCommandPorts;
  return { commands: new RealClusterCommands(ports), state, clock };
}

const GENTLY = { force: false, timeoutS: 60 };
const lease = [anOperation('lease', { workloadId: vm.id })];
const migrate = [anOperation('migrate', { workloadId: vm.id })];

describe('a command', () => {
  it('waits for what is over in a moment, and is done then', async () => {
    const { commands, state } = commandsOver(lease, lease, []);
    expect(await commands.stop('anna', 'vm-1', GENTLY)).toEqual({ operationIds: ['op-1'] });
    expect(state.looks).toBe(3);
  });

  it('is refused with what is in the way: at once where that takes its time, after 8 s where it should be over', async () => {
    const slow = commandsOver(migrate);
    await expect(slow.commands.stop('anna', 'vm-1', GENTLY)).rejects.toThrow('migrate is under way');
    expect(slow.state.looks).toBe(1);
    const stuck = commandsOver(lease);
    const began = stuck.clock.monotonicMs();
    await expect(stuck.commands.stop('anna', 'vm-1', GENTLY)).rejects.toThrow('lease is under way');
    expect(stuck.clock.monotonicMs() - began).toBeGreaterThanOrEqual(8_000);
  });
});
