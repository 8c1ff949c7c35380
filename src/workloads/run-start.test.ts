// Start and resume at the own host; a person's edited definition is kept.
import { describe, expect, it } from 'vitest';
import { crashingJournal, fakeClock, killedEverywhere } from '../shared/workflow.fixture.js';
import type { StartContext } from './start-steps.js';
import { runStart, START_STEPS } from './run-start.js';
import { fakeHypervisor, observed, TOKEN, UUID, type FakeWorld } from './hypervisor.fixture.js';

function setUp(prepare: (world: FakeWorld) => void = () => {}): { world: FakeWorld; context: StartContext } {
  const { hypervisor, world } = fakeHypervisor();
  prepare(world);
  const workload = { uuid: UUID, name: 'vm-1', definition: `<domain><uuid>${UUID}</uuid></domain>` };
  return { world, context: { workload, target: { name: 'host-1', hypervisor, token: TOKEN }, clock: fakeClock(), stillWanted: async () => null } };
}

const run = (context: StartContext) => runStart(context, crashingJournal().journal());
const stopped = (world: FakeWorld): void => void world.domains.set(UUID, observed('stopped'));

describe('start', () => {
  it('starts what is defined there without defining it anew', async () => {
    const { world, context } = setUp(stopped);
    expect((await run(context)).kind).toBe('succeeded');
    expect(world.calls).toEqual(['observe', 'start', 'observe']);
  });

  it('switches autostart off', async () => {
    const { world, context } = setUp((one) => one.domains.set(UUID, observed('stopped', { autostart: true })));
    await run(context);
    expect(world.domains.get(UUID)).toMatchObject({ runState: 'running', autostart: false });
  });

  it('defines what is missing, and removes that again when it does not start', async () => {
    const missing = setUp();
    expect((await run(missing.context)).kind).toBe('succeeded');
    const locked = setUp((one) => void (one.locked = true));
    expect(await run(locked.context)).toMatchObject({ kind: 'failed', code: 'storage-locked' });
    expect(locked.world.domains.size).toBe(0);
  });

  it('keeps a definition that was there before, whatever happens', async () => {
    const { world, context } = setUp((one) => (stopped(one), void (one.locked = true)));
    expect(await run(context)).toMatchObject({ kind: 'failed', code: 'storage-locked' });
    expect(world.domains.get(UUID)?.runState).toBe('stopped');
    expect(world.calls).not.toContain('undefine');
  });

  it('lets a paused one go on', async () => {
    const { world, context } = setUp((one) => one.domains.set(UUID, observed('paused')));
    expect((await run(context)).kind).toBe('succeeded');
    expect(world.calls).toEqual(['observe', 'resume', 'observe']);
  });

  it('does not interfere with a migration', async () => {
    const { world, context } = setUp((one) => one.domains.set(UUID, observed('migrating-out')));
    expect(await run(context)).toMatchObject({ kind: 'failed', code: 'busy' });
    expect(world.calls).toEqual(['observe']);
  });

  it('ends right once, wherever the worker is killed', async () => {
    for (const prepare of [stopped, () => {}, (one: FakeWorld) => void one.domains.set(UUID, observed('paused'))]) {
      await killedEverywhere(() => setUp(prepare), START_STEPS, ({ outcome, world }) => {
        expect(outcome.kind).toBe('succeeded');
        expect(world.domains.get(UUID)?.runState).toBe('running');
      });
    }
  });
});
