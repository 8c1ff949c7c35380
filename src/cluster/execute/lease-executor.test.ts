// The lease of a workload, announced to the guard of its host: what is written down is what the guard was told.
import { describe, expect, it } from 'vitest';
import { aHost, anOperation, aView, aWorkload } from '../../../test/fixtures/cluster.js';
import { OperationalError, type OperationalCode } from '../../shared/errors.js';
import { crashingJournal, everythingTwice, failedAtEachStep, killedEverywhere } from '../../shared/workflow.fixture.js';
import { fakeHypervisor, TOKEN, UUID } from '../../workloads/hypervisor.fixture.js';
import type { Place } from '../../workloads/place.js';
import type { ExecutePorts } from './execute-ports.js';
import { LEASE_STEPS, leaseExecutor } from './lease-executor.js';

interface Guard {
  /** Under the lease, as the guard knows it, by workload. */
  readonly marks: Map<string, boolean>;
  refuses: OperationalCode | null;
}

function guarded(): { readonly world: Guard; readonly hypervisor: Place['hypervisor'] } {
  const world: Guard = { marks: new Map(), refuses: null };
  const announce: Place['hypervisor']['announce'] = async ({ lease, workload }) => {
    if (world.refuses !== null) throw new OperationalError(world.refuses, 'no');
    world.marks.set(workload?.uuid ?? '', lease === true);
  };
  return { world, hypervisor: { ...fakeHypervisor().hypervisor, announce } };
}

const home = aHost('host-1');
const workload = aWorkload('vm-1', home, { uuid: UUID });
const view = aView({ hosts: [home], workloads: [workload] });

function execute(hold: boolean, refuses: OperationalCode | null = null) {
  const { world, hypervisor } = guarded();
  world.refuses = refuses;
  const ports = { world: { hypervisorOf: () => hypervisor } } as unknown as ExecutePorts;
  const operation = anOperation('lease', { workloadId: workload.id, hostId: home.id, params: { hold } });
  return { world, ending: leaseExecutor(ports)(operation, view, crashingJournal().journal()) };
}

describe('leaseExecutor', () => {
  it.each([[true, home.id], [false, null]])('tells the guard (held: %s), then writes down where it is held', async (hold, leasedOn) => {
    const { world, ending } = execute(hold);
    expect(await ending).toMatchObject({ state: 'succeeded', changes: [{ change: 'workload', id: workload.id, set: { leasedOn } }] });
    expect(world.marks.get(UUID)).toBe(hold);
  });

  it.each(['guard-refused', 'unreachable'] as const)('writes nothing down when the guard did not take it: %s', async (code) => {
    const { ending } = execute(true, code);
    expect(await ending).toMatchObject({ state: 'failed', changes: [] });
  });
});

describe('steps: lease', () => {
  const setUp = (): { world: Guard; context: { readonly target: Place } } => {
    const { world, hypervisor } = guarded();
    return { world, context: { target: { name: 'host-1', hypervisor, token: { ...TOKEN, lease: true } } } };
  };

  it('each step may run twice', async () => {
    const { outcome, world } = await everythingTwice(setUp(), LEASE_STEPS);
    expect([outcome.kind, world.marks.get(UUID)]).toEqual(['succeeded', true]);
  });

  it('failed at each step: told, and never counted as held', async () => {
    await failedAtEachStep(setUp, LEASE_STEPS, ({ outcome, world, when }) => {
      expect([when, outcome.kind, world.marks.has(UUID)]).toEqual([when, 'failed', when === 'after']);
    });
  });

  it('crashed at each write and resumed: the guard knows it', async () => {
    await killedEverywhere(setUp, LEASE_STEPS, ({ outcome, world }) => {
      expect([outcome.kind, world.marks.get(UUID)]).toEqual(['succeeded', true]);
    });
  });
});
