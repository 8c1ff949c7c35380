// Creation, deletion and adoption.
import { describe, expect, it } from 'vitest';
import { crashingJournal, everythingTwice, failedAtEachStep, fakeClock, killedEverywhere } from '../shared/workflow.fixture.js';
import { hostId, workloadId } from '../shared/ids.js';
import type { OperationalCode } from '../shared/errors.js';
import { adopt, type Adoption } from './adopt.js';
import { createSteps, runCreate, type BuildableVm, type CreateContext } from './run-create.js';
import { deletableDisks, DELETE_STEPS, runDelete, type DeleteContext } from './run-delete.js';
import { parseVmSpec, type VmSpec } from './vm-spec.js';
import { NO_FAILURES, type Workload } from './workload.js';
import { fakeHypervisor, observed, TOKEN, UUID, type FakeWorld } from './hypervisor.fixture.js';

function specOf(input: object): VmSpec {
  const parsed = parseVmSpec({ name: 'vm-1', vcpus: 1, memoryMiB: 64, ...input });
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}
const SPEC = specOf({ disks: [{ pool: 'shared', sizeMiB: 10 }, { pool: 'local', sizeMiB: 5, format: 'raw', from: '/img' }], cloudInit: { userData: '#cloud-config' } });
const VOLUMES = ['/pools/shared/vm-1-11111111-vda.qcow2', '/pools/local/vm-1-11111111-vdb.raw', '/pools/shared/vm-1-11111111-seed.iso'];

interface World extends FakeWorld {
  readonly built: BuildableVm[];
}

function setUp(more: Partial<CreateContext> = {}, prepare: (world: FakeWorld) => void = () => {}): { world: World; context: CreateContext } {
  const { hypervisor, world } = fakeHypervisor();
  prepare(world);
  const built: BuildableVm[] = [];
  const context: CreateContext = {
    workload: { uuid: UUID, name: 'vm-1' }, target: { name: 'host-1', hypervisor, token: TOKEN }, clock: fakeClock(), stillWanted: async () => null, spec: SPEC, startIt: true,
    make: {
      definition: (vm) => (built.push(vm), `<domain><uuid>${vm.uuid}</uuid></domain>`),
      seed: async (_token, { pool, name }) => hypervisor.createDisk(TOKEN, name, { pool, sizeMiB: 1, format: 'raw' }),
    },
    ...more,
  };
  return { world: Object.assign(world, { built }), context };
}
const run = (context: CreateContext) => runCreate(context, crashingJournal().journal());

describe('create', () => {
  it('makes disks, seed and definition, starts it, and keeps the definition as the host has it', async () => {
    const { world, context } = setUp();
    expect(await run(context)).toMatchObject({ kind: 'succeeded', memo: { definition: `<domain>${UUID}</domain>` } });
    expect([...world.disks]).toEqual(VOLUMES);
    expect(world.built[0]).toMatchObject({ disks: [{ path: VOLUMES[0], format: 'qcow2' }, { path: VOLUMES[1], format: 'raw' }], seedIso: VOLUMES[2] });
    expect(world.domains.get(UUID)?.runState).toBe('running');
  });
  it('does not start it when that is not wanted', async () => {
    const { world, context } = setUp({ startIt: false });
    expect(await run(context)).toMatchObject({ kind: 'succeeded', memo: { definition: `<domain>${UUID}</domain>` } });
    expect(world.domains.get(UUID)?.runState).toBe('stopped');
  });
  it('needs neither disks nor a seed', async () => {
    const spec = specOf({ kernel: '/srv/vmlinux' });
    const { world, context } = setUp({ spec });
    expect((await run(context)).kind).toBe('succeeded');
    expect(world.built[0]).toMatchObject({ disks: [], seedIso: null });
  });
  it('takes back everything when it does not start', async () => {
    const { world, context } = setUp({}, (one) => void (one.locked = true));
    expect(await run(context)).toMatchObject({ kind: 'failed', code: 'storage-locked' });
    expect([...world.disks]).toEqual([]);
    expect(world.domains.size).toBe(0);
  });
  it('keeps the disks while it runs after all', async () => {
    const { world, context } = setUp({}, (one) => {
      let looks = 0;
      one.onObserve = () => void ((looks += 1) === 1 && one.domains.set(UUID, observed('stopped', { reason: 'crashed' })), looks === 2 && one.domains.set(UUID, observed('running')));
    });
    expect(await run(context)).toMatchObject({ kind: 'unknown', code: 'undo-failed' });
    expect([...world.disks]).toEqual(VOLUMES);
  });
  it('leaves nothing behind, or says so, whichever call fails and whether or not it had its effect', async () => {
    const codes: readonly OperationalCode[] = ['unreachable', 'timeout', 'failed', 'locked', 'guard-refused'];
    for (const code of codes) for (const method of ['createDisk', 'define', 'setAutostart', 'definition', 'start', 'observe']) for (const late of [false, true]) for (const nth of [1, 2, 3]) {
      const { world, context } = setUp({}, (one) => void (one.fault = { method, nth, code, late }));
      const outcome = await run(context);
      if (outcome.kind === 'failed') expect([[...world.disks], world.domains.size]).toEqual([[], 0]);
      if (outcome.kind === 'succeeded') expect(world.domains.get(UUID)?.runState).toBe('running');
    }
  });
});

