// When a running copy on a returned host is taken for the only one: only when nothing else can be.
import { describe, expect, it } from 'vitest';
import { aHost, anOperation, aView, aWorkload } from '../../../test/fixtures/cluster.js';
import type { Host } from '../../hosts/host.js';
import { OperationalError } from '../../shared/errors.js';
import type { ClusterView } from '../cluster-view.js';
import type { ExecutePorts } from './execute-ports.js';
import { isOnlyCopy } from './only-copy.js';

const [back, home, third] = [aHost('back', { condition: 'fenced' }), aHost('home'), aHost('third')];
const vm = aWorkload('vm', home);
const off = (host: Host, kind: 'power-off' | 'lease-expired'): Host => ({ ...host, condition: 'fenced', proof: { kind, evidence: 'x', atMs: 0, bootId: host.bootId, hostEpoch: 1 } });
type Shows = 'nothing' | 'running' | 'stopped' | 'migrated' | 'no answer';

function asked(shows: Readonly<Record<string, Shows>>, set: Partial<ClusterView> = {}): Promise<boolean> {
  const observe = async (name: string): Promise<unknown> => {
    const says = shows[name] ?? 'nothing';
    if (says === 'no answer') throw new OperationalError('unreachable', 'no route');
    return says === 'nothing' ? null : { runState: says === 'running' ? 'running' : 'stopped', reason: says === 'migrated' ? 'migrated' : 'shutdown' };
  };
  const view = aView({ hosts: [back, home, third], workloads: [vm], ...set });
  const ports = { store: { readView: async () => view }, world: { hypervisorOf: (host: Host) => ({ observe: () => observe(host.name) }) } };
  return isOnlyCopy(ports as unknown as ExecutePorts, back, vm.uuid);
}

describe('the only copy', () => {
  it.each<[boolean, Readonly<Record<string, Shows>>]>([
    [true, {}],
    [true, { home: 'migrated', third: 'stopped' }],
    [false, { home: 'stopped' }],
    [false, { home: 'running' }],
    [false, { home: 'no answer' }],
    [false, { third: 'running' }],
    [false, { third: 'no answer' }],
  ])('%s when others show %j', async (is, shows) => expect(await asked(shows)).toBe(is));

  it('is none while something of ours is under way, its home is not in service, or another may have it', async () => {
    expect(await asked({}, { operations: [anOperation('start', { workloadId: vm.id })] })).toBe(false);
    expect(await asked({}, { hosts: [back, off(home, 'power-off'), third] })).toBe(false);
    expect(await asked({}, { hosts: [back, home, { ...third, condition: 'silent' }] })).toBe(false);
    expect(await asked({}, { hosts: [back, home, off(third, 'lease-expired')] })).toBe(false);
    expect(await asked({ third: 'no answer' }, { hosts: [back, home, off(third, 'power-off')] })).toBe(true);
  });

  it('is what is placed here by now, and nothing that nobody knows', async () => {
    expect(await asked({ home: 'no answer' }, { workloads: [{ ...vm, hostId: back.id }] })).toBe(true);
    expect(await asked({}, { workloads: [] })).toBe(false);
  });
});
