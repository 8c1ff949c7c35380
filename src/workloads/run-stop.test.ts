// Stop: graceful within a bound, by force only when asked, confirmed by looking.
import { describe, expect, it } from 'vitest';
import type { OperationalCode } from '../shared/errors.js';
import { crashingJournal, everythingTwice, failedAtEachStep, fakeClock, killedEverywhere } from '../shared/workflow.fixture.js';
import { runStop, STOP_STEPS, type StopContext } from './run-stop.js';
import { fakeHypervisor, observed, TOKEN, UUID, type FakeWorld } from './hypervisor.fixture.js';

function setUp(more: Partial<StopContext> = {}, prepare: (world: FakeWorld) => void = () => {}): { world: FakeWorld; context: StopContext } {
  const { hypervisor, world } = fakeHypervisor();
  world.domains.set(UUID, observed('running'));
  prepare(world);
  const context: StopContext = { workload: { uuid: UUID, name: 'vm-1' }, target: { name: 'host-1', hypervisor, token: TOKEN }, clock: fakeClock(), graceMs: 60_000, killAfter: false, ...more };
  return { world, context };
}

const run = (context: StopContext) => runStop(context, crashingJournal().journal());
const deaf = (world: FakeWorld): void => void (world.deaf = true);

describe('stop', () => {
  it('asks and sees it go', async () => {
    const { world, context } = setUp();
    expect((await run(context)).kind).toBe('succeeded');
    expect(world.domains.get(UUID)?.reason).toBe('shutdown');
    expect(world.calls).not.toContain('kill');
  });

  it('asks a deaf guest again and again, then leaves it running and says so', async () => {
    const { world, context } = setUp({}, deaf);
    expect(await run(context)).toMatchObject({ kind: 'failed', code: 'did-not-shut-down' });
    expect(world.calls.filter((call) => call === 'requestShutdown')).toHaveLength(6);
    expect(world.domains.get(UUID)?.runState).toBe('running');
  });

  it('ends a deaf guest after its grace only when that was asked for', async () => {
    const { world, context } = setUp({ killAfter: true, graceMs: 5_000 }, deaf);
    expect((await run(context)).kind).toBe('succeeded');
    expect(world.domains.get(UUID)?.reason).toBe('destroyed');
  });

  it('ends it at once with no grace', async () => {
    const { world, context } = setUp({ killAfter: true, graceMs: 0 });
    expect((await run(context)).kind).toBe('succeeded');
    expect(world.calls).not.toContain('requestShutdown');
  });

  it('cannot shut down a paused one gracefully, and kills it when asked', async () => {
    const paused = (world: FakeWorld): void => void world.domains.set(UUID, observed('paused'));
    expect(await run(setUp({}, paused).context)).toMatchObject({ kind: 'failed', code: 'paused' });
    const forced = setUp({ killAfter: true }, paused);
    expect((await run(forced.context)).kind).toBe('succeeded');
    expect(forced.world.calls).not.toContain('requestShutdown');
  });

  it('is enough when it does not run', async () => {
    const { world, context } = setUp({}, (one) => one.domains.delete(UUID));
    expect((await run(context)).kind).toBe('succeeded');
    expect(world.calls).toEqual(['observe']);
  });

  it('honours a cancel while it waits', async () => {
    const { journal, cancel } = crashingJournal();
    cancel();
    expect(await runStop(setUp({}, deaf).context, journal())).toMatchObject({ kind: 'cancelled' });
  });

  it('ends at the guard\'s refusal: a newer command governs it', async () => {
    for (const [method, graceMs] of [['requestShutdown', 5_000], ['kill', 0]] as const) {
      const { world, context } = setUp({ killAfter: true, graceMs }, (one) => void (one.fault = { method, nth: 1, code: 'guard-refused' }));
      expect(await run(context)).toMatchObject({ kind: 'failed', code: 'guard-refused' });
      expect(world.domains.get(UUID)?.runState).toBe('running');
    }
  });

  it('says unknown when the host falls silent after the kill', async () => {
    const { world, context } = setUp({ killAfter: true, graceMs: 0 });
    const { hypervisor } = context.target;
    const dying = { ...hypervisor, kill: async (...args: Parameters<typeof hypervisor.kill>) => hypervisor.kill(...args).finally(() => void (world.dark = true)) };
    expect(await run({ ...context, target: { ...context.target, hypervisor: dying } })).toMatchObject({ kind: 'unknown', code: 'host-unknown' });
  });

  it('tells the truth after any error at any call', async () => {
    const codes: readonly OperationalCode[] = ['unreachable', 'timeout', 'guard-refused', 'busy', 'failed'];
    for (const code of codes) for (const method of ['observe', 'requestShutdown', 'kill']) for (const late of [false, true]) for (const nth of [1, 2]) {
      const { world, context } = setUp({ killAfter: true, graceMs: 2_000 }, (one) => (deaf(one), void (one.fault = { method, nth, code, late })));
      const outcome = await run(context);
      if (outcome.kind === 'succeeded') expect(world.domains.get(UUID)?.runState).toBe('stopped');
    }
  });
});

describe('steps: stop', () => {
  it('each step may run twice', async () => {
    const { outcome, world } = await everythingTwice(setUp(), STOP_STEPS);
    expect([outcome.kind, world.domains.get(UUID)?.runState]).toEqual(['succeeded', 'stopped']);
  });

  it('failed at each step: it is told, and the definition is still there', async () => {
    await failedAtEachStep(setUp, STOP_STEPS, ({ outcome, world }) => {
      // A step before the one that was to fail may have found that it is stopped.
      if (outcome.kind === 'succeeded') expect(world.domains.get(UUID)?.runState).toBe('stopped');
      else expect(outcome.kind).toBe('failed');
      expect(world.domains.has(UUID)).toBe(true);
    });
  });

  it('crashed at each write and resumed: it is stopped', async () => {
    await killedEverywhere(setUp, STOP_STEPS, ({ outcome, world }) => {
      expect(outcome.kind).toBe('succeeded');
      expect(world.domains.get(UUID)?.runState).toBe('stopped');
    });
    await killedEverywhere(() => setUp({ killAfter: true, graceMs: 1_000 }, deaf), STOP_STEPS, ({ outcome }) => expect(outcome.kind).toBe('succeeded'));
  });
});
