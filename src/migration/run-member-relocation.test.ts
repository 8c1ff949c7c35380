// Relocation within a cluster of daemons over simulated hosts: killed at every write, every call failed, members lost on the way. Never two, never nowhere without a word.
import { describe, expect, it } from 'vitest';
import { OperationalError } from '../shared/errors.js';
import { crashingJournal, everythingTwice, failedAtEachStep, killedEverywhere } from '../shared/workflow.fixture.js';
import { nextTry } from '../workloads/placement-epoch.js';
import { DESTINATION, moveWorld, SOURCE, UUID, type MoveWorld } from './migration.fixture.js';
import { MEMBER_RELOCATION_STEPS, memberRelocationWayBack, runMemberRelocation } from './run-member-relocation.js';

const clustered = (): MoveWorld => moveWorld({ isClustered: true });
const run = (one: MoveWorld, set: Partial<MoveWorld['inside']> = {}): ReturnType<typeof runMemberRelocation> => runMemberRelocation({ ...one.inside, ...set }, crashingJournal().journal());
/** Where the cluster has it: on one member, always. */
const on = (one: MoveWorld): readonly string[] => [...one.world.hosts].filter((host) => host.domains.has(UUID)).map(({ name }) => name);

describe('runMemberRelocation', () => {
  it('stops it, has it moved and starts it at the other member', async () => {
    const one = clustered();
    expect(await run(one)).toMatchObject({ kind: 'succeeded', memo: { downtimeMs: expect.any(Number) } });
    expect([one.world.executingOn(UUID), on(one), one.mostCopies() <= 1, one.mostLostMs()]).toEqual([[DESTINATION], [DESTINATION], true, 0]);
  });

  it('one that does not run is moved and started all the same', async () => {
    const one = clustered();
    Object.assign(one.world.host(SOURCE).domains.get(UUID) ?? {}, { running: null, reason: 'crashed', dataAtMs: 0 });
    const outcome = await run(one);
    expect([outcome.kind, 'downtimeMs' in outcome.memo, one.world.executingOn(UUID)]).toEqual(['succeeded', false, [DESTINATION]]);
  });

  it.each<[string, (one: MoveWorld) => void, string]>([
    ['a target that does not answer', (one) => one.world.cut(DESTINATION), 'target-unreachable'],
    ['a target that lacks what it needs', (one) => void Object.assign(one.world.host(DESTINATION), { bridges: [] }), 'bridge-missing'],
    ['a command that is refused', (one) => one.world.inject({ host: SOURCE, method: 'startMove', error: new OperationalError('failed', 'no space left'), when: 'before', times: 1 }), 'move-failed'],
    ['the target is lost in the middle', (one) => one.at(2_000, () => one.world.powerOff(DESTINATION)), 'move-failed'],
    ['the target is cut off in the middle', (one) => one.at(2_000, () => one.world.cut(DESTINATION)), 'move-failed'],
    ['its start fails there', (one) => one.world.inject({ host: DESTINATION, method: 'start', error: new OperationalError('failed', 'no memory'), when: 'before', times: 5 }), 'start-failed'],
  ])('%s: it runs at its source', async (_name, spoil, code) => {
    const one = clustered();
    spoil(one);
    expect(await run(one)).toMatchObject({ kind: 'failed', code });
    expect([one.world.executingOn(UUID), on(one), one.mostCopies() <= 1, one.mostLostMs()]).toEqual([[SOURCE], [SOURCE], true, 0]);
  });

  it('a person thinks better of it while it is moved: it is ended, and runs at its source', async () => {
    const one = clustered();
    const journal = crashingJournal();
    one.at(1_500, () => journal.cancel());
    expect(await runMemberRelocation(one.inside, journal.journal())).toMatchObject({ kind: 'cancelled' });
    expect([one.world.executingOn(UUID), one.mostLostMs()]).toEqual([[SOURCE], 0]);
  });

  it.each<[string, number, readonly string[]]>([['for a moment', 5, [SOURCE]], ['for too long, which leaves it stopped there and clears by itself', 10_000, []]])('its source does not start it again %s', async (_name, times, runsOn) => {
    const one = clustered();
    const journal = crashingJournal();
    one.world.inject({ host: SOURCE, method: 'start', error: new OperationalError('failed', 'the daemon is being refreshed'), when: 'before', times });
    const { hypervisor } = one.inside.source;
    const shutdown = hypervisor.requestShutdown.bind(hypervisor);
    hypervisor.requestShutdown = async (...args) => shutdown(...args).finally(() => journal.cancel());
    const outcome = await runMemberRelocation(one.inside, journal.journal());
    expect([outcome.kind, 'leftStopped' in outcome.memo, one.world.executingOn(UUID), on(one)]).toEqual(['cancelled', runsOn.length === 0, runsOn, [SOURCE]]);
  });

  it('the source is lost in the middle and proven off: it is started nowhere, for it is there', async () => {
    const one = clustered();
    one.at(2_000, () => one.world.powerOff(SOURCE));
    const source = { ...one.inside.source, provenOff: async () => !one.world.host(SOURCE).powered };
    expect(await run(one, { source })).toMatchObject({ kind: 'failed', code: 'source-lost' });
    expect([one.world.executingOn(UUID), on(one)]).toEqual([[], [SOURCE]]);
  });

  it('the daemons say nothing for twenty seconds, as while their cluster looks for a leader: it goes on afterwards', async () => {
    const one = clustered();
    one.at(1_500, () => [SOURCE, DESTINATION].forEach((name) => one.world.host(name).mute.add('lxd')));
    one.at(21_500, () => [SOURCE, DESTINATION].forEach((name) => one.world.host(name).mute.delete('lxd')));
    expect(await run(one)).toMatchObject({ kind: 'succeeded' });
    expect([one.world.executingOn(UUID), one.mostCopies() <= 1, one.mostLostMs()]).toEqual([[DESTINATION], true, 0]);
  });

  it('what the daemons go on moving by themselves is waited for: nothing is started meanwhile', async () => {
    const one = clustered();
    one.world.inject({ host: SOURCE, method: 'startMove', error: new OperationalError('failed', 'its client was killed'), when: 'after', times: 1 });
    expect(await run(one)).toMatchObject({ kind: 'succeeded' });
    expect([one.world.executingOn(UUID), one.mostCopies() <= 1]).toEqual([[DESTINATION], true]);
  });

  it('the target\'s daemon falls silent while it takes it: the operation says whom it waits for, and goes on when that answers', async () => {
    const one = clustered();
    one.at(2_000, () => one.world.host(DESTINATION).mute.add('lxd'));
    one.at(300_000, () => one.world.host(DESTINATION).mute.delete('lxd'));
    const journal = crashingJournal();
    expect(await runMemberRelocation(one.inside, journal.journal())).toMatchObject({ kind: 'succeeded' });
    expect(journal.lines.filter((line) => line.startsWith('waits'))).toEqual([expect.stringMatching(new RegExp(`^waits for an answer of ${DESTINATION} .*: the others do not have`))]);
    expect([one.world.executingOn(UUID), one.mostCopies() <= 1, one.mostLostMs()]).toEqual([[DESTINATION], true, 0]);
  });

  it('what ended at the target as soon as it ran has moved', async () => {
    const one = clustered();
    const { hypervisor } = one.inside.target;
    const start = hypervisor.start.bind(hypervisor);
    hypervisor.start = async (...args) => {
      await start(...args);
      const domain = one.world.host(DESTINATION).domains.get(UUID);
      if (domain) one.world.endProcess(one.world.host(DESTINATION), domain, 'crashed', 'died');
    };
    expect(await run(one)).toMatchObject({ kind: 'succeeded' });
    expect([one.world.executingOn(UUID), on(one)]).toEqual([[], [DESTINATION]]);
  });
});

