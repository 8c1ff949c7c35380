// Relocation over simulated hosts: killed at every write, every call failed. Never two copies; what fails runs at the source again.
import { describe, expect, it } from 'vitest';
import { OperationalError } from '../shared/errors.js';
import { runWorkflow } from '../shared/workflow.js';
import { crashingJournal, everythingTwice, failedAtEachStep, killedEverywhere } from '../shared/workflow.fixture.js';
import { DESTINATION, moveWorld, SOURCE, UUID, type MoveWorld } from './migration.fixture.js';
import { RELOCATION_STEPS, relocationWayBack, runRelocation } from './run-relocation.js';

const run = (one: MoveWorld): ReturnType<typeof runRelocation> => runRelocation(one.relocation, crashingJournal().journal());

describe('runRelocation', () => {
  it('moves it, and leaves nothing at the source', async () => {
    const one = moveWorld();
    expect(await run(one)).toMatchObject({ kind: 'succeeded' });
    expect(one.world.executingOn(UUID)).toEqual([DESTINATION]);
    expect(one.world.host(SOURCE).domains.has(UUID)).toBe(false);
  });

  it('takes the definition as it is now, not as it was known', async () => {
    const one = moveWorld();
    const edited = one.relocation.workload.definition.replace(/<vcpu[^>]*>1</, '<vcpu>2<');
    expect(edited).not.toBe(one.relocation.workload.definition);
    Object.assign(one.world.host(SOURCE).domains.get(UUID) ?? {}, { definition: edited });
    await run(one);
    expect(one.world.host(DESTINATION).domains.get(UUID)?.definition).toBe(edited);
  });

  it('each undo may run twice, and after any half of the work', async () => {
    for (let reached = 1; reached < RELOCATION_STEPS.length - 1; reached += 1) {
      const one = moveWorld();
      const steps = RELOCATION_STEPS.slice(0, reached).map((step) => {
        const { undo } = step;
        return undo ? { ...step, undo: async (...args: Parameters<typeof undo>) => (await undo(...args), undo(...args)) } : step;
      });
      const fails = { name: 'fails', run: async () => ({ kind: 'failed' as const, code: 'no', why: 'no' }) };
      const outcome = await runWorkflow([...steps, fails], one.relocation, crashingJournal().journal());
      const started = reached > RELOCATION_STEPS.findIndex((step) => step.name === 'start');
      // What runs at the target is not stopped by force: a person looks.
      expect(outcome.kind).toBe(started ? 'unknown' : 'failed');
      expect(one.world.executingOn(UUID)).toEqual([started ? DESTINATION : SOURCE]);
    }
  });
});

describe('the target can not take it', () => {
  it.each<[string, (one: MoveWorld) => void, string]>([
    ['does not answer', (one) => one.world.cut(DESTINATION), 'target-unreachable'],
    ['lacks the bridge', (one) => Object.assign(one.world.host(DESTINATION), { bridges: [] }), 'bridge-missing'],
  ])('%s: nothing is stopped', async (_name, spoil, code) => {
    const one = moveWorld();
    spoil(one);
    let stopped = false;
    const shutdown = one.relocation.source.hypervisor.requestShutdown.bind(one.relocation.source.hypervisor);
    one.relocation.source.hypervisor.requestShutdown = (...args) => ((stopped = true), shutdown(...args));
    expect(await run(one)).toMatchObject({ kind: 'failed', code });
    expect({ stopped, on: one.world.executingOn(UUID) }).toEqual({ stopped: false, on: [SOURCE] });
  });

  it.each<[string, { readonly code: OperationalError['code']; readonly times: number }, string, readonly string[]]>([
    ['its source is away for a moment when it is to be started again', { code: 'unreachable', times: 5 }, 'failed', [SOURCE]],
    ['and its disk is locked by something else: a person looks', { code: 'locked', times: 1 }, 'unknown', []],
  ])('does not start it: %s', async (_name, { code, times }, kind, on) => {
    const one = moveWorld();
    one.world.inject({ host: DESTINATION, method: 'start', error: new OperationalError('failed', 'no memory'), when: 'before', times: 1 });
    one.world.inject({ host: SOURCE, method: 'start', error: new OperationalError(code, 'injected'), when: 'before', times });
    expect(await run(one)).toMatchObject({ kind });
    expect(one.world.executingOn(UUID)).toEqual(on);
  });

  it('does not start it: it runs at the source again, and nothing is left there', async () => {
    const one = moveWorld();
    one.world.inject({ host: DESTINATION, method: 'start', error: new OperationalError('failed', 'no memory'), when: 'before', times: 5 });
    expect(await run(one)).toMatchObject({ kind: 'failed', why: expect.stringContaining('no memory') });
    expect(one.world.executingOn(UUID)).toEqual([SOURCE]);
    expect(one.world.host(DESTINATION).domains.has(UUID)).toBe(false);
  });

  it('was not running before: it is not started by the undo', async () => {
    const one = moveWorld();
    Object.assign(one.world.host(SOURCE).domains.get(UUID) ?? {}, { running: null, reason: 'shutdown' });
    one.world.inject({ host: DESTINATION, method: 'start', error: new OperationalError('failed', 'no memory'), when: 'before', times: 5 });
    expect(await run(one)).toMatchObject({ kind: 'failed' });
    expect(one.world.executingOn(UUID)).toEqual([]);
  });
});

