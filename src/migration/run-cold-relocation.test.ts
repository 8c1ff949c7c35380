// What does not run is moved without being started, over simulated hosts: killed at every write, failed at every step. It is in one place, and whole there.
import { describe, expect, it } from 'vitest';
import { OperationalError } from '../shared/errors.js';
import { crashingJournal, everythingTwice, failedAtEachStep, killedEverywhere } from '../shared/workflow.fixture.js';
import { JournalLost, runWorkflow, type WorkflowOutcome } from '../shared/workflow.js';
import { takesLong } from './copies.fixture.js';
import { DESTINATION, moveWorld, SOURCE, UUID, type MoveWorld } from './migration.fixture.js';
import { COLD_COPY_STEPS, COLD_MEMBER_STEPS, COLD_RELOCATION_STEPS } from './run-cold-relocation.js';
import { copyRelocationWayBack } from './run-copy-relocation.js';
import { memberRelocationWayBack } from './run-member-relocation.js';
import { relocationWayBack } from './run-relocation.js';

function stopped(set: Parameters<typeof moveWorld>[0] = {}): MoveWorld {
  const one = moveWorld(set);
  Object.assign(one.world.host(SOURCE).domains.get(UUID) ?? {}, { running: null, reason: 'shutdown', dataAtMs: 0 });
  return one;
}
const startedByHand = ({ world }: MoveWorld): void => {
  const host = world.host(SOURCE);
  const domain = host.domains.get(UUID);
  if (domain?.definition) world.startProcess(host, domain, domain.definition, 'booted');
};
const on = ({ world }: MoveWorld): readonly string[] => [...world.hosts].filter(({ domains }) => domains.has(UUID) && !domains.get(UUID)?.replica).map(({ name }) => name);

/** Nothing ran, and it is where the outcome says; at both, where a person is told. */
function whereTold(outcome: WorkflowOutcome, one: MoveWorld): void {
  expect([one.world.executingOn(UUID), one.mostCopies()]).toEqual([[], 0]);
  if (outcome.kind === 'succeeded') expect(on(one)).toEqual([DESTINATION]);
  else if (outcome.kind !== 'unknown') expect(on(one)).toEqual([SOURCE]);
  else expect(on(one).length).toBeGreaterThan(0);
}

const plain = (one: MoveWorld): Promise<WorkflowOutcome> => runWorkflow(COLD_RELOCATION_STEPS, one.relocation, crashingJournal().journal(), relocationWayBack);
const copied = (one: MoveWorld, keepsReplica = false): Promise<WorkflowOutcome> => runWorkflow(COLD_COPY_STEPS, { ...one.copying, keepsReplica }, crashingJournal().journal(), copyRelocationWayBack);
const inside = (one: MoveWorld): Promise<WorkflowOutcome> => runWorkflow(COLD_MEMBER_STEPS, one.inside, crashingJournal().journal(), memberRelocationWayBack);

describe.each<[string, () => MoveWorld, (one: MoveWorld) => Promise<WorkflowOutcome>]>([
  ['by its definition', () => stopped(), plain],
  ['by a copy', () => stopped({ isLocal: true }), copied],
  ['within a cluster of daemons', () => stopped({ isClustered: true }), inside],
])('a cold relocation %s', (_how, make, run) => {
  it('moves it, and starts it nowhere', async () => {
    const one = make();
    const outcome = await run(one);
    expect(outcome.kind).toBe('succeeded');
    whereTold(outcome, one);
    expect([...one.world.hosts].flatMap(({ domains }) => (domains.has(UUID) ? [domains.get(UUID)?.autostart] : []))).toEqual([false]);
  });

  it.each<[string, (one: MoveWorld) => void, string]>([
    ['a target that does not answer', (one) => one.world.cut(DESTINATION), 'target-unreachable'],
    ['a source that does not answer', (one) => one.world.cut(SOURCE), 'source-unreachable'],
    ['a target that lacks what it needs', (one) => void Object.assign(one.world.host(DESTINATION), { bridges: [] }), 'bridge-missing'],
    ['a target that does not take its definition', (one) => one.world.inject({ host: DESTINATION, method: 'define', error: new OperationalError('failed', 'no'), when: 'before', times: 9 }), 'define-failed'],
  ])('%s: it stays as it is', async (_name, spoil, code) => {
    const one = make();
    spoil(one);
    const outcome = await run(one);
    // Within a cluster it is there by then, and is told to be: it is moved back by nobody.
    if (run === inside && code === 'define-failed') return expect([outcome.kind, on(one).length]).toEqual(['failed', 1]);
    expect(outcome).toMatchObject({ kind: 'failed', code });
    whereTold(outcome, one);
  });

  it('what runs is not moved by it', async () => {
    const one = make();
    startedByHand(one);
    expect(await run(one)).toMatchObject({ kind: 'failed', code: 'not-stopped' });
    expect([one.world.executingOn(UUID), on(one)]).toEqual([[SOURCE], [SOURCE]]);
  });
});

