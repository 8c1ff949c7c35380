// Recovery: proof first, never forced, the target is asked after every error, safe to kill anywhere.
import { describe, expect, it } from 'vitest';
import type { HostProof } from '../hosts/host.js';
import { OperationalError, type OperationalCode } from '../shared/errors.js';
import { crashingJournal, everythingTwice, failedAtEachStep, fakeClock, killedEverywhere } from '../shared/workflow.fixture.js';
import { RECOVER_STEPS, runRecover, type RecoverContext } from './run-recover.js';
import { fakeHypervisor, observed, TOKEN, UUID, type FakeWorld } from './hypervisor.fixture.js';

const PROOF: HostProof = { kind: 'power-off', evidence: 'ipmi says off', atMs: 1, bootId: 'b1', hostEpoch: 1 };

function setUp(more: Partial<RecoverContext> = {}, prepare: (world: FakeWorld) => void = () => {}): { world: FakeWorld; context: RecoverContext } {
  const { hypervisor, world } = fakeHypervisor();
  prepare(world);
  const context: RecoverContext = {
    workload: { uuid: UUID, name: 'vm-1', definition: `<domain><uuid>${UUID}</uuid></domain>` },
    target: { name: 'host-2', hypervisor, token: TOKEN },
    clock: fakeClock(),
    stillWanted: async () => null,
    proof: PROOF,
    fromHost: 'host-1',
    ...more,
  };
  return { world, context };
}

const run = (context: RecoverContext) => runRecover(context, crashingJournal().journal());

