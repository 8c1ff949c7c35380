// What a host that came back runs is kept, also what only its kernel tells of, and also by a replica whose clock is behind.
import { expect, it } from 'vitest';
import { aHost, aView, aWorkload } from '../../../test/fixtures/cluster.js';
import { observed } from '../../workloads/hypervisor.fixture.js';
import type { HostInventory } from '../cluster-view.js';
import { rememberCopies } from './remember-copies.js';

const NOW_MS = 1_000_000;

it('keeps what was seen as of before the question, and after the proof', async () => {
  const saved: HostInventory[] = [];
  const host = aHost('host-3', { condition: 'fenced', conditionSinceMs: NOW_MS });
  const [shown, denied] = [aWorkload('vm-1', host), aWorkload('vm-2', host)];
  const ports = { store: { saveInventory: async (one: HostInventory) => void saved.push(one) }, clock: { nowMs: () => NOW_MS - 5_000 } } as unknown as Parameters<typeof rememberCopies>[0];
  const remember = rememberCopies(ports, host, { view: aView({ hosts: [host], workloads: [shown, denied] }), bootId: 'boot-b' });
  await remember({ workloads: [observed('running', { uuid: shown.uuid }), observed('stopped', { uuid: denied.uuid })], processes: [shown.uuid, denied.uuid, 'not-ours'] });
  expect(saved).toMatchObject([{ hostId: host.id, atMs: NOW_MS + 1, bootId: 'boot-b' }]);
  expect(saved[0]?.workloads.map(({ uuid, runState }) => [uuid, runState])).toEqual([[shown.uuid, 'running'], [denied.uuid, 'running']]);
});