/** As a person would who has some work to do. */
function worksThere(one: MoveWorld, fromMs: number, untilMs: number): void {
  one.at(fromMs, () => startedByHand(one));
  one.at(untilMs, () => {
    const host = one.world.host(SOURCE);
    const domain = host.domains.get(UUID);
    if (domain) one.world.endProcess(host, domain, 'stopped', 'stopped');
  });
}

describe('a cold relocation', () => {
  it('started and stopped by hand at its source in the middle of the copying, it stays there with what it wrote', async () => {
    const one = stopped({ isLocal: true });
    takesLong(one, 'last', 3_600_000);
    worksThere(one, 600_000, 1_800_000);
    expect(await copied(one)).toMatchObject({ kind: 'failed', code: 'copy-failed', why: expect.stringContaining('was started meanwhile') });
    expect([one.world.executingOn(UUID), on(one), one.world.host(DESTINATION).domains.get(UUID)?.replica]).toEqual([[], [SOURCE], { asOfMs: null }]);
    startedByHand(one);
    expect(one.mostLostMs()).toBe(0);
  });

  it('started and stopped by hand there after the copy, it stays there with what it wrote', async () => {
    const one = stopped({ isLocal: true });
    const { hypervisor } = one.copying.target;
    const define = hypervisor.define.bind(hypervisor);
    hypervisor.define = async (...args) => {
      await define(...args);
      startedByHand(one);
      await one.copying.clock.sleep(5_000);
      const domain = one.world.host(SOURCE).domains.get(UUID);
      if (domain) one.world.endProcess(one.world.host(SOURCE), domain, 'stopped', 'stopped');
    };
    expect(await copied(one)).toMatchObject({ kind: 'failed', code: 'not-stopped', why: expect.stringContaining('after the copy by which it was moved') });
    expect([one.world.executingOn(UUID), on(one)]).toEqual([[], [SOURCE]]);
    startedByHand(one);
    expect(one.mostLostMs()).toBe(0);
  });

  it('leaves a replica where one is kept', async () => {
    const one = stopped({ isLocal: true });
    expect((await copied(one, true)).kind).toBe('succeeded');
    expect(one.world.host(SOURCE).domains.get(UUID)?.replica).toMatchObject({ asOfMs: expect.any(Number) });
  });

  it('killed when it was forgotten at its source, which does not answer any more: what is at the target stays the workload', async () => {
    let seen = 0;
    for (let killAt = 1; killAt < 30; killAt += 1) {
      const one = stopped({ isLocal: true });
      const { journal } = crashingJournal(killAt);
      try {
        await runWorkflow(COLD_COPY_STEPS, one.copying, journal(), copyRelocationWayBack);
        break;
      } catch (error) {
        if (!(error instanceof JournalLost)) throw error;
      }
      const isGone = !one.world.host(SOURCE).domains.has(UUID);
      one.world.cut(SOURCE);
      const outcome = await runWorkflow(COLD_COPY_STEPS, one.copying, journal(), copyRelocationWayBack);
      if (!isGone) continue;
      seen += 1;
      expect(on(one)).toEqual([DESTINATION]);
      expect(['succeeded', 'unknown']).toContain(outcome.kind);
    }
    expect(seen).toBeGreaterThan(0);
  });

  it('notes the lease of its new host, where it runs under one; that it can not is no reason against the move', async () => {
    const one = stopped();
    const leased = { ...one.relocation, target: { ...one.relocation.target, token: { ...one.relocation.target.token, lease: true } } };
    expect(await runWorkflow(COLD_RELOCATION_STEPS, leased, crashingJournal().journal(), relocationWayBack)).toMatchObject({ kind: 'succeeded' });
    const other = stopped();
    other.world.inject({ host: DESTINATION, method: 'announce', error: new OperationalError('guard-refused', 'this host holds no lease'), when: 'before', times: 9 });
    const without = { ...other.relocation, target: { ...other.relocation.target, token: { ...other.relocation.target.token, lease: true } } };
    expect(await runWorkflow(COLD_RELOCATION_STEPS, without, crashingJournal().journal(), relocationWayBack)).toMatchObject({ kind: 'succeeded', memo: { unleased: true } });
  });

  it.each([['by its definition', () => stopped(), plain], ['by a copy', () => stopped({ isLocal: true }), copied]] as const)('%s: started by hand at its source when it is defined at the target, it stays there', async (_how, make, run) => {
    const one = make();
    const { target } = run === plain ? one.relocation : one.copying;
    const define = target.hypervisor.define.bind(target.hypervisor);
    target.hypervisor.define = async (...args) => {
      await define(...args);
      startedByHand(one);
    };
    expect(await run(one)).toMatchObject({ kind: 'failed', code: 'not-stopped' });
    expect([one.world.executingOn(UUID), on(one)]).toEqual([[SOURCE], [SOURCE]]);
  });
});