describe('recover', () => {
  it('defines, starts and confirms at the target, with autostart off', async () => {
    const { world, context } = setUp();
    expect((await run(context)).kind).toBe('succeeded');
    expect(world.domains.get(UUID)).toMatchObject({ runState: 'running', autostart: false });
    expect(world.calls).toEqual(['observe', 'define', 'setAutostart', 'start', 'observe']);
  });

  it('touches nothing without a proof', async () => {
    const { world, context } = setUp({ proof: null });
    expect(await run(context)).toMatchObject({ kind: 'failed', code: 'no-proof' });
    expect(world.calls).toEqual([]);
  });

  it('touches nothing when it is no longer wanted', async () => {
    const { world, context } = setUp({ stillWanted: async () => 'host-1 is online again' });
    expect(await run(context)).toMatchObject({ kind: 'cancelled', why: 'host-1 is online again' });
    expect(world.calls).toEqual([]);
  });

  it('removes the definition when it stops being wanted right before the start', async () => {
    let asked = 0;
    const { world, context } = setUp({ stillWanted: async () => ((asked += 1) > 1 ? 'undone by a person' : null) });
    expect((await run(context)).kind).toBe('cancelled');
    expect(world.calls).not.toContain('start');
    expect(world.domains.size).toBe(0);
  });

  it('is enough when it already runs at the target', async () => {
    const { world, context } = setUp({}, (one) => one.domains.set(UUID, observed('running')));
    expect((await run(context)).kind).toBe('succeeded');
    expect(world.calls).toEqual(['observe']);
  });

  it('waits for the half of a broken migration to go away before it starts anything', async () => {
    let looks = 0;
    const { world, context } = setUp({}, (one) => {
      one.domains.set(UUID, observed('migrating-in'));
      one.onObserve = () => void ((looks += 1) === 5 && one.domains.delete(UUID));
    });
    expect((await run(context)).kind).toBe('succeeded');
    expect(world.calls.indexOf('define')).toBe(5);
  });

  it('leaves a half migration that stays to a person', async () => {
    const { world, context } = setUp({}, (one) => one.domains.set(UUID, observed('migrating-in')));
    expect(await run(context)).toMatchObject({ kind: 'unknown', code: 'process-at-target' });
    expect(world.calls).not.toContain('start');
  });

  it('stops at a storage lock, forces nothing and cleans up', async () => {
    const { world, context } = setUp({}, (one) => void (one.locked = true));
    const outcome = await run(context);
    expect(outcome).toMatchObject({ kind: 'failed', code: 'storage-locked' });
    expect(world.calls.filter((call) => call === 'start')).toHaveLength(1);
    expect(world.calls).not.toContain('kill');
    expect(world.domains.size).toBe(0);
  });

  it('believes the target, not the lost answer: a start that took effect is a success', async () => {
    const { world, context } = setUp({}, (one) => void (one.fault = { method: 'start', nth: 1, code: 'timeout', late: true }));
    expect((await run(context)).kind).toBe('succeeded');
    expect(world.calls.filter((call) => call === 'start')).toHaveLength(1);
  });

  it('waits for a start command that is still on its way at the target', async () => {
    const { context } = setUp({}, (one) => {
      one.fault = { method: 'start', nth: 1, code: 'timeout' };
      let looks = 0;
      one.onObserve = () => void ((looks += 1) === 8 && one.domains.set(UUID, observed('running')));
    });
    expect((await run(context)).kind).toBe('succeeded');
  });

  it('says unknown, and undoes nothing, when the target falls silent after the start was sent', async () => {
    const { world, context } = setUp({}, (one) => void (one.fault = { method: 'start', nth: 1, code: 'unreachable' }));
    const original = context.target.hypervisor.start;
    const dying = { ...context.target.hypervisor, start: async (...args: Parameters<typeof original>) => original(...args).finally(() => void (world.dark = true)) };
    expect(await run({ ...context, target: { ...context.target, hypervisor: dying } })).toMatchObject({ kind: 'unknown', code: 'target-unknown' });
    expect(world.calls).not.toContain('undefine');
  });

  it('may be tried elsewhere once the target that fell silent is proven off, also when the start had begun there', async () => {
    let asked = 0;
    const provenOff = async (): Promise<boolean> => (asked += 1) > 3;
    for (const prepare of [(one: FakeWorld) => void (one.fault = { method: 'start', nth: 1, code: 'unreachable' }), () => undefined]) {
      asked = 0;
      const { world, context } = setUp({}, prepare);
      const original = context.target.hypervisor.start;
      const dying = { ...context.target.hypervisor, start: async (...args: Parameters<typeof original>) => original(...args).finally(() => void (world.dark = true)) };
      const outcome = await run({ ...context, target: { ...context.target, hypervisor: dying, provenOff } });
      expect(outcome).toMatchObject({ kind: 'failed', code: 'target-lost', why: 'host-2 was lost while vm-1 was started there, and is proven off' });
      expect(asked).toBeGreaterThan(3);
    }
  });

  it('may be tried elsewhere when the target is silent before anything was started', async () => {
    expect(await run(setUp({}, (one) => void (one.dark = true)).context)).toMatchObject({ kind: 'failed', code: 'target-unreachable' });
    const { context } = setUp({}, (one) => void (one.fault = { method: 'define', nth: 1, code: 'unreachable', late: true }));
    expect(await run(context)).toMatchObject({ kind: 'failed', code: 'target-unreachable' });
  });

  /** The start is refused at first; then `at` the look of the undoing, a late start takes effect. */
  const lateStart = (at: number) => (one: FakeWorld): void => {
    one.fault = { method: 'start', nth: 1, code: 'failed' };
    let looks = 0;
    one.onObserve = () => void ((looks += 1) === at && one.domains.set(UUID, observed('running', { persistent: false })));
  };
  for (const at of [3, 4, 5]) {
    it(`says that it runs when a late start takes effect while it undoes itself (look ${at})`, async () => {
      const { world, context } = setUp({}, lateStart(at));
      expect(await run(context)).toMatchObject({ kind: 'unknown', code: 'undo-failed' });
      expect(world.domains.get(UUID)?.runState).toBe('running');
      expect(world.calls).not.toContain('kill');
    });
  }

  it('does not call it undone while the guard is busy with an older command, which may be a late start', async () => {
    const { world, context } = setUp({}, (one) => void (one.locked = true));
    const busy = { ...context.target.hypervisor, undefine: async () => {
      world.calls.push('undefine');
      throw new OperationalError('busy', 'an older command still runs');
    } };
    expect(await run({ ...context, target: { ...context.target, hypervisor: busy } })).toMatchObject({ kind: 'unknown', code: 'undo-failed' });
    expect(world.calls.filter((call) => call === 'undefine')).toHaveLength(4);
  });

  it('says so when it ended right after the start', async () => {
    const { world, context } = setUp({}, (one) => {
      let looks = 0;
      one.onObserve = () => void ((looks += 1) === 2 && one.domains.set(UUID, observed('stopped', { reason: 'crashed' })));
    });
    expect(await run(context)).toMatchObject({ kind: 'failed', code: 'ended-at-once' });
    expect(world.domains.size).toBe(0);
  });

  it('leaves a process that does not execute to a person', async () => {
    const { context } = setUp({}, (one) => {
      let looks = 0;
      one.onObserve = () => void ((looks += 1) === 2 && one.domains.set(UUID, observed('paused', { reason: 'ioerror' })));
    });
    expect(await run(context)).toMatchObject({ kind: 'unknown', code: 'not-executing' });
  });

  it('honours a cancel before the start', async () => {
    const { world, context } = setUp();
    const { journal, cancel } = crashingJournal();
    cancel();
    expect((await runRecover(context, journal())).kind).toBe('cancelled');
    expect(world.domains.size).toBe(0);
  });

  const codes: readonly OperationalCode[] = ['unreachable', 'timeout', 'guard-refused', 'locked', 'not-found', 'busy', 'failed'];
  const methods = ['observe', 'define', 'setAutostart', 'start', 'undefine'];
  for (const code of codes) {
    for (const method of methods) {
      for (const late of [false, true]) {
        it(`tells the truth after ${code} at ${method}${late ? ', with the effect' : ''}`, async () => {
          for (const nth of [1, 2]) {
            const { world, context } = setUp({}, (one) => void (one.fault = { method, nth, code, late }));
            const outcome = await run(context);
            const runs = world.domains.get(UUID)?.runState === 'running';
            if (outcome.kind === 'succeeded') expect(runs).toBe(true);
            if (outcome.kind === 'failed') expect(runs).toBe(false);
          }
        });
      }
    }
  }
});

