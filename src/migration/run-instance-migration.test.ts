// A live move of an instance whose daemon may call a lost memory a success: killed anywhere, hosts lost on the way. Never two, never none without a word, and never a half copy left as a whole one.
import { describe, expect, it } from 'vitest';
import { OperationalError } from '../shared/errors.js';
import type { WorkflowOutcome } from '../shared/workflow.js';
import { crashingJournal, everythingTwice, failedAtEachStep, killedEverywhere } from '../shared/workflow.fixture.js';
import type { SimulatedDomain } from '../sim/simulated-world.js';
import { DESTINATION, moveWorld, SOURCE, UUID, type MoveWorld } from './migration.fixture.js';
import { INSTANCE_MIGRATION_STEPS, runInstanceMigration, type InstanceMigrationContext } from './run-instance-migration.js';

const contextOf = ({ migration }: MoveWorld): InstanceMigrationContext => ({ ...migration, notLive: null });
const run = (one: MoveWorld, context = contextOf(one)): Promise<WorkflowOutcome> => runInstanceMigration(context, crashingJournal().journal());
const setUp = (): { readonly world: MoveWorld; readonly context: InstanceMigrationContext } => {
  const world = moveWorld({ isLocal: true });
  return { world, context: contextOf(world) };
};
const at = ({ world }: MoveWorld, name: string): SimulatedDomain | undefined => world.host(name).domains.get(UUID);
const runningOn = ({ world }: MoveWorld): readonly string[] => world.executingOn(UUID);

/** As the daemons leave it when they could not bring its memory back. */
function stopAt(one: MoveWorld, name: string, reason = 'ended'): void {
  const domain = at(one, name);
  if (domain) Object.assign(domain, { running: null, reason });
}

/** Once the transfer has ended, before anybody looks. */
function whenEnded(one: MoveWorld, then: () => void): void {
  const command = one.migration.source.hypervisor.migrationCommand.bind(one.migration.source.hypervisor);
  let isDone = false;
  one.migration.source.hypervisor.migrationCommand = async (id) => {
    const state = await command(id);
    if (state.kind === 'ended' && !isDone) {
      isDone = true;
      then();
    }
    return state;
  };
}