describe('a command that comes late', () => {
  it('of the way there is refused at the target once the way back has begun', async () => {
    const one = moveWorld();
    one.world.inject({ host: DESTINATION, method: 'start', error: new OperationalError('timeout', 'no answer'), when: 'before', times: 1 });
    expect(await run(one)).toMatchObject({ kind: 'failed', code: 'target-unreachable' });
    expect(one.world.executingOn(UUID)).toEqual([SOURCE]);
    const { hypervisor, token } = one.relocation.target;
    await expect(hypervisor.define(token, one.relocation.workload.definition)).rejects.toMatchObject({ code: 'guard-refused' });
    await expect(hypervisor.start(token, UUID)).rejects.toMatchObject({ code: 'guard-refused' });
  });

  it('of an operation before is refused at the source from the proof on', async () => {
    const one = moveWorld();
    Object.assign(one.world.host(SOURCE).domains.get(UUID) ?? {}, { running: null, reason: 'crashed' });
    let late: Promise<void> | null = null;
    const { hypervisor, token } = one.relocation.source;
    const define = one.relocation.target.hypervisor.define.bind(one.relocation.target.hypervisor);
    one.relocation.target.hypervisor.define = (...args) => {
      late = hypervisor.start({ ...token, workload: { uuid: UUID, epoch: 1 } }, UUID);
      late.catch(() => undefined);
      return define(...args);
    };
    expect(await run(one)).toMatchObject({ kind: 'succeeded' });
    await expect(late).rejects.toMatchObject({ code: 'guard-refused' });
    expect(one.world.executingOn(UUID)).toEqual([DESTINATION]);
  });

  it('of a target that can no longer be told is waited for: nothing is started at the source', async () => {
    const one = moveWorld();
    one.world.inject({ host: DESTINATION, method: 'start', error: new OperationalError('failed', 'no memory'), when: 'before', times: 1 });
    one.world.inject({ host: DESTINATION, method: 'overtake', error: new OperationalError('unreachable', 'no route'), when: 'before', times: 9 });
    expect(await run(one)).toMatchObject({ kind: 'unknown', code: 'undo-failed' });
    expect(one.world.executingOn(UUID)).toEqual([]);
  });
});

describe('the target is lost on the way', () => {
  const losing = (one: MoveWorld): MoveWorld['relocation'] => {
    const { target } = one.relocation;
    const start = target.hypervisor.start.bind(target.hypervisor);
    target.hypervisor.start = async (...args) => start(...args).finally(() => one.world.cut(DESTINATION));
    return one.relocation;
  };

  it('and proven off: it runs at the source again', async () => {
    const one = moveWorld();
    const relocation = losing(one);
    const provenOff = async (): Promise<boolean> => {
      Object.assign(one.world.host(DESTINATION), { powered: false });
      one.world.host(DESTINATION).domains.clear();
      return true;
    };
    expect(await runRelocation({ ...relocation, target: { ...relocation.target, provenOff } }, crashingJournal().journal())).toMatchObject({ kind: 'failed', code: 'target-lost' });
    expect(one.world.executingOn(UUID)).toEqual([SOURCE]);
  });

  it('and not proven off: it is started nowhere', async () => {
    const one = moveWorld();
    expect(await runRelocation(losing(one), crashingJournal().journal())).toMatchObject({ kind: 'unknown' });
    expect(one.world.executingOn(UUID)).toEqual([DESTINATION]);
  });
});

const METHODS = ['observe', 'overtake', 'definition', 'compatibility', 'requestShutdown', 'define', 'setAutostart', 'start', 'undefine'] as const;

describe('one call fails', () => {
  const cases = METHODS.flatMap((method) => (['unreachable', 'timeout', 'failed'] as const).flatMap((code) => [SOURCE, DESTINATION].flatMap((host) => (['before', 'after'] as const).map((when) => ({ method, code, host, when })))));
  it.each(cases)('$method on $host, $code, $when', async ({ method, code, host, when }) => {
    const one = moveWorld();
    one.world.inject({ host, method, error: new OperationalError(code, `injected ${code}`), when, times: 1 });
    const outcome = await run(one);
    const on = one.world.executingOn(UUID);
    expect(one.mostCopies()).toBeLessThanOrEqual(1);
    if (outcome.kind === 'succeeded') expect(on).toEqual([DESTINATION]);
    else if (outcome.kind === 'failed') expect(on).toEqual([SOURCE]);
    else expect([outcome.kind, on.length <= 1]).toEqual(['unknown', true]);
  });
});

describe('steps: relocation', () => {
  const make = (): { world: MoveWorld; context: MoveWorld['relocation'] } => {
    const world = moveWorld();
    return { world, context: world.relocation };
  };

  it('each step and each undo may run twice', async () => {
    const { outcome, world: { world, mostCopies } } = await everythingTwice(make(), RELOCATION_STEPS);
    expect([outcome.kind, world.executingOn(UUID)]).toEqual(['succeeded', [DESTINATION]]);
    expect(mostCopies()).toBeLessThanOrEqual(1);
  });

  it('failed at each step: it runs on exactly one side, or the ending says that a person must look', async () => {
    await failedAtEachStep(make, RELOCATION_STEPS, ({ outcome, world: { world, mostCopies } }) => {
      expect(mostCopies()).toBeLessThanOrEqual(1);
      expect(world.executingOn(UUID).length === 1 || outcome.kind === 'unknown').toBe(true);
    }, relocationWayBack);
  });

  it('crashed at each write and resumed: it is moved once', async () => {
    const kills = await killedEverywhere(make, RELOCATION_STEPS, ({ outcome, world: { world, mostCopies } }) => {
      expect(outcome).toMatchObject({ kind: 'succeeded' });
      expect(world.executingOn(UUID)).toEqual([DESTINATION]);
      expect(mostCopies()).toBeLessThanOrEqual(1);
    }, relocationWayBack);
    expect(kills).toBeGreaterThan(RELOCATION_STEPS.length);
  });
});
