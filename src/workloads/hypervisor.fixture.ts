// For tests of workflows: a small hypervisor in memory, whose calls fail on order.
import type { HostFacts } from '../hosts/host-facts.js';
import type { CommandToken, Hypervisor, ObservedWorkload, RunState } from '../hosts/hypervisor.js';
import { OperationalError, type OperationalCode } from '../shared/errors.js';

export const UUID = '11111111-2222-4333-8444-555555555555';
export const TOKEN: CommandToken = { leaderEpoch: 1, hostEpoch: 1, workload: { uuid: UUID, epoch: 2 } };

export function observed(runState: RunState, more: Partial<ObservedWorkload> = {}): ObservedWorkload {
  const reason = runState === 'running' ? 'booted' : runState === 'stopped' ? 'shutdown' : 'user';
  return { uuid: UUID, name: 'vm-1', kind: 'vm', driver: 'libvirt', runState, reason, vcpus: 1, memoryMiB: 64, autostart: false, persistent: true, ...more };
}

/** What goes wrong: at the `nth` call of `method` (1 is the first). `late`: the effect happens, the answer is lost. */
export interface Fault {
  readonly method: string;
  readonly nth: number;
  readonly code: OperationalCode;
  readonly late?: boolean;
}

export interface FakeWorld {
  readonly calls: string[];
  readonly domains: Map<string, ObservedWorkload>;
  readonly disks: Set<string>;
  fault: Fault | null;
  /** The host answers nothing any more. */
  dark: boolean;
  /** Guests that ignore the power button. */
  deaf: boolean;
  /** Every start is refused with `locked`. */
  locked: boolean;
  /** Called on each `observe`, before the answer: lets the world change while a workflow waits. */
  onObserve: (() => void) | null;
}

export function fakeHypervisor(): { hypervisor: Hypervisor; world: FakeWorld } {
  const world: FakeWorld = { calls: [], domains: new Map(), disks: new Set(), fault: null, dark: false, deaf: false, locked: false, onObserve: null };
  const counts = new Map<string, number>();
  const call = async <T>(method: string, act: () => T): Promise<T> => {
    world.calls.push(method);
    const nth = (counts.get(method) ?? 0) + 1;
    counts.set(method, nth);
    if (world.dark) throw new OperationalError('unreachable', 'no route to host');
    const { fault } = world;
    if (fault && fault.method === method && fault.nth === nth) {
      if (fault.late) act();
      throw new OperationalError(fault.code, `injected ${fault.code} at ${method} #${nth}`);
    }
    return act();
  };
  const set = (uuid: string, change: Partial<ObservedWorkload>): void => {
    const one = world.domains.get(uuid);
    if (!one) throw new OperationalError('not-found', `no domain ${uuid}`);
    world.domains.set(uuid, { ...one, ...change });
  };
  const hypervisor: Hypervisor = {
    copies: null,
    pools: null,
    members: null,
    facts: () => call('facts', () => ({ pools: ['shared', 'local'].map((name) => ({ name, path: `/pools/${name}`, markerId: null, freeMiB: 1, totalMiB: 1 })) }) as Partial<HostFacts> as HostFacts),
    overtake: () => call('overtake', () => undefined),
    announce: () => call('announce', () => undefined),
    inventory: () => call('inventory', () => ({ workloads: [...world.domains.values()], mute: [] })),
    observe: (uuid) => call('observe', () => (world.onObserve?.(), world.domains.get(uuid) ?? null)),
    definition: (uuid) => call('definition', () => `<domain>${uuid}</domain>`),
    migrationProgress: () => call('migrationProgress', () => null),
    migrationCommand: () => call('migrationCommand', () => ({ kind: 'none' as const })),
    migrationStatistics: () => call('migrationStatistics', () => ({ totalMs: null, downtimeMs: null, transferredBytes: null })),
    compatibility: () => call('compatibility', () => []),
    define: (_token, definition) => call('define', () => {
      const uuid = /[0-9a-f-]{36}/.exec(definition)?.[0] ?? UUID;
      if (!world.domains.has(uuid)) world.domains.set(uuid, observed('stopped', { uuid, reason: 'unknown' }));
    }),
    undefine: (_token, uuid) => call('undefine', () => {
      const one = world.domains.get(uuid);
      if (one && one.runState !== 'stopped') throw new OperationalError('failed', 'it runs');
      world.domains.delete(uuid);
    }),
    start: (_token, uuid) => call('start', () => {
      if (!world.domains.has(uuid)) throw new OperationalError('not-found', `no domain ${uuid}`);
      if (world.locked) throw new OperationalError('locked', 'Failed to get "write" lock');
      set(uuid, { runState: 'running', reason: 'booted' });
    }),
    requestShutdown: (_token, uuid) => call('requestShutdown', () => (world.deaf ? undefined : set(uuid, { runState: 'stopped', reason: 'shutdown' }))),
    kill: (_token, uuid) => call('kill', () => (world.domains.has(uuid) ? set(uuid, { runState: 'stopped', reason: 'destroyed' }) : undefined)),
    resume: (_token, uuid) => call('resume', () => set(uuid, { runState: 'running', reason: 'unpaused' })),
    setAutostart: (_token, uuid, on) => call('setAutostart', () => set(uuid, { autostart: on })),
    giveBackAutostart: () => call('giveBackAutostart', () => undefined),
    createDisk: (_token, name, disk) => call('createDisk', () => {
      const path = `/pools/${disk.pool}/${name}`;
      world.disks.add(path);
      return path;
    }),
    deleteDisk: (_token, path) => call('deleteDisk', () => {
      if (!world.disks.delete(path)) throw new OperationalError('not-found', `no volume ${path}`);
    }),
    startMigration: () => call('startMigration', () => undefined),
    abortMigration: () => call('abortMigration', () => undefined),
  };
  return { hypervisor, world };
}