const METHODS = ['observe', 'overtake', 'definition', 'compatibility', 'startMove', 'moveCommand', 'isMoving', 'requestShutdown', 'define', 'setAutostart', 'start'] as const;

describe('one call fails', () => {
  const cases = METHODS.flatMap((method) => (['unreachable', 'timeout', 'failed'] as const).flatMap((code) => [SOURCE, DESTINATION].flatMap((host) => (['before', 'after'] as const).map((when) => ({ method, code, host, when })))));
  it.each(cases)('$method on $host, $code, $when', async ({ method, code, host, when }) => {
    const one = clustered();
    one.world.inject({ host, method, error: new OperationalError(code, `injected ${code}`), when, times: 1 });
    const outcome = await run(one);
    const executing = one.world.executingOn(UUID);
    expect([one.mostCopies() <= 1, one.mostLostMs(), on(one).length]).toEqual([true, 0, 1]);
    if (outcome.kind === 'succeeded') expect(executing).toEqual([DESTINATION]);
    else if (outcome.kind === 'failed') expect(executing).toEqual([SOURCE]);
    else expect([outcome.kind, executing.length <= 1]).toEqual(['unknown', true]);
  });
});

const raised = <P extends MoveWorld['inside']['source']>(place: P): P => ({ ...place, token: { ...place.token, workload: { uuid: UUID, epoch: nextTry(place.token.workload?.epoch ?? 0) } } });
const nextTryOf = (context: MoveWorld['inside']): MoveWorld['inside'] => ({ ...context, source: raised(context.source), target: raised(context.target) });

