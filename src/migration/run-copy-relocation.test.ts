// Relocation by copies over simulated hosts: killed at every write, every call failed, hosts lost on the way. Never two copies, never a write lost.
import { describe, expect, it } from 'vitest';
import { OperationalError } from '../shared/errors.js';
import { crashingJournal, everythingTwice, failedAtEachStep, killedEverywhere } from '../shared/workflow.fixture.js';
import { onCopyEnd, takesLong } from './copies.fixture.js';
import { DESTINATION, moveWorld, SOURCE, UUID, type MoveWorld } from './migration.fixture.js';
import { nextTry } from '../workloads/placement-epoch.js';
import { COPY_RELOCATION_STEPS, copyRelocationWayBack, runCopyRelocation } from './run-copy-relocation.js';
import { JournalLost, type WorkflowOutcome } from '../shared/workflow.js';
import { runRelocation } from './run-relocation.js';

const local = (): MoveWorld => moveWorld({ isLocal: true });
const run = (one: MoveWorld, set: Partial<MoveWorld['copying']> = {}): ReturnType<typeof runCopyRelocation> => runCopyRelocation({ ...one.copying, ...set }, crashingJournal().journal());
const at = (one: MoveWorld, host: string): { replica: unknown } | null => {
  const domain = one.world.host(host).domains.get(UUID);
  return domain ? { replica: domain.replica ?? null } : null;
};

describe('runCopyRelocation', () => {
  it('copies it while it runs, and once more when it is stopped; nothing is left at the source', async () => {
    const one = local();
    const outcome = await run(one);
    expect(outcome).toMatchObject({ kind: 'succeeded', memo: { downtimeMs: expect.any(Number) } });
    expect([one.world.executingOn(UUID), at(one, SOURCE), at(one, DESTINATION)]).toEqual([[DESTINATION], null, { replica: null }]);
    expect([one.mostCopies(), one.mostLostMs()]).toEqual([1, 0]);
  });

  it('stands still only for the last copy', async () => {
    const one = local();
    const { memo } = await run(one);
    const began = one.copying.clock.monotonicMs();
    expect(Number(memo['downtimeMs'])).toBeLessThan(began - 4_000);
  });

  it('leaves a replica where one is kept, as of the last copy', async () => {
    const one = local();
    const { memo } = await run(one, { keepsReplica: true });
    expect(memo['copiedAsOfMs']).toEqual(expect.any(Number));
    expect(at(one, SOURCE)).toEqual({ replica: { asOfMs: memo['copiedAsOfMs'] } });
  });

  it('one that does not run is copied once', async () => {
    const one = local();
    Object.assign(one.world.host(SOURCE).domains.get(UUID) ?? {}, { running: null, reason: 'crashed', dataAtMs: 0 });
    expect(await run(one)).toMatchObject({ kind: 'succeeded' });
    expect([...one.world.host(SOURCE).copies.keys()]).toEqual(['op-1-2-last']);
    expect(one.world.executingOn(UUID)).toEqual([DESTINATION]);
  });

  it('a plain relocation would start it nowhere: its definition alone is not enough', async () => {
    const one = local();
    expect(await runRelocation(one.relocation, crashingJournal().journal())).toMatchObject({ kind: 'failed', code: 'data-missing' });
    expect([one.world.executingOn(UUID), one.mostLostMs()]).toEqual([[SOURCE], 0]);
  });
});

