// Start and resume at the own host; a person's edited definition is kept.
import { describe, expect, it } from 'vitest';
import { crashingJournal, everythingTwice, failedAtEachStep, fakeClock, killedEverywhere } from '../shared/workflow.fixture.js';
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
});

describe('steps: start', () => {
  const found: readonly (readonly [string, (world: FakeWorld) => void])[] = [
    ['stopped', stopped],
    ['missing', () => {}],
    ['paused', (world) => void world.domains.set(UUID, observed('paused'))],
  ];

  it.each(found)('each step and each undo may run twice: it was %s', async (_state, prepare) => {
    const { outcome, world } = await everythingTwice(setUp(prepare), START_STEPS);
    expect([outcome.kind, world.domains.get(UUID)?.runState]).toEqual(['succeeded', 'running']);
  });

  it('failed at each step: what was missing is gone again, or it runs and a person is told', async () => {
    await failedAtEachStep(() => setUp(), START_STEPS, ({ outcome, world, failedAt, when }) => {
      const runs = world.domains.has(UUID);
      expect([failedAt, when, outcome.kind, world.domains.get(UUID)?.runState]).toEqual([failedAt, when, runs ? 'unknown' : 'failed', runs ? 'running' : undefined]);
    });
  });

  it.each([['stopped', stopped], ['paused', found[2]?.[1]]] as const)('failed at each step: the definition that was there stays: it was %s', async (state, prepare) => {
    await failedAtEachStep(() => setUp(prepare), START_STEPS, ({ outcome, world }) => {
      expect(outcome.kind).toBe('failed');
      expect(world.calls).not.toContain('undefine');
      expect([state, 'running']).toContain(world.domains.get(UUID)?.runState);
    });
  });

  it.each(found)('crashed at each write and resumed: it runs, and was %s', async (_state, prepare) => {
    const kills = await killedEverywhere(() => setUp(prepare), START_STEPS, ({ outcome, world }) => {
      expect([outcome.kind, world.domains.get(UUID)?.runState]).toEqual(['succeeded', 'running']);
    });
    expect(kills).toBeGreaterThan(START_STEPS.length * 2);
  });

  it('crashed at each write and resumed while it fails: what was missing is gone again', async () => {
    await killedEverywhere(() => setUp((world) => void (world.locked = true)), START_STEPS, ({ outcome, world }) => {
      expect([outcome.kind, world.domains.size]).toEqual(['failed', 0]);
    });
  });
});
