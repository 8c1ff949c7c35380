// Copying over simulated hosts: how it ends when a side is lost just then, and why it was ended.
import { describe, expect, it } from 'vitest';
import { OperationalError } from '../shared/errors.js';
import type { WorkflowOutcome } from '../shared/workflow.js';
import { crashingJournal } from '../shared/workflow.fixture.js';
import { onCopyEnd } from './copies.fixture.js';
import { DESTINATION, moveWorld, SOURCE, UUID, type MoveWorld } from './migration.fixture.js';
import { runCopyRelocation } from './run-copy-relocation.js';
import { runReplication } from './run-replication.js';

type Run = (one: MoveWorld, context: MoveWorld['copying'], journal: ReturnType<typeof crashingJournal>) => Promise<WorkflowOutcome>;
const relocation: Run = (_one, context, journal) => runCopyRelocation(context, journal.journal());
const replication: Run = (_one, context, journal) => runReplication({ ...context, stillWanted: async () => null }, journal.journal());
const local = (): MoveWorld => moveWorld({ isLocal: true });
const losable = (one: MoveWorld): MoveWorld['copying'] => ({ ...one.copying, target: { ...one.copying.target, provenOff: async () => !one.world.host(DESTINATION).powered } });

const CASES: readonly [string, Run, string][] = [['a relocation, the first copy', relocation, 'seed-1'], ['a relocation, the last copy', relocation, 'last'], ['a replication', replication, '']];

describe.each(CASES)('the target is lost just as a copy has ended well: %s', (_name, run, which) => {
  it.each<[string, (one: MoveWorld) => void, number]>([
    ['cut off, which is waited for as in mid-copy', (one) => one.world.cut(DESTINATION), 30_000],
    ['without power, and nobody proves it', (one) => one.world.powerOff(DESTINATION), 30_000],
  ])('%s', async (_what, lose, withinMs) => {
    const one = local();
    const journal = crashingJournal();
    const atMs = onCopyEnd(one, which, () => lose(one));
    expect(await run(one, one.copying, journal)).toMatchObject({ kind: 'failed', code: 'target-unreachable' });
    expect(one.copying.clock.monotonicMs() - atMs()).toBeLessThan(withinMs);
    expect(one.world.executingOn(UUID)).toEqual([SOURCE]);
    expect(journal.lines.some((line) => line.startsWith(`waits for an answer of ${DESTINATION}`))).toBe(true);
  });

  it('proven off, which needs no waiting', async () => {
    const one = local();
    const atMs = onCopyEnd(one, which, () => one.world.powerOff(DESTINATION));
    expect(await run(one, losable(one), crashingJournal())).toMatchObject({ kind: 'failed', code: 'target-unreachable', why: expect.stringContaining('proven off') });
    expect(one.copying.clock.monotonicMs() - atMs()).toBeLessThan(5_000);
    expect(one.world.executingOn(UUID)).toEqual([SOURCE]);
  });

  it('and is cancelled meanwhile', async () => {
    const one = local();
    const journal = crashingJournal();
    onCopyEnd(one, which, () => {
      one.world.cut(DESTINATION);
      journal.cancel();
    });
    expect(await run(one, one.copying, journal)).toMatchObject({ kind: 'cancelled' });
    expect(one.world.executingOn(UUID)).toEqual([SOURCE]);
  });
});

describe('a source that does not answer while it copies', () => {
  const blindFor = (one: MoveWorld, which: string, times: number): void => one.world.inject({ host: SOURCE, method: which, error: new OperationalError('unreachable', 'no answer'), when: 'before', times });

  it('is said to be waited for, and a cancel ends that', async () => {
    const one = local();
    const journal = crashingJournal();
    one.at(1_000, () => blindFor(one, 'copyCommand', 1_000));
    one.at(20_000, () => journal.cancel());
    expect(await replication(one, one.copying, journal)).toMatchObject({ kind: 'cancelled' });
    expect(one.copying.clock.monotonicMs()).toBeLessThan(25_000);
    expect(journal.lines).toContain(`waits for an answer of ${SOURCE}: no answer`);
  });

  it('has no longer for the last copy than one that answers', async () => {
    const one = local();
    const atMs = onCopyEnd(one, 'seed-1', () => undefined);
    const { hypervisor } = one.copying.source;
    const shutdown = hypervisor.requestShutdown.bind(hypervisor);
    hypervisor.requestShutdown = async (...args) => shutdown(...args).finally(() => blindFor(one, 'copyCommand', 3_000));
    expect(await relocation(one, one.copying, crashingJournal())).toMatchObject({ kind: 'failed', code: 'copy-too-slow' });
    expect(one.copying.clock.monotonicMs() - atMs()).toBeLessThan(6 * 60_000);
    expect(one.world.executingOn(UUID)).toEqual([SOURCE]);
  });

  it('goes on where it was once it answers again', async () => {
    const one = local();
    const journal = crashingJournal();
    one.at(1_000, () => blindFor(one, 'copyCommand', 30));
    expect(await replication(one, one.copying, journal)).toMatchObject({ kind: 'succeeded' });
  });
});

describe('why it was ended', () => {
  it.each<[string, OperationalError['code'], 'before' | 'after', string]>([
    ['cancelled, and the command that ends it is busy but takes effect', 'busy', 'after', 'cancelled'],
    ['cancelled, and the answer to that command is lost', 'timeout', 'after', 'cancelled'],
    ['cancelled, and the copying can not be ended', 'failed', 'before', 'cancelled'],
  ])('%s', async (_name, code, when, kind) => {
    const one = local();
    const journal = crashingJournal();
    one.world.inject({ host: SOURCE, method: 'abortCopy', error: new OperationalError(code, 'injected'), when, times: 9 });
    one.at(1_000, () => journal.cancel());
    expect(await relocation(one, one.copying, journal)).toMatchObject({ kind, code: kind, why: expect.stringMatching(/cancelled on request.*injected/) });
  });

  it('the target was lost: that is said, whatever ending it says', async () => {
    const one = local();
    one.world.inject({ host: SOURCE, method: 'abortCopy', error: new OperationalError('timeout', 'injected'), when: 'after', times: 9 });
    one.at(1_500, () => one.world.powerOff(DESTINATION));
    expect(await replication(one, losable(one), crashingJournal())).toMatchObject({ kind: 'failed', code: 'target-unreachable' });
  });
});