describe('what goes wrong before the gap costs nothing', () => {
  const stopped = (one: MoveWorld): (() => boolean) => {
    let asked = false;
    const { hypervisor } = one.copying.source;
    const shutdown = hypervisor.requestShutdown.bind(hypervisor);
    hypervisor.requestShutdown = (...args) => ((asked = true), shutdown(...args));
    return () => asked;
  };

  it.each<[string, (one: MoveWorld) => void, string]>([
    ['the target does not answer', (one) => one.world.cut(DESTINATION), 'target-unreachable'],
    ['the copying is refused', (one) => one.world.inject({ host: SOURCE, method: 'startCopy', error: new OperationalError('failed', 'no pool'), when: 'before', times: 1 }), 'copy-failed'],
    ['the target dies in mid-copy', (one) => one.at(2_000, () => one.world.powerOff(DESTINATION)), 'target-unreachable'],
    ['the network is cut in mid-copy', (one) => one.at(2_000, () => one.world.cut(DESTINATION)), 'target-unreachable'],
    ['a person thinks better of it', () => undefined, 'cancelled'],
  ])('%s', async (name, spoil, code) => {
    const one = local();
    const wasAsked = stopped(one);
    const journal = crashingJournal();
    spoil(one);
    if (code === 'cancelled') one.at(1_000, () => journal.cancel());
    const began = one.copying.clock.monotonicMs();
    expect(await runCopyRelocation(one.copying, journal.journal())).toMatchObject({ code });
    expect([wasAsked(), one.world.executingOn(UUID)], name).toEqual([false, [SOURCE]]);
    // Its daemons would hang for two minutes.
    expect(one.copying.clock.monotonicMs() - began).toBeLessThan(20_000);
  });
});

describe('a copying that takes longer than anybody waits for', () => {
  it('is known before the gap: it is not stopped, and the gap is named', async () => {
    const one = local();
    takesLong(one, 'seed', 400_000);
    const { hypervisor } = one.copying.source;
    hypervisor.requestShutdown = () => Promise.reject(new Error('it was asked to shut down'));
    expect(await run(one)).toMatchObject({ kind: 'failed', code: 'copy-too-slow', why: expect.stringMatching(/took 40\d s.*stand still.*300 s/) });
    expect(one.world.executingOn(UUID)).toEqual([SOURCE]);
  });

  it('only the last pass says how long the gap will be', async () => {
    const one = local();
    takesLong(one, 'seed-1', 3_600_000);
    expect(await run(one)).toMatchObject({ kind: 'succeeded' });
    expect([one.world.executingOn(UUID), one.mostLostMs()]).toEqual([[DESTINATION], 0]);
  });

  it('of one that did not run before is waited for', async () => {
    const one = local();
    Object.assign(one.world.host(SOURCE).domains.get(UUID) ?? {}, { running: null, reason: 'shutdown', dataAtMs: 0 });
    takesLong(one, 'last', 3_600_000);
    expect(await run(one)).toMatchObject({ kind: 'succeeded' });
    expect(one.world.executingOn(UUID)).toEqual([DESTINATION]);
  });
});

describe('what goes wrong in the gap', () => {
  it('the target dies in the last copy: it runs at the source again, without the target being asked', async () => {
    const one = local();
    const { hypervisor } = one.copying.source;
    const kill = hypervisor.requestShutdown.bind(hypervisor);
    hypervisor.requestShutdown = async (...args) => {
      await kill(...args);
      one.at(0, () => one.world.cut(DESTINATION));
    };
    expect(await run(one)).toMatchObject({ kind: 'failed' });
    expect([one.world.executingOn(UUID), one.mostLostMs()]).toEqual([[SOURCE], 0]);
  });

  it('the source dies in the last copy and is proven off: nothing is started from what is half there', async () => {
    const one = local();
    const { hypervisor } = one.copying.source;
    const shutdown = hypervisor.requestShutdown.bind(hypervisor);
    hypervisor.requestShutdown = async (...args) => {
      await shutdown(...args);
      one.at(0, () => one.world.powerOff(SOURCE));
    };
    const source = { ...one.copying.source, provenOff: async () => !one.world.host(SOURCE).powered };
    const outcome = await run(one, { source });
    expect([outcome.kind === 'succeeded', one.world.executingOn(UUID)]).toEqual([false, []]);
  });

  it('what ended at the target as soon as it ran has moved: it may have told somebody what it wrote; what is left at the source is not deleted', async () => {
    const one = local();
    const { hypervisor } = one.copying.target;
    const start = hypervisor.start.bind(hypervisor);
    hypervisor.start = async (...args) => {
      await start(...args);
      const domain = one.world.host(DESTINATION).domains.get(UUID);
      if (domain) one.world.endProcess(one.world.host(DESTINATION), domain, 'crashed', 'died');
    };
    expect(await run(one)).toMatchObject({ kind: 'succeeded' });
    expect([one.world.executingOn(UUID), at(one, DESTINATION), at(one, SOURCE)]).toEqual([[], { replica: null }, { replica: { asOfMs: expect.any(Number) } }]);
  });

  it('a start that fails brings it back to the source', async () => {
    const one = local();
    one.world.inject({ host: DESTINATION, method: 'start', error: new OperationalError('failed', 'no memory'), when: 'before', times: 5 });
    expect(await run(one)).toMatchObject({ kind: 'failed', why: expect.stringContaining('no memory') });
    expect([one.world.executingOn(UUID), at(one, DESTINATION), one.mostLostMs()]).toEqual([[SOURCE], { replica: { asOfMs: expect.any(Number) } }, 0]);
  });
});