describe('steps: recover', () => {
  it('each step and each undo may run twice', async () => {
    const { outcome, world } = await everythingTwice(setUp(), RECOVER_STEPS);
    expect([outcome.kind, world.domains.get(UUID)?.runState]).toEqual(['succeeded', 'running']);
  });

  it('failed at each step: nothing is left, or it runs and a person is told', async () => {
    await failedAtEachStep(setUp, RECOVER_STEPS, ({ outcome, world, failedAt, when }) => {
      expect([failedAt, when, world.domains.get(UUID)?.runState ?? 'gone', outcome.kind]).toEqual(world.domains.has(UUID) ? [failedAt, when, 'running', 'unknown'] : [failedAt, when, 'gone', 'failed']);
    });
  });

  it('crashed at each write and resumed: it runs, once', async () => {
    const kills = await killedEverywhere(setUp, RECOVER_STEPS, ({ outcome, world }) => {
      expect(outcome.kind).toBe('succeeded');
      expect(world.domains.get(UUID)?.runState).toBe('running');
      expect(world.calls).not.toContain('undefine');
    });
    expect(kills).toBeGreaterThan(RECOVER_STEPS.length * 2);
  });

  it('crashed at each write and resumed while it fails: nothing is left', async () => {
    await killedEverywhere(() => setUp({}, (one) => void (one.locked = true)), RECOVER_STEPS, ({ outcome, world }) => {
      expect(outcome).toMatchObject({ kind: 'failed', code: 'storage-locked' });
      expect(world.domains.size).toBe(0);
    });
  });
});
