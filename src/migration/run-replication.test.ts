// Replication over simulated hosts: the workload itself is touched by nothing that happens, and a copy is whole or none.
import { describe, expect, it } from 'vitest';
import { OperationalError } from '../shared/errors.js';
import { runWorkflow } from '../shared/workflow.js';
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
    ['the wire between them is cut in the middle, which their daemons would notice after two minutes', (one) => one.at(1_500, () => void (one.world.reaches = (from) => from !== SOURCE)), 'target-unreachable'],
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

describe('the last whole copy', () => {
  const spareOf = (one: MoveWorld): number | null | undefined => one.world.host(DESTINATION).domains.get(UUID)?.spare?.asOfMs;

  it.each<[string, (one: MoveWorld) => void]>([
    ['its source is lost while another one is made', (one) => one.at(one.copying.clock.monotonicMs() + 600, () => one.world.powerOff(SOURCE))],
    ['the target is lost while another one is made', (one) => one.at(one.copying.clock.monotonicMs() + 600, () => one.world.powerOff(DESTINATION))],
  ])('%s: it is there, and is made the workload', async (_name, spoil) => {
    const one = local();
    await run(one);
    const whole = copyOf(one);
    spoil(one);
    const source = { ...one.copying.source, provenOff: async () => !one.world.host(SOURCE).powered };
    expect(await runReplication({ ...contextOf(one, 'op-2'), source }, crashingJournal().journal())).toMatchObject({ kind: 'failed' });
    if (!one.world.host(DESTINATION).powered) one.world.powerOn(DESTINATION);
    expect([copyOf(one), spareOf(one)]).toEqual([whole, null]);
    const target = one.world.host(DESTINATION);
    const token = { ...one.copying.target.token, hostEpoch: 2 };
    target.guard?.admit(token, target.bootId, target.bootId);
    await one.copying.target.hypervisor.define(token, one.copying.workload.definition);
    expect(target.domains.get(UUID)?.replica).toBeNull();
  });

  it('is replaced by the next one that is whole, and is what the one after that is written over', async () => {
    const one = local();
    await run(one);
    const first = copyOf(one);
    await run(one, 'op-2');
    expect([(copyOf(one) ?? 0) > (first ?? Infinity), spareOf(one)]).toEqual([true, first]);
  });

  it('is put in its place before it would be written over, when nobody was left to do it', async () => {
    const one = local();
    await run(one);
    await runWorkflow(REPLICATION_STEPS.filter(({ name }) => name !== 'settle'), contextOf(one, 'op-2'), crashingJournal().journal());
    const newest = spareOf(one);
    one.at(one.copying.clock.monotonicMs() + 600, () => one.world.powerOff(DESTINATION));
    await run(one, 'op-3');
    expect([newest === null, copyOf(one)]).toEqual([false, newest]);
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