describe('steps: relocation within a cluster of daemons', () => {
  const make = (): { world: MoveWorld; context: MoveWorld['inside'] } => {
    const world = clustered();
    return { world, context: world.inside };
  };
  const failing = (): { world: MoveWorld; context: MoveWorld['inside'] } => {
    const one = make();
    one.world.world.inject({ host: DESTINATION, method: 'start', error: new OperationalError('failed', 'no memory'), when: 'before', times: 1 });
    return one;
  };

  it('each step and each undo may run twice', async () => {
    const { outcome, world: { world, mostCopies, mostLostMs } } = await everythingTwice(make(), MEMBER_RELOCATION_STEPS);
    expect([outcome.kind, world.executingOn(UUID)]).toEqual(['succeeded', [DESTINATION]]);
    expect([mostCopies() <= 1, mostLostMs()]).toEqual([true, 0]);
  });

  it('failed at each step: it runs on exactly one side, or the ending says that a person must look', async () => {
    await failedAtEachStep(make, MEMBER_RELOCATION_STEPS, ({ outcome, world: { world, mostCopies, mostLostMs } }) => {
      expect([mostCopies() <= 1, mostLostMs()]).toEqual([true, 0]);
      expect(world.executingOn(UUID).length === 1 || outcome.kind === 'unknown').toBe(true);
    }, memberRelocationWayBack);
  });

  it('crashed at each write and resumed: it is moved once', async () => {
    const kills = await killedEverywhere(make, MEMBER_RELOCATION_STEPS, ({ outcome, world: { world, mostCopies, mostLostMs } }) => {
      expect(outcome).toMatchObject({ kind: 'succeeded' });
      expect(world.executingOn(UUID)).toEqual([DESTINATION]);
      expect([mostCopies() <= 1, mostLostMs()]).toEqual([true, 0]);
    }, memberRelocationWayBack);
    expect(kills).toBeGreaterThan(MEMBER_RELOCATION_STEPS.length);
  });

  it('crashed at each write of the way back and resumed: it runs on one side', async () => {
    await killedEverywhere(failing, MEMBER_RELOCATION_STEPS, ({ world: { world, mostCopies, mostLostMs } }) => {
      expect([mostCopies() <= 1, mostLostMs()]).toEqual([true, 0]);
      expect(world.executingOn(UUID)).toHaveLength(1);
    }, memberRelocationWayBack, nextTryOf);
  });
});
