// Replication over simulated hosts: the workload itself is touched by nothing that happens, and a copy is whole or none.
import { describe, expect, it } from 'vitest';
import { OperationalError } from '../shared/errors.js';
import { crashingJournal, everythingTwice, failedAtEachStep, killedEverywhere } from '../shared/workflow.fixture.js';
import { DESTINATION, moveWorld, SOURCE, UUID, type MoveWorld } from './migration.fixture.js';
import { REPLICATION_STEPS, runReplication, type ReplicationContext } from './run-replication.js';

const local = (): MoveWorld => moveWorld({ isLocal: true });
const contextOf = ({ copying }: MoveWorld, id = 'op-1'): ReplicationContext => ({ ...copying, operationId: id, stillWanted: async () => null });
const run = (one: MoveWorld, id?: string): ReturnType<typeof runReplication> => runReplication(contextOf(one, id), crashingJournal().journal());
const copyOf = (one: MoveWorld): number | null => one.world.host(DESTINATION).domains.get(UUID)?.replica?.asOfMs ?? null;
const untouched = (one: MoveWorld): void => expect([one.world.executingOn(UUID), one.mostCopies() <= 1]).toEqual([[SOURCE], true]);

describe('runReplication', () => {
  it('makes a copy as of when it began, and anew', async () => {
    const one = local();
    const began = one.copying.clock.nowMs();
    expect(await run(one)).toMatchObject({ kind: 'succeeded', memo: { copiedAsOfMs: began } });
    expect(copyOf(one)).toBe(began);
    const again = one.copying.clock.nowMs();
    expect(await run(one, 'op-2')).toMatchObject({ kind: 'succeeded' });
    expect(copyOf(one)).toBe(again);
    untouched(one);
  });

  it('copies over nothing that is the workload itself', async () => {
    const one = local();
    const domain = one.world.host(SOURCE).domains.get(UUID);
    if (domain) one.world.host(DESTINATION).domains.set(UUID, { ...domain, running: null });
    expect(await run(one)).toMatchObject({ kind: 'failed', code: 'already-there' });
    untouched(one);
  });

  it.each<[string, (one: MoveWorld) => void, string]>([
    ['the target is lost in the middle', (one) => one.at(1_500, () => one.world.powerOff(DESTINATION)), 'target-unreachable'],
    ['the daemon refuses', (one) => one.world.inject({ host: SOURCE, method: 'startCopy', error: new OperationalError('failed', 'no pool'), when: 'before', times: 1 }), 'copy-failed'],
    ['it never began', (one) => Object.assign(one.copying.source.hypervisor, { copies: { ...one.copying.source.hypervisor.copies, startCopy: async () => undefined } }), 'copy-failed'],
  ])('%s: there is no whole copy, and it runs on', async (_name, spoil, code) => {
    const one = local();
    spoil(one);
    expect(await run(one)).toMatchObject({ kind: 'failed', code });
    expect(copyOf(one)).toBeNull();
    untouched(one);
  });

  it('its source is lost in the middle and proven off: it ends, so that it can be recovered', async () => {
    const one = local();
    one.at(1_500, () => one.world.powerOff(SOURCE));
    const source = { ...one.copying.source, provenOff: async () => !one.world.host(SOURCE).powered };
    expect(await runReplication({ ...contextOf(one), source }, crashingJournal().journal())).toMatchObject({ kind: 'failed', code: 'source-lost' });
  });
});

describe('steps: replication', () => {
  const make = (): { world: MoveWorld; context: ReplicationContext } => {
    const world = local();
    return { world, context: contextOf(world) };
  };

  it('each step may run twice', async () => {
    const { outcome, world } = await everythingTwice(make(), REPLICATION_STEPS);
    expect([outcome.kind, copyOf(world) !== null]).toEqual(['succeeded', true]);
    untouched(world);
  });

  it('failed at each step: it runs on', async () => {
    await failedAtEachStep(make, REPLICATION_STEPS, ({ world }) => untouched(world));
  });

  it('crashed at each write and resumed: it is copied', async () => {
    const kills = await killedEverywhere(make, REPLICATION_STEPS, ({ outcome, world }) => {
      expect([outcome.kind, copyOf(world) !== null]).toEqual(['succeeded', true]);
      untouched(world);
    });
    expect(kills).toBeGreaterThan(REPLICATION_STEPS.length);
  });
});
