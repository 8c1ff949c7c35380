// What a host that came back runs is kept after each look, also what only its kernel tells of, and also by a replica whose clock is behind.
import { describe, expect, it } from 'vitest';
import { aHost, aView, aWorkload } from '../../../test/fixtures/cluster.js';
import type { MuteDriver } from '../../hosts/hypervisor.js';
import { observed } from '../../workloads/hypervisor.fixture.js';
import type { HostInventory } from '../cluster-view.js';
import { rememberCopies } from './remember-copies.js';

const NOW_MS = 1_000_000;
const PROOF = { kind: 'power-off' as const, evidence: 'off', atMs: NOW_MS - 9_000, bootId: 'boot-a', hostEpoch: 1 };
const host = aHost('host-3', { condition: 'fenced', conditionSinceMs: NOW_MS - 9_000, proof: PROOF });
const [one, two] = [aWorkload('vm-1', host), aWorkload('vm-2', host)];

function setUp(before: readonly HostInventory[] = []) {
  const saved: HostInventory[] = [...before];
  const view = aView({ hosts: [host], workloads: [one, two] });
  const store = { readView: async () => ({ ...view, inventories: saved.slice(-1) }), saveInventory: async (look: HostInventory) => void saved.push(look) };
  const remember = rememberCopies({ store, clock: { nowMs: () => NOW_MS } } as unknown as Parameters<typeof rememberCopies>[0], host, { view, bootId: 'boot-b' });
  const see = (shown: readonly ReturnType<typeof observed>[], processes: readonly string[] = [], mute: readonly MuteDriver[] = []) => remember({ workloads: shown, processes, mute });
  return { saved, see, runs: () => saved.at(-1)?.workloads.map(({ uuid, runState }) => `${uuid} ${runState}`) };
}

describe('what a host that came back was seen to run', () => {
  it('is kept with its boot and the proof that the host had then; what is stopped is not', async () => {
    const { saved, see, runs } = setUp();
    await see([observed('running', { uuid: one.uuid }), observed('stopped', { uuid: two.uuid })], [one.uuid, 'not-ours']);
    expect(saved).toMatchObject([{ hostId: host.id, atMs: NOW_MS, bootId: 'boot-b', unadmitted: { proofAtMs: PROOF.atMs } }]);
    expect(runs()).toEqual([`${one.uuid} running`]);
  });

  it('is believed of the kernel, whatever the hypervisor says', async () => {
    const { see, runs } = setUp();
    await see([observed('stopped', { uuid: two.uuid })], [two.uuid]);
    expect(runs()).toEqual([`${two.uuid} running`]);
  });

  it('is replaced by the next look, also where the one before has a later time', async () => {
    const ahead = { hostId: host.id, atMs: NOW_MS + 5_000, bootId: 'boot-b', workloads: [observed('running', { uuid: one.uuid })], unadmitted: { proofAtMs: PROOF.atMs } };
    const { saved, see, runs } = setUp([ahead]);
    await see([]);
    expect([saved.at(-1)?.atMs, runs()]).toEqual([NOW_MS + 5_001, []]);
  });

  it('stays, of a hypervisor that has become mute', async () => {
    const before = { hostId: host.id, atMs: NOW_MS - 1, bootId: 'boot-b', workloads: [observed('running', { uuid: one.uuid }), observed('running', { uuid: two.uuid, driver: 'lxd' })], unadmitted: { proofAtMs: PROOF.atMs } };
    const { see, runs } = setUp([before]);
    await see([], [], [{ driver: 'lxd', why: 'no answer' }]);
    expect(runs()).toEqual([`${two.uuid} running`]);
  });
});