describe('delete', () => {
  const setUpDelete = (prepare: (world: FakeWorld) => void = () => {}): { world: FakeWorld; context: DeleteContext } => {
    const { hypervisor, world } = fakeHypervisor();
    world.domains.set(UUID, observed('stopped'));
    world.disks.add('/pools/shared/a').add('/pools/shared/b');
    prepare(world);
    return { world, context: { workload: { uuid: UUID, name: 'vm-1' }, target: { name: 'host-1', hypervisor, token: TOKEN }, disks: ['/pools/shared/a'], withData: false } };
  };
  const runIt = (context: DeleteContext) => runDelete(context, crashingJournal().journal());

  it('removes the definition, and the disks that were named', async () => {
    const { world, context } = setUpDelete();
    expect((await runIt(context)).kind).toBe('succeeded');
    expect([world.domains.size, [...world.disks]]).toEqual([0, ['/pools/shared/b']]);
  });
  it('refuses while it runs', async () => {
    const { world, context } = setUpDelete((one) => one.domains.set(UUID, observed('paused')));
    expect(await runIt(context)).toMatchObject({ kind: 'failed', code: 'running' });
    expect([world.domains.size, world.disks.size]).toEqual([1, 2]);
  });
  it('touches no disk when it runs in spite of all', async () => {
    const { world, context } = setUpDelete((one) => {
      let looks = 0;
      one.onObserve = () => void ((looks += 1) === 2 && one.domains.set(UUID, observed('running', { persistent: false })));
    });
    expect(await runIt(context)).toMatchObject({ kind: 'failed', code: 'not-undefined' });
    expect(world.disks.size).toBe(2);
  });
  it('is fine with what is gone already, and can be repeated after a failure', async () => {
    const { world, context } = setUpDelete((one) => void (one.fault = { method: 'deleteDisk', nth: 1, code: 'failed' }));
    expect(await runIt(context)).toMatchObject({ kind: 'failed', code: 'disks-left' });
    expect((await runIt(context)).kind).toBe('succeeded');
    expect((await runIt(context)).kind).toBe('succeeded');
    expect([...world.disks]).toEqual(['/pools/shared/b']);
  });
  it('names only disks that are its own', () => {
    const disk = (path: string, more = {}) => ({ target: 'vda', path, pool: 'shared', format: 'raw', readonly: false, ...more });
    const workload = (id: string, disks: ReturnType<typeof disk>[]) => ({ id: workloadId(id), uuid: UUID, name: 'vm-1', needs: { disks } }) as unknown as Workload;
    const one = workload('1', [disk('/own'), disk('/shared'), disk('/iso', { readonly: true }), disk('/elsewhere', { pool: null }), disk('/p/vm-1-11111111-seed.iso', { readonly: true })]);
    expect(deletableDisks(one, [one, workload('2', [disk('/shared')])])).toEqual(['/own', '/p/vm-1-11111111-seed.iso']);
  });
});