describe('runInstanceMigration', () => {
  it('moves it while it runs, and nothing of it is left at the source', async () => {
    const one = setUp();
    expect(await run(one.world)).toMatchObject({ kind: 'succeeded' });
    expect([runningOn(one.world), at(one.world, SOURCE), one.world.mostCopies()]).toEqual([[DESTINATION], undefined, 1]);
  });

  it('is not begun against what is known, and says what would help', async () => {
    const one = setUp();
    const notLive = { why: 'migration.stateful of vm-1 is not set', remedy: 'lxc config set vm-1 migration.stateful=true' };
    expect(await run(one.world, { ...one.context, notLive })).toMatchObject({ kind: 'failed', code: 'not-live', why: 'vm-1 does not move while it runs: migration.stateful of vm-1 is not set (lxc config set vm-1 migration.stateful=true)' });
    expect(one.world.world.host(SOURCE).migrations.size).toBe(0);
  });

  it('is noted under the lease once more when it has arrived; what could not be noted does not count as ended with the lease', async () => {
    for (const refusedAt of [null, 2]) {
      const one = setUp();
      let asked = 0;
      const { destination } = one.context;
      destination.hypervisor.announce = async () => {
        asked += 1;
        if (asked === refusedAt) throw new OperationalError('guard-refused', 'this host holds no lease');
      };
      const outcome = await run(one.world, { ...one.context, destination: { ...destination, token: { ...destination.token, lease: true } } });
      expect([outcome.kind, asked, outcome.memo['unleased'] ?? false]).toEqual(['succeeded', 2, refusedAt !== null]);
    }
  });

  it('is not begun onto a copy of it', async () => {
    const one = setUp();
    const { definition } = one.context.workload;
    one.world.world.host(DESTINATION).domains.set(UUID, { uuid: UUID, name: 'vm-1', kind: 'container', definition, running: null, reason: 'ended', autostart: false, statistics: null, replica: { asOfMs: 1 } } as SimulatedDomain);
    expect(await run(one.world)).toMatchObject({ kind: 'failed', code: 'replica-there', why: expect.stringContaining('reeve workload replicas vm-1 --discard host-2 --kind replica') as string });
    expect(runningOn(one.world)).toEqual([SOURCE]);
  });

  it('starts it at the destination where the daemon called it a success and it is stopped there: its disk is nowhere else', async () => {
    const one = setUp();
    whenEnded(one.world, () => stopAt(one.world, DESTINATION));
    const { journal, log } = crashingJournal();
    expect(await runInstanceMigration(one.context, journal())).toMatchObject({ kind: 'succeeded' });
    expect([runningOn(one.world), at(one.world, SOURCE)]).toEqual([[DESTINATION], undefined]);
    expect(log.at(-1)).toBe('done settle');
    expect(one.world.mostCopies()).toBe(1);
  });

  it('says that its memory was lost', async () => {
    const one = setUp();
    whenEnded(one.world, () => stopAt(one.world, DESTINATION));
    const notes: (string | null)[] = [];
    const journal = Object.assign(crashingJournal().journal(), { stepDone: async (_name: string, note: string | null) => void notes.push(note) });
    await runInstanceMigration(one.context, journal);
    expect(notes.at(-1)).toBe('its disk moved to host-2, its memory did not: it was started again: what was in its memory is lost');
  });

  it('starts it where it was when it was stopped there and nothing of it arrived', async () => {
    const one = setUp();
    one.world.world.inject({ host: SOURCE, method: 'startMigration', error: new OperationalError('failed', 'dump failed'), when: 'before', times: 1 });
    whenStarted(one.world, () => stopAt(one.world, SOURCE, 'destroyed'));
    expect(await run(one.world)).toMatchObject({ kind: 'failed', code: 'restarted', why: expect.stringContaining('what was in its memory is lost') as string });
    expect(runningOn(one.world)).toEqual([SOURCE]);
  });

  it('starts neither where a disk of it is on both hosts and none runs: a person looks', async () => {
    const one = setUp();
    whenEnded(one.world, () => {
      const there = at(one.world, DESTINATION)!;
      stopAt(one.world, DESTINATION);
      one.world.world.host(SOURCE).domains.set(UUID, { ...there });
    });
    expect(await run(one.world)).toMatchObject({ kind: 'unknown', code: 'two-disks', why: expect.stringContaining('reeve workload clear vm-1') as string });
    expect(runningOn(one.world)).toEqual([]);
  });

  it('sets the half aside that is left at the destination when it stays: it must not pass for a whole copy, and is not deleted', async () => {
    const one = setUp();
    const { definition } = one.context.workload;
    one.world.world.inject({ host: SOURCE, method: 'startMigration', error: new OperationalError('failed', 'migration dump failed'), when: 'before', times: 1 });
    whenStarted(one.world, () => one.world.world.host(DESTINATION).domains.set(UUID, { uuid: UUID, name: 'vm-1', kind: 'container', definition, running: null, reason: 'ended', autostart: false, statistics: null }));
    expect(await run(one.world)).toMatchObject({ kind: 'failed', code: 'did-not-move', why: expect.stringContaining('a replica that is not whole') as string });
    expect([runningOn(one.world), at(one.world, DESTINATION)]).toMatchObject([[SOURCE], { running: null, replica: { asOfMs: null } }]);
  });

  it('keeps what is left at the source as a replica when the client did not get as far as deleting it', async () => {
    const one = setUp();
    let left: SimulatedDomain | undefined;
    whenStarted(one.world, () => void (left = { ...at(one.world, SOURCE)!, running: null, reason: 'ended' }));
    whenEnded(one.world, () => one.world.world.host(SOURCE).domains.set(UUID, left!));
    expect(await run(one.world)).toMatchObject({ kind: 'succeeded' });
    expect([runningOn(one.world), at(one.world, SOURCE)?.replica !== null]).toEqual([[DESTINATION], true]);
  });

  it('waits for hosts that do not answer, and never starts it beside what may run there', async () => {
    for (const lost of [SOURCE, DESTINATION]) {
      const one = setUp();
      one.world.at(300, () => one.world.world.powerOff(lost));
      const outcome = await run(one.world);
      expect(one.world.mostCopies()).toBeLessThanOrEqual(1);
      expect(outcome.kind === 'succeeded' ? runningOn(one.world) : [lost === SOURCE ? 'source-lost' : 'did-not-move']).toEqual(outcome.kind === 'succeeded' ? [DESTINATION] : [(outcome as { code: string }).code]);
    }
  });
});

/** Right after it was asked for. */
function whenStarted(one: MoveWorld, then: () => void): void {
  const { hypervisor } = one.migration.source;
  const start = hypervisor.startMigration.bind(hypervisor);
  hypervisor.startMigration = async (token, request) => {
    try {
      await start(token, request);
    } finally {
      then();
    }
  };
}

function expectOnce(world: MoveWorld, outcome: WorkflowOutcome): void {
  expect(world.mostCopies()).toBeLessThanOrEqual(1);
  expect(runningOn(world)).toEqual([outcome.kind === 'succeeded' ? DESTINATION : SOURCE]);
}

describe('steps: live move of an instance', () => {
  it('runs once, wherever it is killed', async () => {
    const kills = await killedEverywhere(setUp, INSTANCE_MIGRATION_STEPS, ({ outcome, world }) => {
      expect(outcome.kind).toBe('succeeded');
      expectOnce(world, outcome);
    });
    expect(kills).toBeGreaterThan(INSTANCE_MIGRATION_STEPS.length * 2);
  });

  it('may run each step twice', async () => {
    const { outcome, world } = await everythingTwice(setUp(), INSTANCE_MIGRATION_STEPS);
    expect(outcome.kind).toBe('succeeded');
    expectOnce(world, outcome);
  });

  it('runs once, whichever step fails', async () => {
    const begun = new Set(['start', 'transfer', 'settle']);
    await failedAtEachStep(setUp, INSTANCE_MIGRATION_STEPS, ({ outcome, world, failedAt, when }) => {
      expect(outcome.kind).toBe('failed');
      expect(world.mostCopies()).toBeLessThanOrEqual(1);
      // Made to fail once the transfer had begun, it goes on by itself: nothing takes it back, and it ends at one of both.
      expect(runningOn(world), `${failedAt} ${when}`).toHaveLength(1);
      if (!begun.has(failedAt)) expect(runningOn(world)).toEqual([SOURCE]);
    });
  });
});