/** As a person would who has some work to do. */
function worksThere(one: MoveWorld, fromMs: number, untilMs: number): void {
  const host = one.world.host(SOURCE);
  one.at(fromMs, () => {
    const domain = host.domains.get(UUID);
    if (domain?.running) throw new Error('it runs already');
    if (domain?.definition) one.world.startProcess(host, domain, domain.definition, 'booted');
  });
  one.at(untilMs, () => {
    const domain = host.domains.get(UUID);
    if (domain) one.world.endProcess(host, domain, 'stopped', 'stopped');
  });
}

describe('started and stopped by hand at its source in the middle of the last copy', () => {
  const notCopied = { kind: 'failed', code: 'copy-failed', why: expect.stringContaining('was started meanwhile') as string };

  it('one that ran before runs there again, with what it wrote', async () => {
    const one = local();
    takesLong(one, 'last', 250_000);
    worksThere(one, 60_000, 160_000);
    expect(await run(one)).toMatchObject(notCopied);
    expect([one.world.executingOn(UUID), at(one, DESTINATION), one.mostLostMs()]).toEqual([[SOURCE], { replica: { asOfMs: null } }, 0]);
  });

  it('one that did not run before is where it was, with what it wrote', async () => {
    const one = local();
    Object.assign(one.world.host(SOURCE).domains.get(UUID) ?? {}, { running: null, reason: 'crashed', dataAtMs: 0 });
    takesLong(one, 'last', 3_600_000);
    worksThere(one, 600_000, 1_800_000);
    expect(await run(one)).toMatchObject(notCopied);
    expect([one.world.executingOn(UUID), at(one, SOURCE), at(one, DESTINATION)]).toEqual([[], { replica: null }, { replica: { asOfMs: null } }]);
    expect(one.world.host(SOURCE).domains.get(UUID)?.dataAtMs).toBeGreaterThanOrEqual(1_800_000);
  });

  it.each<[string, MoveWorld['copying']['keepsReplica']]>([['is not deleted there', false], ['is no replica, that the next copy would be written over', true]])('what was written there after the last copy %s', async (_what, keepsReplica) => {
    const one = local();
    const { hypervisor } = one.copying.target;
    const define = hypervisor.define.bind(hypervisor);
    hypervisor.define = async (...args) => {
      await define(...args);
      const now = one.copying.clock.monotonicMs();
      worksThere(one, now + 1_000, now + 2_000);
      for (let s = 0; s < 3; s += 1) await one.copying.clock.sleep(1_000);
    };
    expect(await run(one, { keepsReplica })).toMatchObject({ kind: 'succeeded' });
    expect([one.world.executingOn(UUID), at(one, SOURCE), one.mostCopies()]).toEqual([[DESTINATION], { replica: null }, 1]);
  });
});

/** From the moment at which it has shut down for the move. */
function onShutDown(one: MoveWorld, happens: () => void): void {
  const { hypervisor } = one.copying.source;
  const shutdown = hypervisor.requestShutdown.bind(hypervisor);
  hypervisor.requestShutdown = async (...args) => shutdown(...args).finally(happens);
}

const stateAt = (one: MoveWorld): unknown => one.world.host(SOURCE).domains.get(UUID)?.running ?? null;
const losable = (one: MoveWorld): MoveWorld['copying']['source'] => ({ ...one.copying.source, provenOff: async () => !one.world.host(SOURCE).powered });