describe('adopt', () => {
  const needs = { vcpus: 1, memoryMiB: 64, disks: [], bridges: [], cpuModel: null, architecture: 'x86_64', accelerator: 'kvm', driver: 'libvirt', instance: null, pinnedBy: [] } as const;
  const base: Adoption = {
    id: workloadId('w'), hostId: hostId('h'), host: 'host-1', observed: observed('running'), definition: '<domain/>', needs, known: [], alsoRunsOn: [],
    settings: { isProtected: true, priority: 5, maxRestarts: 1, maxRelocations: 1, drainPolicy: 'migrate' },
  };
  it('takes it as it is', () => {
    expect(adopt(base)).toMatchObject({ ok: true, value: { uuid: UUID, name: 'vm-1', desired: 'running', state: 'running', hostId: 'h', workloadEpoch: 1, priority: 5, failures: NO_FAILURES } });
    expect(adopt({ ...base, observed: observed('stopped') })).toMatchObject({ value: { desired: 'stopped', state: 'stopped' } });
    expect(adopt({ ...base, observed: observed('paused') })).toMatchObject({ value: { desired: 'running', state: 'paused' } });
  });
  const refusals: readonly [Partial<Adoption>, string][] = [
    [{ known: [{ uuid: UUID, name: 'x' }] }, 'known'],
    [{ known: [{ uuid: 'other', name: 'vm-1' }] }, 'name-taken'],
    [{ alsoRunsOn: ['host-2'] }, 'duplicate'],
    [{ observed: observed('migrating-in') }, 'migrating'],
    [{ observed: observed('running', { persistent: false }) }, 'transient'],
    [{ needs: { ...needs, pinnedBy: ['PCI device 01:00.0'] } }, 'pinned'],
  ];
  for (const [change, code] of refusals) it(`refuses: ${code}`, () => expect(adopt({ ...base, ...change })).toMatchObject({ ok: false, error: { code } }));
  it('takes what is tied to its host, unprotected', () => expect(adopt({ ...base, needs: { ...needs, pinnedBy: ['PCI'] }, settings: { ...base.settings, isProtected: false } }).ok).toBe(true));
});

describe('steps: create', () => {
  it('each step and each undo may run twice', async () => {
    const { outcome, world } = await everythingTwice(setUp(), createSteps(SPEC));
    expect([outcome.kind, world.domains.get(UUID)?.runState, [...world.disks]]).toEqual(['succeeded', 'running', VOLUMES]);
  });

  it('failed at each step: everything that was made is gone, or it runs on its disks and a person is told', async () => {
    await failedAtEachStep(setUp, createSteps(SPEC), ({ outcome, world }) => {
      const runs = world.domains.get(UUID)?.runState === 'running';
      expect([outcome.kind, [...world.disks]]).toEqual(runs ? ['unknown', VOLUMES] : ['failed', []]);
    });
  });

  it('crashed at each write and resumed: it runs on its disks', async () => {
    await killedEverywhere(setUp, createSteps(SPEC), ({ outcome, world }) => {
      expect(outcome.kind).toBe('succeeded');
      expect([...world.disks]).toEqual(VOLUMES);
      expect(world.domains.get(UUID)?.runState).toBe('running');
    });
  });

  it('crashed at each write and resumed while it fails: everything is taken back', async () => {
    await killedEverywhere(() => setUp({}, (one) => void (one.locked = true)), createSteps(SPEC), ({ outcome, world }) => {
      expect(outcome).toMatchObject({ kind: 'failed', code: 'storage-locked' });
      expect([...world.disks]).toEqual([]);
    });
  });
});

describe('steps: delete', () => {
  const stopped = (): { world: FakeWorld; context: DeleteContext } => {
    const { hypervisor, world } = fakeHypervisor();
    world.domains.set(UUID, observed('stopped'));
    world.disks.add('/pools/shared/a').add('/pools/shared/b');
    return { world, context: { workload: { uuid: UUID, name: 'vm-1' }, target: { name: 'host-1', hypervisor, token: TOKEN }, disks: ['/pools/shared/a'], withData: false } };
  };

  it('each step may run twice', async () => {
    const { outcome, world } = await everythingTwice(stopped(), DELETE_STEPS);
    expect([outcome.kind, world.domains.size, [...world.disks]]).toEqual(['succeeded', 0, ['/pools/shared/b']]);
  });

  it('failed at each step: never a definition without its disk, and no disk that was not named', async () => {
    await failedAtEachStep(stopped, DELETE_STEPS, ({ outcome, world }) => {
      expect(outcome.kind).toBe('failed');
      if (world.domains.has(UUID)) expect(world.disks.has('/pools/shared/a')).toBe(true);
      expect(world.disks.has('/pools/shared/b')).toBe(true);
    });
  });

  it('crashed at each write and resumed: definition and disk are gone', async () => {
    await killedEverywhere(stopped, DELETE_STEPS, ({ outcome, world }) => {
      expect(outcome.kind).toBe('succeeded');
      expect([...world.disks]).toEqual(['/pools/shared/b']);
    });
  });
});