describe('steps: cold relocation by its definition', () => {
  const make = (): { world: MoveWorld; context: MoveWorld['relocation'] } => {
    const world = stopped();
    return { world, context: world.relocation };
  };

  it('each step and each undo may run twice', async () => {
    const { outcome, world } = await everythingTwice(make(), COLD_RELOCATION_STEPS);
    whereTold(outcome, world);
    expect(outcome.kind).toBe('succeeded');
  });

  it('failed at each step: it is where the ending says', () => failedAtEachStep(make, COLD_RELOCATION_STEPS, ({ outcome, world }) => whereTold(outcome, world), relocationWayBack));

  it('crashed at each write and resumed: it is moved once', async () => {
    await killedEverywhere(make, COLD_RELOCATION_STEPS, ({ outcome, world }) => {
      whereTold(outcome, world);
      expect(outcome.kind).toBe('succeeded');
    }, relocationWayBack);
  });
});

describe('steps: cold relocation by a copy', () => {
  const make = (): { world: MoveWorld; context: MoveWorld['copying'] } => {
    const world = stopped({ isLocal: true });
    return { world, context: world.copying };
  };

  it('each step and each undo may run twice', async () => {
    const { outcome, world } = await everythingTwice(make(), COLD_COPY_STEPS);
    whereTold(outcome, world);
    expect(outcome.kind).toBe('succeeded');
  });

  it('failed at each step: it is where the ending says', () => failedAtEachStep(make, COLD_COPY_STEPS, ({ outcome, world }) => whereTold(outcome, world), copyRelocationWayBack));

  it('crashed at each write and resumed: it is moved once', async () => {
    await killedEverywhere(make, COLD_COPY_STEPS, ({ outcome, world }) => {
      whereTold(outcome, world);
      expect(outcome.kind).toBe('succeeded');
    }, copyRelocationWayBack);
  });
});

describe('steps: cold relocation within a cluster of daemons', () => {
  const make = (): { world: MoveWorld; context: MoveWorld['inside'] } => {
    const world = stopped({ isClustered: true });
    return { world, context: world.inside };
  };

  it('each step and each undo may run twice', async () => {
    const { outcome, world } = await everythingTwice(make(), COLD_MEMBER_STEPS);
    whereTold(outcome, world);
    expect(outcome.kind).toBe('succeeded');
  });

  it('failed at each step: it is where the ending says', () => failedAtEachStep(make, COLD_MEMBER_STEPS, ({ outcome, world }) => whereTold(outcome, world), memberRelocationWayBack));

  it('crashed at each write and resumed: it is moved once', async () => {
    await killedEverywhere(make, COLD_MEMBER_STEPS, ({ outcome, world }) => {
      whereTold(outcome, world);
      expect(outcome.kind).toBe('succeeded');
    }, memberRelocationWayBack);
  });
});