describe('the source is lost in the gap, and proven off', () => {
  it.each<[string, (one: MoveWorld) => void, string]>([
    ['before the last copy', (one) => onShutDown(one, () => one.world.powerOff(SOURCE)), 'source-lost'],
    ['in the last copy', (one) => onShutDown(one, () => one.at(one.copying.clock.monotonicMs() + 300, () => one.world.powerOff(SOURCE))), 'source-lost'],
    ['with the target', (one) => onCopyEnd(one, 'last', () => [SOURCE, DESTINATION].forEach((host) => one.world.powerOff(host))), 'source-lost'],
  ])('%s: the ending says that it has it, so that it is recovered', async (_name, lose, code) => {
    const one = local();
    lose(one);
    expect(await run(one, { source: losable(one) })).toMatchObject({ kind: 'failed', code, memo: { leftStopped: `${SOURCE} is proven off, and has it` } });
    expect(one.world.executingOn(UUID)).toEqual([]);
  });

  it('after the last copy: all of it is at the target, where it is started', async () => {
    const one = local();
    onCopyEnd(one, 'last', () => one.world.powerOff(SOURCE));
    expect(await run(one, { source: losable(one) })).toMatchObject({ kind: 'succeeded' });
    expect([one.world.executingOn(UUID), one.mostLostMs()]).toEqual([[DESTINATION], 0]);
  });
});

describe('the source does not start it again at once', () => {
  const refuses = (one: MoveWorld, { code = 'failed' as OperationalError['code'], times = 1, when = 'before' as 'before' | 'after' }): void =>
    one.world.inject({ host: SOURCE, method: 'start', error: new OperationalError(code, 'the daemon is being refreshed'), when, times });
  const targetFails = (one: MoveWorld): void => one.world.inject({ host: DESTINATION, method: 'start', error: new OperationalError('failed', 'no memory'), when: 'before', times: 1 });
  const cancelledInGap = (one: MoveWorld): ReturnType<typeof crashingJournal> => {
    const journal = crashingJournal();
    onShutDown(one, () => journal.cancel());
    return journal;
  };

  it.each<[string, Parameters<typeof refuses>[1]]>([
    ['one answer fails', {}],
    ['it is busy', { code: 'busy', times: 6 }],
    ['its daemon is away for a while', { code: 'unreachable', times: 20 }],
    ['an answer is lost, and it was started', { code: 'timeout', when: 'after' }],
  ])('%s: it is tried until it runs there again', async (_name, set) => {
    const one = local();
    refuses(one, set);
    const journal = cancelledInGap(one);
    const outcome = await runCopyRelocation(one.copying, journal.journal());
    expect(outcome).toMatchObject({ kind: 'cancelled' });
    expect(outcome.memo).not.toHaveProperty('leftStopped');
    expect([one.world.executingOn(UUID), one.mostLostMs()]).toEqual([[SOURCE], 0]);
  });

  it.each<[string, (one: MoveWorld) => void]>([['before a start at the target', () => undefined], ['after one that failed', targetFails]])('for too long, %s: it is left stopped there, which no person has to clear', async (_name, first) => {
    const one = local();
    first(one);
    refuses(one, { times: 10_000 });
    const outcome = await (_name.startsWith('before') ? runCopyRelocation(one.copying, cancelledInGap(one).journal()) : run(one));
    expect(['cancelled', 'failed']).toContain(outcome.kind);
    expect(outcome.memo).toMatchObject({ leftStopped: expect.stringContaining('the daemon is being refreshed') });
    expect([one.world.executingOn(UUID), stateAt(one)]).toEqual([[], null]);
  });

  it('the guard lets no more through: nothing is tried on', async () => {
    const one = local();
    const journal = cancelledInGap(one);
    refuses(one, { code: 'guard-refused', times: 10_000 });
    expect(await runCopyRelocation(one.copying, journal.journal())).toMatchObject({ kind: 'cancelled', memo: { leftStopped: expect.any(String) } });
    expect(one.copying.clock.monotonicMs()).toBeLessThan(60_000);
  });

  it('a target that may run it is another matter: a person looks', async () => {
    const one = local();
    const { hypervisor } = one.copying.target;
    hypervisor.start = async () => {
      one.world.cut(DESTINATION);
      throw new OperationalError('timeout', 'no answer');
    };
    expect(await run(one)).toMatchObject({ kind: 'unknown', code: 'target-unknown' });
    expect(one.world.executingOn(UUID)).toEqual([]);
  });
});

