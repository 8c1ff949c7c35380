// For tests of moves: two simulated hosts with one workload on the first, and what must hold at every moment.
import { domainXml } from '../hosts/drivers/libvirt/domain-xml.js';
import type { CommandToken } from '../hosts/hypervisor.js';
import type { Clock } from '../shared/clock.js';
import { fakeClock } from '../shared/workflow.fixture.js';
import { SimulatedGuard } from '../sim/simulated-guard.js';
import { SimulatedHypervisor } from '../sim/simulated-hypervisor.js';
import { simulatedNeeds, storageIn } from '../sim/simulated-needs.js';
import { SimulatedWorld, type SimulatedDomain } from '../sim/simulated-world.js';
import type { MigrationContext } from './migration-context.js';
import { DEFAULT_MIGRATION_POLICY } from './migration-policy.js';
import type { CopyRelocationContext } from './run-copy-relocation.js';
import type { MemberRelocationContext } from './run-member-relocation.js';
import type { RelocationContext } from './run-relocation.js';

export const UUID = '11111111-2222-4333-8444-555555555555';
export const SOURCE = 'host-1';
export const DESTINATION = 'host-2';
const DISK = '/srv/shared/vm-1.raw';
const TOKEN: CommandToken = { leaderEpoch: 1, hostEpoch: 1, workload: { uuid: UUID, epoch: 2 } };

export interface MoveWorld {
  readonly world: SimulatedWorld;
  readonly migration: MigrationContext;
  readonly relocation: RelocationContext;
  /** For a world whose workload has its data at its host. */
  readonly copying: CopyRelocationContext;
  /** For one whose hosts' daemons form a cluster. */
  readonly inside: MemberRelocationContext;
  /** The most that a start anywhere found missing of what had been written, in milliseconds of its life. */
  mostLostMs(): number;
  /** Called at each moment that passes: lets things happen while a workflow waits. */
  at(ms: number, happens: () => void): void;
  /** The most copies that ever executed at one moment. */
  mostCopies(): number;
}

export function moveWorld(set: { readonly memoryMiB?: number; readonly disk?: string; readonly policy?: Partial<MigrationContext['policy']>; readonly copyStorage?: boolean; readonly isLocal?: boolean; readonly isClustered?: boolean } = {}): MoveWorld {
  const base = fakeClock();
  const due: { readonly ms: number; readonly happens: () => void }[] = [];
  let most = 0;
  const clock: Clock = { ...base, sleep: async (ms) => {
    await base.sleep(ms);
    for (const one of due.splice(0)) if (base.passed() >= one.ms) one.happens(); else due.push(one);
    most = Math.max(most, world.executingOn(UUID).length);
  } };
  const world = new SimulatedWorld(clock);
  const { memoryMiB = 64, disk = DISK } = set;
  const xml = domainXml({
    uuid: UUID, name: 'vm-1', vcpus: 1, memoryMiB, accelerator: 'tcg', architecture: 'x86_64', machine: 'pc', cpuModel: null,
    disks: [{ path: disk, format: 'raw' }], bridge: 'br0', mac: null, seedIso: null, kernel: null, serialLog: null,
  });
  const definition = set.isLocal || set.isClustered ? xml.replace('</name>', `</name>${storageIn('default')}`) : xml;
  const hosts = [SOURCE, DESTINATION].map((name, index) => world.addHost({ name, address: `10.0.0.${index + 1}` }));
  for (const host of hosts) {
    if (set.isClustered) host.daemonCluster = 'lxd';
    host.guard = new SimulatedGuard(host.name);
    host.guard.admit({ leaderEpoch: 1, hostEpoch: 1 }, host.bootId, host.bootId);
  }
  const first = world.host(SOURCE);
  world.filesOf(first, disk).set(disk, 64);
  first.domains.set(UUID, { uuid: UUID, name: 'vm-1', kind: 'vm', definition, running: { definition, state: 'running' }, reason: 'booted', autostart: false, statistics: null });
  const place = (name: string): { name: string; hypervisor: SimulatedHypervisor; token: CommandToken } => ({ name, hypervisor: new SimulatedHypervisor(world, name), token: TOKEN });
  const workload = { uuid: UUID, name: 'vm-1', definition, needs: simulatedNeeds(definition, first.pools) };
  const provenOff = async (side: 'source' | 'destination'): Promise<boolean> => !world.host(side === 'source' ? SOURCE : DESTINATION).powered;
  const migration: MigrationContext = {
    operationId: 'op-1', workload, source: place(SOURCE), destination: { ...place(DESTINATION), sshUser: 'root', sshPort: 22, address: '10.0.0.2' },
    clock, policy: { ...DEFAULT_MIGRATION_POLICY, ...set.policy }, copyStorage: set.copyStorage ?? false, provenOff,
  };
  const relocation: RelocationContext = { workload, source: place(SOURCE), target: place(DESTINATION), clock, stillWanted: async () => null, graceMs: 10_000, killAfter: false };
  const copying: CopyRelocationContext = { ...relocation, operationId: 'op-1', bandwidthMiBps: null, keepsReplica: false };
  const inside: MemberRelocationContext = { ...relocation, operationId: 'op-1', source: { ...relocation.source, member: SOURCE }, target: { ...relocation.target, member: DESTINATION } };
  return { world, migration, relocation, copying, inside, mostLostMs: watchWrites(world), at: (ms, happens) => void due.push({ ms, happens }), mostCopies: () => most };
}

/** It writes all the time while it runs: whoever starts it with older data than it had when it ended last has lost some. */
function watchWrites(world: SimulatedWorld): () => number {
  let writtenMs = 0;
  let lostMs = 0;
  const nothing = (): void => undefined;
  world.observer = {
    started: (_host, domain: SimulatedDomain) => {
      lostMs = Math.max(lostMs, writtenMs - (domain.dataAtMs ?? 0));
    },
    ended: () => {
      writtenMs = world.clock.monotonicMs();
    },
    arrived: nothing, mounted: nothing, migrationBegan: nothing, startFailed: nothing, migrateFailed: nothing, accepted: nothing,
  };
  return () => lostMs;
}