const METHODS = ['observe', 'overtake', 'definition', 'compatibility', 'settle', 'prepare', 'startCopy', 'copyCommand', 'replicas', 'reaches', 'requestShutdown', 'define', 'setAutostart', 'start', 'undefine', 'deleteReplica'] as const;

describe('one call fails', () => {
  const cases = METHODS.flatMap((method) => (['unreachable', 'timeout', 'failed'] as const).flatMap((code) => [SOURCE, DESTINATION].flatMap((host) => (['before', 'after'] as const).map((when) => ({ method, code, host, when })))));
  it.each(cases)('$method on $host, $code, $when', async ({ method, code, host, when }) => {
    const one = local();
    one.world.inject({ host, method, error: new OperationalError(code, `injected ${code}`), when, times: 1 });
    const outcome = await run(one);
    const on = one.world.executingOn(UUID);
    expect([one.mostCopies() <= 1, one.mostLostMs()]).toEqual([true, 0]);
    if (outcome.kind === 'succeeded') expect(on).toEqual([DESTINATION]);
    else if (outcome.kind === 'failed') expect(on).toEqual([SOURCE]);
    else expect([outcome.kind, on.length <= 1]).toEqual(['unknown', true]);
  });
});

describe('steps: relocation by copies', () => {
  const make = (): { world: MoveWorld; context: MoveWorld['copying'] } => {
    const world = local();
    return { world, context: world.copying };
  };

  it('each step and each undo may run twice', async () => {
    const { outcome, world: { world, mostCopies, mostLostMs } } = await everythingTwice(make(), COPY_RELOCATION_STEPS);
    expect([outcome.kind, world.executingOn(UUID)]).toEqual(['succeeded', [DESTINATION]]);
    expect([mostCopies() <= 1, mostLostMs()]).toEqual([true, 0]);
  });

  it('failed at each step: it runs on exactly one side, or the ending says that a person must look', async () => {
    await failedAtEachStep(make, COPY_RELOCATION_STEPS, ({ outcome, world: { world, mostCopies, mostLostMs } }) => {
      expect([mostCopies() <= 1, mostLostMs()]).toEqual([true, 0]);
      expect(world.executingOn(UUID).length === 1 || outcome.kind === 'unknown').toBe(true);
    }, copyRelocationWayBack);
  });

  it('crashed at each write and resumed: it is moved once', async () => {
    const kills = await killedEverywhere(make, COPY_RELOCATION_STEPS, ({ outcome, world: { world, mostCopies, mostLostMs } }) => {
      expect(outcome).toMatchObject({ kind: 'succeeded' });
      expect(world.executingOn(UUID)).toEqual([DESTINATION]);
      expect([mostCopies() <= 1, mostLostMs()]).toEqual([true, 0]);
    }, copyRelocationWayBack);
    expect(kills).toBeGreaterThan(COPY_RELOCATION_STEPS.length);
  });

  it('crashed at each write of the way back and resumed: what it wrote at its source meanwhile is copied too', async () => {
    const failing = (): { world: MoveWorld; context: MoveWorld['copying'] } => {
      const one = make();
      one.world.world.inject({ host: DESTINATION, method: 'start', error: new OperationalError('failed', 'no memory'), when: 'before', times: 1 });
      return one;
    };
    await killedEverywhere(failing, COPY_RELOCATION_STEPS, ({ world: { world, mostCopies, mostLostMs } }) => {
      expect([mostCopies() <= 1, mostLostMs()]).toEqual([true, 0]);
      expect(world.executingOn(UUID)).toHaveLength(1);
    }, copyRelocationWayBack, nextTryOf);
  });
});

const raised = <P extends MoveWorld['copying']['source']>(place: P): P => ({ ...place, token: { ...place.token, workload: { uuid: UUID, epoch: nextTry(place.token.workload?.epoch ?? 0) } } });
const nextTryOf = (context: MoveWorld['copying']): MoveWorld['copying'] => ({ ...context, source: raised(context.source), target: raised(context.target) });

describe('an end that was not written down', () => {
  it('of a copying that a person\'s stop ended: it stays stopped, wherever the run was killed', async () => {
    for (let killAt = 1; killAt < 20; killAt += 1) {
      const one = local();
      const host = one.world.host(SOURCE);
      one.at(900, () => {
        const domain = host.domains.get(UUID);
        if (domain?.running) one.world.endProcess(host, domain, 'stopped', 'stopped');
      });
      const { journal } = crashingJournal(killAt);
      let outcome: WorkflowOutcome;
      try {
        outcome = await runCopyRelocation(one.copying, journal());
      } catch (error) {
        if (!(error instanceof JournalLost)) throw error;
        outcome = await runCopyRelocation(nextTryOf(one.copying), journal());
      }
      expect([killAt, outcome.kind, 'code' in outcome && outcome.code, one.world.executingOn(UUID)]).toEqual([killAt, 'cancelled', 'stopped-by-hand', []]);
    }
  });

  it('after the way back: the next try copies what was written at the source since', async () => {
    const one = local();
    one.world.inject({ host: DESTINATION, method: 'start', error: new OperationalError('failed', 'no memory'), when: 'before', times: 1 });
    const { journal } = crashingJournal();
    expect(await runCopyRelocation(one.copying, journal())).toMatchObject({ kind: 'failed' });
    expect(one.world.executingOn(UUID)).toEqual([SOURCE]);
    await one.copying.clock.sleep(5_000);
    expect(await runCopyRelocation(nextTryOf(one.copying), journal())).toMatchObject({ kind: 'succeeded' });
    expect([one.world.executingOn(UUID), one.mostLostMs()]).toEqual([[DESTINATION], 0]);
  });
});

describe('where it was copied away from', () => {
  it('keeps its data when the target was lost since: they may be the only ones', async () => {
    const one = local();
    const { hypervisor } = one.copying.source;
    const undefine = hypervisor.undefine.bind(hypervisor);
    hypervisor.undefine = async (...args) => {
      await undefine(...args);
      one.world.cut(DESTINATION);
    };
    expect(await run(one)).toMatchObject({ kind: 'succeeded' });
    expect(at(one, SOURCE)).toEqual({ replica: { asOfMs: expect.any(Number) } });
  });

  it('is not started again by the way back once it ran at the target, which is lost and proven off', async () => {
    const one = local();
    const { hypervisor } = one.copying.target;
    const start = hypervisor.start.bind(hypervisor);
    hypervisor.start = async (...args) => start(...args).finally(() => one.world.powerOff(DESTINATION));
    const target = { ...one.copying.target, provenOff: async () => !one.world.host(DESTINATION).powered };
    expect(await run(one, { target })).toMatchObject({ kind: 'succeeded' });
    expect([one.world.executingOn(UUID), at(one, SOURCE)]).toEqual([[], { replica: { asOfMs: expect.any(Number) } }]);
  });

  it.each<[string, string, number]>([
    ['shut down', 'shutdown', 2_500],
    ['ended by force', 'destroyed', 2_500],
    ['stopped in the last moment of the copying', 'stopped', 3_900],
  ])('one that a person has %s meanwhile stays stopped at its source', async (_name, reason, atMs) => {
    const one = local();
    one.at(atMs, () => {
      const domain = one.world.host(SOURCE).domains.get(UUID);
      if (domain) one.world.endProcess(one.world.host(SOURCE), domain, reason, 'stopped');
    });
    expect(await run(one)).toMatchObject({ kind: 'cancelled', code: 'stopped-by-hand', why: expect.stringContaining('by hand') });
    expect([one.world.executingOn(UUID), at(one, SOURCE)]).toEqual([[], { replica: null }]);
  });

  it('one that ends while it is copied is not waited for: it is copied as it is, and started at the target', async () => {
    const one = local();
    one.at(2_500, () => {
      const domain = one.world.host(SOURCE).domains.get(UUID);
      if (domain) one.world.endProcess(one.world.host(SOURCE), domain, 'crashed', 'died');
    });
    expect(await run(one)).toMatchObject({ kind: 'succeeded' });
    expect([one.world.executingOn(UUID), one.mostLostMs()]).toEqual([[DESTINATION], 0]);
  });
});
